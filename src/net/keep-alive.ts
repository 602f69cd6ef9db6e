/**
 * Keep-alive: pings the peers, and closes the connections of those that no longer answer. Without it a peer whose
 * machine is gone without a word would hold its place for hours.
 *
 * nwaku's rhythm, made simple: those that we dialled or gossip with often, all others now and then, since
 * a ping wakes a sleeping phone.
 */
import type { Connection, Libp2p, PeerId } from '@libp2p/interface'
import type { Ping } from '@libp2p/ping'
import { messageOf } from '../core/errors.ts'
import { type Milliseconds, type Schedule, systemSchedule } from '../core/time.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { Slots } from './slots.ts'

/** Between two rounds; nwaku pings its mesh and some others every 10 s, its outbound peers every 2 min. */
const roundInterval: Milliseconds = 30_000

/** Each third round pings everybody: the stock TCP transport closes a socket that was silent for two minutes. */
const fullRound = 3

/** For one ping, the opening of its stream included: nwaku's. */
const pingTimeout: Milliseconds = 5000

/** Pings in a row without an answer after which a peer is gone. One may be lost with a phone's change of network. */
const failuresAllowed = 2

/** Pings at the same time: a round over 300 peers is no burst. */
const parallelPings = 10

export interface KeepAliveParts {
  readonly libp2p: Pick<Libp2p<{ ping: Ping }>, 'getConnections' | 'getPeers' | 'services'>
  /** Full ids of the peers in a gossip mesh. */
  readonly meshPeers: () => Iterable<string>
  readonly metrics: Metrics
  readonly log: Log
  readonly schedule?: Schedule
}

export class KeepAlive implements AsyncDisposable {
  readonly #parts: Required<KeepAliveParts>
  readonly #slots = new Slots(parallelPings)
  readonly #stop = new AbortController()
  /** Unanswered pings in a row, of connected peers only. */
  readonly #failures = new Map<string, number>()
  #rounds = 0
  #cancel: () => void = () => {}
  #running: Promise<unknown> = Promise.resolve()

  constructor(parts: KeepAliveParts) {
    this.#parts = { schedule: systemSchedule, ...parts }
    this.#wait()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#cancel()
    this.#stop.abort()
    await this.#running
  }

  #wait(): void {
    if (this.#stop.signal.aborted) return
    this.#cancel = this.#parts.schedule(() => {
      this.#running = this.#round()
        .catch((error) => this.#parts.log.error({ reason: messageOf(error) }, 'round of pings failed'))
        .finally(() => this.#wait())
    }, roundInterval)
  }

  async #round(): Promise<void> {
    this.#rounds += 1
    const peers = this.#parts.libp2p.getPeers()
    this.#forgetAllBut(peers)
    const asked = this.#rounds % fullRound === 0 ? peers : peers.filter(this.#isOften())
    await Promise.all(asked.map((peer) => this.#slots.run(() => this.#ping(peer))))
  }

  #isOften(): (peer: PeerId) => boolean {
    const mesh = new Set(this.#parts.meshPeers())
    const isOutbound = ({ direction }: Connection): boolean => direction === 'outbound'
    return (peer) => mesh.has(peer.toString()) || this.#parts.libp2p.getConnections(peer).some(isOutbound)
  }

  async #ping(peer: PeerId): Promise<void> {
    const { libp2p } = this.#parts
    const { signal } = this.#stop
    if (signal.aborted || libp2p.getConnections(peer).length === 0) return
    try {
      await libp2p.services.ping.ping(peer, { signal: AbortSignal.any([signal, AbortSignal.timeout(pingTimeout)]) })
      this.#forget(peer.toString())
    } catch (error) {
      if (signal.aborted) return
      if (isAnswer(error)) this.#forget(peer.toString())
      else this.#failed(peer, error)
    }
  }

  #failed(peer: PeerId, error: unknown): void {
    const { libp2p, metrics, log } = this.#parts
    const id = peer.toString()
    metrics.waku_node_errors_total.inc({ type: 'keep_alive_failure' })
    const failures = (this.#failures.get(id) ?? 0) + 1
    this.#failures.set(id, failures)
    log.debug({ peer: id, failures, reason: messageOf(error) }, 'ping not answered')
    if (failures < failuresAllowed) return
    this.#forget(id)
    for (const connection of libp2p.getConnections(peer)) connection.abort(new Error('pings were not answered'))
  }

  #forget(peer: string): void {
    this.#failures.delete(peer)
  }

  #forgetAllBut(peers: readonly PeerId[]): void {
    const connected = new Set(peers.map(String))
    for (const peer of this.#failures.keys()) if (!connected.has(peer)) this.#forget(peer)
  }
}

/** Who says that it knows no ping is there to say so. */
function isAnswer(error: unknown): boolean {
  return error instanceof Error && error.name === 'UnsupportedProtocolError'
}
