/**
 * Rendezvous for a node: stays registered at a few rendezvous points, under each of its shards, and looks for others there
 * at the start and whenever nobody is left to dial (WAKU-RENDEZVOUS).
 */
import type { Libp2p, PeerId, PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { Multiaddr } from '@multiformats/multiaddr'
import { isWaypostError, messageOf } from '../../core/errors.ts'
import { type Clock, type Milliseconds, type Schedule, systemClock, systemSchedule } from '../../core/time.ts'
import type { Found } from '../../net/discovery/found.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { discover, register } from './client.ts'
import { Status } from './codec.ts'
import { askInterval, boards, ownTtls, tick } from './limits.ts'
import { namespaceOf } from './namespaces.ts'
import { sealRecord, type WakuPeerRecord } from './peer-record.ts'

export interface SeekerParts {
  readonly libp2p: Pick<Libp2p, 'dialProtocol'>
  readonly privateKey: PrivateKey
  readonly cluster: number
  /** Where we can be reached at this moment. */
  readonly addresses: () => readonly Multiaddr[]
  /** The shards that we follow at this moment. */
  readonly shards: () => readonly number[]
  /** False: we look for others, and put up no record of ours, as we do not relay. */
  readonly registers: boolean
  /** The connected peers that are rendezvous points. */
  readonly points: () => readonly PeerId[]
  /** Told of a peer that was found. It does not throw. */
  readonly found: (found: Found) => void
  readonly metrics: Metrics
  readonly log: Log
  readonly schedule?: Schedule
  /** A monotonic clock. */
  readonly clock?: Clock
  /** From 0 up to, not including, 1. */
  readonly random?: () => number
}

export class Seeker implements AsyncDisposable {
  readonly #parts: Required<SeekerParts>
  readonly #stop = new AbortController()
  /** By point where we are registered: when that is to be renewed. Connected ones only. */
  readonly #renewAt = new Map<string, Milliseconds>()
  /** By point: when we looked there. Connected ones only. */
  readonly #askedAt = new Map<string, Milliseconds>()
  #wantsPeers = true
  #isBusy = false
  #work: Promise<void> = Promise.resolve()
  #cancel: () => void = () => {}

  constructor(parts: SeekerParts) {
    this.#parts = { schedule: systemSchedule, clock: () => performance.now(), random: Math.random, ...parts }
  }

  /** Looks for others, and stays registered, from now on; called again, it does what is to be done at once. */
  start(): void {
    if (this.#stop.signal.aborted || this.#isBusy) return
    this.#cancel()
    this.#isBusy = true
    this.#work = this.#round()
      .catch((error) => this.#parts.log.error({ reason: messageOf(error) }, 'rendezvous failed'))
      .then(() => {
        this.#isBusy = false
        if (!this.#stop.signal.aborted) this.#cancel = this.#parts.schedule(() => this.start(), tick)
      })
  }

  /** Looks for more peers in the next round. */
  findMore(): void {
    this.#wantsPeers = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#cancel()
    await this.#work
  }

  async #round(): Promise<void> {
    const points = new Map(this.#parts.points().map((point) => [point.toString(), point]))
    for (const kept of [this.#renewAt, this.#askedAt])
      for (const point of kept.keys()) if (!points.has(point)) kept.delete(point)
    if (this.#parts.registers) await this.#registerAt(points)
    if (this.#wantsPeers) await this.#lookAt(points)
  }

  async #registerAt(points: ReadonlyMap<string, PeerId>): Promise<void> {
    const { addresses, privateKey, clock, random } = this.#parts
    const own = addresses()
    if (own.length === 0 || points.size === 0) return
    this.#chooseBoards([...points.keys()], random)
    const due = [...this.#renewAt].filter(([, at]) => at <= clock())
    if (due.length === 0) return
    const sequence = BigInt(Math.floor(systemClock() / 1000))
    const record = await sealRecord({ peerId: peerIdFromPrivateKey(privateKey), sequence, addresses: own }, privateKey)
    for (const [name] of due) {
      const point = points.get(name)
      if (point !== undefined) this.#renewAt.set(name, clock() + (await this.#registerAll(point, record)))
    }
  }

  /** Random ones, which stay as long as they are connected. */
  #chooseBoards(points: readonly string[], random: () => number): void {
    const others = points.filter((point) => !this.#renewAt.has(point))
    while (this.#renewAt.size < boards && others.length > 0) {
      const [chosen] = others.splice(Math.floor(random() * others.length), 1)
      if (chosen !== undefined) this.#renewAt.set(chosen, 0)
    }
  }

  /** Registers all of our shards; the time until that is to be done again. */
  async #registerAll(point: PeerId, record: Uint8Array): Promise<Milliseconds> {
    const { cluster, shards, log } = this.#parts
    let shortest = Number.POSITIVE_INFINITY
    try {
      for (const shard of shards())
        shortest = Math.min(shortest, await this.#registerOne(point, namespaceOf({ cluster, shard }), record))
    } catch (error) {
      log.debug({ peer: point.toString(), reason: messageOf(error) }, 'not registered at a rendezvous point')
    }
    return Number.isFinite(shortest) && shortest > 0 ? (shortest * 1000) / 2 : askInterval
  }

  /** For how many seconds it was granted. A board that wants no registrations so short is asked for a longer one. */
  async #registerOne(point: PeerId, namespace: string, record: Uint8Array): Promise<number> {
    const [short, long] = ownTtls
    const ask = (ttl: number): Promise<number> =>
      register(this.#parts.libp2p, point, { namespace, record, ttl }, { signal: this.#stop.signal })
    try {
      return await ask(short)
    } catch (error) {
      if (!isWaypostError(error, 'client/refused') || error.data.status !== Status.invalidTtl) throw error
      return await ask(long)
    }
  }

  async #lookAt(points: ReadonlyMap<string, PeerId>): Promise<void> {
    const { clock, random } = this.#parts
    const ready = [...points].filter(([name]) => clock() - (this.#askedAt.get(name) ?? -askInterval) >= askInterval)
    const [name, point] = ready[Math.floor(random() * ready.length)] ?? []
    if (name === undefined || point === undefined) return
    this.#askedAt.set(name, clock())
    this.#wantsPeers = false
    await this.#look(point)
  }

  /** Looks for peers of each of our shards, and tells of each peer once, with all that it was found under. */
  async #look(point: PeerId): Promise<void> {
    const { libp2p, cluster, shards, log } = this.#parts
    const found = new Map<string, { record: WakuPeerRecord; shards: number[] }>()
    try {
      for (const shard of shards())
        for (const record of await discover(libp2p, point, namespaceOf({ cluster, shard }), {
          signal: this.#stop.signal,
        }))
          note(found, record, shard)
    } catch (error) {
      log.debug({ peer: point.toString(), reason: messageOf(error) }, 'rendezvous point tells of nobody')
    }
    for (const { record, shards } of found.values()) this.#tell(record, shards)
  }

  #tell({ peerId, addresses }: WakuPeerRecord, shards: readonly number[]): void {
    const { cluster, privateKey, metrics, found } = this.#parts
    if (peerId.equals(peerIdFromPrivateKey(privateKey))) return
    metrics.rendezvousPeerFoundTotal_total.inc()
    // Only relays put up their records under a shard alone: WAKU-RENDEZVOUS.
    found({ peerId, addresses, source: 'rendezvous', capabilities: new Set(['relay']), shards: { cluster, shards } })
  }
}

/** Of two records of one peer the later one counts. */
function note(
  found: Map<string, { record: WakuPeerRecord; shards: number[] }>,
  record: WakuPeerRecord,
  shard: number,
): void {
  const id = record.peerId.toString()
  const known = found.get(id)
  const newer = known === undefined || record.sequence > known.record.sequence ? record : known.record
  found.set(id, { record: newer, shards: [...(known?.shards ?? []), shard] })
}
