/** Asks one peer after the other for more peers: a few in a round, and none of them too often. */
import type { Libp2p, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { isWaypostError, messageOf } from '../../core/errors.ts'
import type { Clock, Milliseconds } from '../../core/time.ts'
import type { Enr } from '../../net/discovery/enr.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { askForPeers } from './client.ts'
import { askedPeers, askInterval } from './limits.ts'

export interface AskerParts {
  readonly libp2p: Pick<Libp2p, 'dialProtocol'>
  /** Whom one can ask at this moment, the best first. */
  readonly candidates: () => readonly (Multiaddr | PeerId)[]
  /** Told of each record, its signature checked. It does not throw. */
  readonly found: (record: Enr) => void
  readonly metrics: Metrics
  readonly log: Log
  /** A monotonic clock. */
  readonly clock?: Clock
}

export class Asker implements AsyncDisposable {
  readonly #parts: AskerParts
  readonly #clock: Clock
  readonly #stop = new AbortController()
  /** When each was asked, within the last interval: so no more than can be asked in it. */
  readonly #askedAt = new Map<string, Milliseconds>()
  #round: Promise<void> | undefined

  constructor(parts: AskerParts) {
    this.#parts = parts
    this.#clock = parts.clock ?? (() => performance.now())
  }

  /** Begins a round unless one is under way; quick, and never throws. */
  ask(): void {
    if (this.#stop.signal.aborted || this.#round !== undefined) return
    const chosen = this.#choose()
    if (chosen.length === 0) return
    this.#round = this.#askAll(chosen).finally(() => {
      this.#round = undefined
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#round
  }

  #choose(): readonly (Multiaddr | PeerId)[] {
    const now = this.#clock()
    for (const [peer, at] of this.#askedAt) if (now - at >= askInterval) this.#askedAt.delete(peer)
    return this.#parts
      .candidates()
      .filter((peer) => !this.#askedAt.has(peer.toString()))
      .slice(0, askedPeers)
  }

  async #askAll(peers: readonly (Multiaddr | PeerId)[]): Promise<void> {
    for (const peer of peers) {
      if (this.#stop.signal.aborted) return
      this.#askedAt.set(peer.toString(), this.#clock())
      await this.#askOne(peer)
    }
  }

  async #askOne(peer: Multiaddr | PeerId): Promise<void> {
    const { libp2p, found, metrics, log } = this.#parts
    try {
      const { records, refused } = await askForPeers(libp2p, peer, { signal: this.#stop.signal })
      metrics.waku_px_peers_received_total.inc(records.length)
      metrics.waku_px_client_errors_total.inc({ type: 'bad_record' }, refused)
      log.debug({ peer: peer.toString(), records: records.length, refused }, 'peer told of others')
      for (const record of records) found(record)
    } catch (error) {
      if (this.#stop.signal.aborted) return
      metrics.waku_px_client_errors_total.inc({ type: kindOf(error) })
      log.debug({ peer: peer.toString(), reason: messageOf(error) }, 'peer tells of no others')
    }
  }
}

function kindOf(error: unknown): 'dial_failure' | 'decode_rpc_failure' | 'px_failure' {
  if (!isWaypostError(error)) return 'dial_failure'
  return error.code === 'wire/malformed' ? 'decode_rpc_failure' : 'px_failure'
}
