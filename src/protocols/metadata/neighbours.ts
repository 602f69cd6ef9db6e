/**
 * The connected peers and what they say of themselves. Each is asked as soon as it connects, whoever dialled: that is
 * also how @waku/sdk learns our shards. One of another cluster is disconnected, as nwaku does.
 *
 * nwaku also drops peers that cannot be asked. We keep them: a peer that does not speak metadata may speak all that it
 * needs (decision 0005, 1).
 */
import type { Libp2p, PeerId } from '@libp2p/interface'
import { messageOf } from '../../core/errors.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { askMetadata } from './client.ts'
import type { Metadata } from './codec.ts'
import { type NeighbourLimits, neighbourLimits } from './limits.ts'

export interface NeighbourParts {
  readonly libp2p: Pick<Libp2p, 'dialProtocol' | 'hangUp' | 'getPeers' | 'addEventListener' | 'removeEventListener'>
  readonly cluster: number
  /** Our cluster, and the shards that we follow at this moment. */
  readonly ours: () => Metadata
  readonly metrics: Metrics
  readonly log: Log
  readonly limits?: Partial<NeighbourLimits>
}

interface Neighbour {
  readonly id: PeerId
  /** Aborted when it disconnects. */
  readonly gone: AbortController
  said?: Metadata
  /** Runs while one of another cluster has its grace. */
  leaving?: NodeJS.Timeout
}

export class Neighbours implements Disposable {
  readonly #parts: NeighbourParts
  readonly #limits: NeighbourLimits
  /** By peer id: connected peers only, so as many as there may be connections. */
  readonly #peers = new Map<string, Neighbour>()
  /** Those that wait to be asked, in the order in which they came. */
  readonly #waiting = new Set<Neighbour>()
  #asking = 0

  constructor(parts: NeighbourParts) {
    this.#parts = parts
    this.#limits = { ...neighbourLimits, ...parts.limits }
    const { libp2p } = parts
    libp2p.addEventListener('peer:connect', this.#connected)
    libp2p.addEventListener('peer:disconnect', this.#disconnected)
    for (const peer of libp2p.getPeers()) this.#meet(peer)
  }

  /** What the connected peer with this id said of itself; undefined while it has said nothing. */
  of(peer: string): Metadata | undefined {
    return this.#peers.get(peer)?.said
  }

  /** Takes what a connected peer said of itself. */
  heard(peer: string, said: Metadata): void {
    const neighbour = this.#peers.get(peer)
    if (neighbour === undefined) return
    neighbour.said = said
    // Absent reads as 0, which is how writers without field presence write 0. Elsewhere it is another cluster, as
    // nwaku has it.
    if ((said.cluster ?? 0) !== this.#parts.cluster) this.#part(neighbour, said)
  }

  [Symbol.dispose](): void {
    const { libp2p } = this.#parts
    libp2p.removeEventListener('peer:connect', this.#connected)
    libp2p.removeEventListener('peer:disconnect', this.#disconnected)
    for (const { id } of this.#peers.values()) this.#forget(id)
  }

  readonly #connected = ({ detail }: CustomEvent<PeerId>): void => this.#meet(detail)

  readonly #disconnected = ({ detail }: CustomEvent<PeerId>): void => this.#forget(detail)

  #meet(id: PeerId): void {
    const neighbour: Neighbour = { id, gone: new AbortController() }
    this.#forget(id)
    this.#peers.set(id.toString(), neighbour)
    this.#waiting.add(neighbour)
    this.#askNext()
  }

  #forget(id: PeerId): void {
    const neighbour = this.#peers.get(id.toString())
    if (neighbour === undefined) return
    this.#peers.delete(id.toString())
    this.#waiting.delete(neighbour)
    clearTimeout(neighbour.leaving)
    neighbour.gone.abort()
  }

  #askNext(): void {
    for (const neighbour of this.#waiting) {
      if (this.#asking >= this.#limits.asks) return
      this.#waiting.delete(neighbour)
      void this.#ask(neighbour)
    }
  }

  async #ask({ id, gone: { signal } }: Neighbour): Promise<void> {
    const { libp2p, ours, log } = this.#parts
    const { responseBytes, timeout } = this.#limits
    this.#asking += 1
    try {
      const said = await askMetadata(libp2p, id, ours(), { responseBytes, timeout, signal })
      if (!signal.aborted) this.heard(id.toString(), said)
    } catch (error) {
      log.debug({ peer: id.toString(), reason: messageOf(error) }, 'peer reports no metadata')
    }
    this.#asking -= 1
    this.#askNext()
  }

  #part(neighbour: Neighbour, { cluster }: Metadata): void {
    if (neighbour.leaving !== undefined) return
    const { metrics, log } = this.#parts
    metrics.waypost_foreign_peers_total.inc()
    log.debug({ peer: neighbour.id.toString(), cluster }, 'peer of another cluster')
    neighbour.leaving = setTimeout(() => void this.#hangUp(neighbour.id), this.#limits.grace)
  }

  async #hangUp(id: PeerId): Promise<void> {
    try {
      await this.#parts.libp2p.hangUp(id, { signal: AbortSignal.timeout(this.#limits.closeTimeout) })
    } catch (error) {
      this.#parts.log.debug({ peer: id.toString(), reason: messageOf(error) }, 'peer not disconnected')
    }
  }
}
