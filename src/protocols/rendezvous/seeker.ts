/**
 * Rendezvous for a node: stays registered at a few rendezvous points, and looks for others there at the start and whenever
 * nobody is left to dial (WAKU-RENDEZVOUS).
 */
import type { PeerId } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { messageOf } from '../../core/errors.ts'
import { type Clock, type Milliseconds, type Schedule, systemSchedule } from '../../core/time.ts'
import type { Found } from '../../net/discovery/found.ts'
import type { Capability } from '../../net/discovery/node-record.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { discover } from './client.ts'
import { askInterval, tick } from './limits.ts'
import { namespaceOf, type Place } from './namespaces.ts'
import type { WakuPeerRecord } from './peer-record.ts'
import { Registrar, type RegistrarParts } from './registrar.ts'

export interface SeekerParts extends Omit<RegistrarParts, 'serves' | 'clock' | 'random'> {
  /** What we serve beside relay; undefined: we do not relay, and put up no record of ours. */
  readonly serves: readonly Capability[] | undefined
  /** For which services we look; for none: for relays. */
  readonly seeks: readonly Capability[]
  /** The connected peers that are rendezvous points. */
  readonly points: () => readonly PeerId[]
  /** Told of a peer that was found. It does not throw. */
  readonly found: (found: Found) => void
  readonly metrics: Metrics
  readonly schedule?: Schedule
  /** A monotonic clock. */
  readonly clock?: Clock
  /** From 0 up to, not including, 1. */
  readonly random?: () => number
}

export class Seeker implements AsyncDisposable {
  readonly #parts: SeekerParts & Pick<RegistrarParts, 'clock' | 'random'> & { readonly schedule: Schedule }
  readonly #registrar: Registrar | undefined
  readonly #stop = new AbortController()
  /** By point: when we looked there. Connected ones only. */
  readonly #askedAt = new Map<string, Milliseconds>()
  #wantsPeers = true
  #isBusy = false
  #work: Promise<void> = Promise.resolve()
  #cancel: () => void = () => {}

  constructor(parts: SeekerParts) {
    this.#parts = { schedule: systemSchedule, clock: () => performance.now(), random: Math.random, ...parts }
    const { serves } = parts
    this.#registrar = serves && new Registrar({ ...this.#parts, serves })
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
    for (const point of this.#askedAt.keys()) if (!points.has(point)) this.#askedAt.delete(point)
    await this.#registrar?.keep(points, this.#stop.signal)
    if (this.#wantsPeers) await this.#lookAt(points)
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
    const { libp2p, cluster, shards, seeks, log } = this.#parts
    const { signal } = this.#stop
    const places = shards().flatMap((shard) =>
      (seeks.length > 0 ? seeks : [undefined]).map((capability) => ({ cluster, shard, capability })),
    )
    const seen = new Map<string, Seen>()
    try {
      for (const place of places)
        for (const record of await discover(libp2p, point, namespaceOf(place), { signal })) note(seen, record, place)
    } catch (error) {
      log.debug({ peer: point.toString(), reason: messageOf(error) }, 'rendezvous point tells of nobody')
    }
    for (const one of seen.values()) this.#tell(one)
  }

  #tell({ record: { peerId, addresses }, shards, capabilities }: Seen): void {
    const { cluster, privateKey, metrics, found } = this.#parts
    if (peerId.equals(peerIdFromPrivateKey(privateKey))) return
    metrics.rendezvousPeerFoundTotal_total.inc()
    found({ peerId, addresses, source: 'rendezvous', capabilities, shards: { cluster, shards: [...shards] } })
  }
}

/** A peer that was seen, and under what. */
interface Seen {
  record: WakuPeerRecord
  readonly shards: Set<number>
  readonly capabilities: Set<Capability>
}

/** Only relays put up their records: WAKU-RENDEZVOUS. Of two records of one peer the later one counts. */
function note(seen: Map<string, Seen>, record: WakuPeerRecord, { shard, capability }: Place): void {
  const id = record.peerId.toString()
  const known: Seen = seen.get(id) ?? { record, shards: new Set(), capabilities: new Set(['relay']) }
  if (record.sequence > known.record.sequence) known.record = record
  known.shards.add(shard)
  if (capability !== undefined) known.capabilities.add(capability)
  seen.set(id, known)
}
