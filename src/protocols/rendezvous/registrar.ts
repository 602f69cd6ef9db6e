/**
 * Keeps our record at a few rendezvous points: under each of our shards, and, for longer and so less often, under each
 * shard with each of our services.
 */
import type { Libp2p, PeerId, PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { Multiaddr } from '@multiformats/multiaddr'
import { isWaypostError, messageOf } from '../../core/errors.ts'
import { type Clock, type Milliseconds, systemClock } from '../../core/time.ts'
import type { Capability } from '../../net/discovery/node-record.ts'
import type { Log } from '../../telemetry/log.ts'
import { register } from './client.ts'
import { Status } from './codec.ts'
import { askInterval, boardStay, boards, longTtl, renewal, serviceTtl, shardTtl } from './limits.ts'
import { namespaceOf } from './namespaces.ts'
import { sealRecord } from './peer-record.ts'

export interface RegistrarParts {
  readonly libp2p: Pick<Libp2p, 'dialProtocol'>
  readonly privateKey: PrivateKey
  readonly cluster: number
  /** Where we can be reached at this moment. */
  readonly addresses: () => readonly Multiaddr[]
  /** The shards that we follow at this moment. */
  readonly shards: () => readonly number[]
  /** What we serve beside relay. */
  readonly serves: readonly Capability[]
  readonly log: Log
  /** A monotonic clock. */
  readonly clock: Clock
  /** From 0 up to, not including, 1. */
  readonly random: () => number
}

/** When the two kinds of registrations are due at a point: those of shards alone, and those with a service. */
interface Due {
  shards: Milliseconds
  services: Milliseconds
  /** When we look for another board in place of this one. */
  readonly until: Milliseconds
}

export class Registrar {
  readonly #parts: RegistrarParts
  /** By point, the connected ones at which we are registered. */
  readonly #due = new Map<string, Due>()

  constructor(parts: RegistrarParts) {
    this.#parts = parts
  }

  /** Does what is due at some of `points`, which are those that are connected. */
  async keep(points: ReadonlyMap<string, PeerId>, signal: AbortSignal): Promise<void> {
    const { addresses, clock } = this.#parts
    const now = clock()
    for (const [name, { until }] of this.#due) if (!points.has(name) || until <= now) this.#due.delete(name)
    this.#chooseBoards([...points.keys()], now)
    const due = [...this.#due].filter(([, { shards, services }]) => Math.min(shards, services) <= now)
    const own = addresses()
    if (own.length === 0 || due.length === 0) return
    const record = await this.#seal(own)
    for (const [name, due] of this.#due) {
      const point = points.get(name)
      if (point !== undefined) await this.#renew(point, due, record, signal)
    }
  }

  /** Random ones, which stay for a while, as long as they are connected. */
  #chooseBoards(points: readonly string[], now: Milliseconds): void {
    const { random } = this.#parts
    const others = points.filter((point) => !this.#due.has(point))
    while (this.#due.size < boards && others.length > 0) {
      const [chosen] = others.splice(Math.floor(random() * others.length), 1)
      const until = now + boardStay * (0.5 + random() / 2)
      if (chosen !== undefined) this.#due.set(chosen, { shards: 0, services: 0, until })
    }
  }

  #seal(addresses: readonly Multiaddr[]): Promise<Uint8Array> {
    const { privateKey } = this.#parts
    const sequence = BigInt(Math.floor(systemClock() / 1000))
    return sealRecord({ peerId: peerIdFromPrivateKey(privateKey), sequence, addresses }, privateKey)
  }

  async #renew(point: PeerId, due: Due, record: Uint8Array, signal: AbortSignal): Promise<void> {
    const { cluster, shards, serves, clock } = this.#parts
    const plain = shards().map((shard) => namespaceOf({ cluster, shard }))
    const served = shards().flatMap((shard) => serves.map((capability) => namespaceOf({ cluster, shard, capability })))
    if (due.shards <= clock()) due.shards = clock() + (await this.#registerAll(point, plain, record, shardTtl, signal))
    if (due.services <= clock())
      due.services = clock() + (await this.#registerAll(point, served, record, serviceTtl, signal))
  }

  /** Registers under all of `namespaces`; the time until that is to be done again. */
  async #registerAll(
    point: PeerId,
    namespaces: readonly string[],
    record: Uint8Array,
    ttl: number,
    signal: AbortSignal,
  ): Promise<Milliseconds> {
    let granted = ttl
    try {
      for (const namespace of namespaces)
        granted = Math.min(granted, await this.#registerOne(point, { namespace, record, ttl }, signal))
    } catch (error) {
      this.#parts.log.debug(
        { peer: point.toString(), reason: messageOf(error) },
        'not registered at a rendezvous point',
      )
      return askInterval
    }
    return Math.max(renewal, (granted * 1000) / 2)
  }

  /** For how many seconds it was granted. A point that wants no registrations so short is asked for a long one. */
  async #registerOne(
    point: PeerId,
    registration: { readonly namespace: string; readonly record: Uint8Array; readonly ttl: number },
    signal: AbortSignal,
  ): Promise<number> {
    const { libp2p } = this.#parts
    try {
      return await register(libp2p, point, registration, { signal })
    } catch (error) {
      if (!isWaypostError(error, 'client/refused') || error.data.status !== Status.invalidTtl) throw error
      return await register(libp2p, point, { ...registration, ttl: longTtl }, { signal })
    }
  }
}
