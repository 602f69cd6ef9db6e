/** What the peer manager decided lately, and of whom: for an operator who asks why. */
import type { Metrics, peerDecisions } from '../../telemetry/metrics.ts'

export type DecisionKind = (typeof peerDecisions)[number]

export interface Decision {
  /** Unix time in ms. */
  readonly at: number
  readonly what: DecisionKind
  /** Its full id. */
  readonly peer: string
  /** Who told us of it, of a peer that was dialled. */
  readonly source?: string | undefined
}

/** Decisions remembered. */
const most = 200

export class Decisions {
  readonly #metrics: Pick<Metrics, 'waypost_peer_decisions_total'>
  #lately: Decision[] = []

  constructor(metrics: Pick<Metrics, 'waypost_peer_decisions_total'>) {
    this.#metrics = metrics
  }

  note(what: DecisionKind, peer: string, source?: string): void {
    this.#metrics.waypost_peer_decisions_total.inc({ decision: what })
    this.#lately.push({ at: Date.now(), what, peer, source })
    if (this.#lately.length > 2 * most) this.#lately = this.#lately.slice(-most)
  }

  /** The latest last. */
  get lately(): readonly Decision[] {
    return this.#lately.slice(-most)
  }
}
