/**
 * Messages that peers said they had and were asked for: of each IWANT one id, which they have three seconds to send
 * (gossipsub v1.1, "Spam Protection": IHAVE). Whoever says and does not send wants to keep us busy.
 */
import type { Milliseconds } from '../../../core/time.ts'
import { followUp } from './bounds.ts'

export class Promises {
  /** By the id of the message: who promised it, and until when. */
  readonly #open = new Map<string, Map<string, Milliseconds>>()

  get size(): number {
    return this.#open.size
  }

  /** `peer` was asked for the message. */
  add(id: string, peer: string, now: Milliseconds): void {
    const peers = this.#open.get(id) ?? new Map<string, Milliseconds>()
    if (!peers.has(peer)) peers.set(peer, now + followUp)
    this.#open.set(id, peers)
  }

  /** The message came, from whomever: nobody owes it any more. */
  kept(id: string): void {
    if (this.#open.size > 0) this.#open.delete(id)
  }

  /** Takes out the promises that are due, and says how many each peer broke. */
  broken(now: Milliseconds): ReadonlyMap<string, number> {
    const counts = new Map<string, number>()
    for (const [id, peers] of this.#open) {
      for (const [peer, due] of peers) {
        if (due >= now) continue
        peers.delete(peer)
        counts.set(peer, (counts.get(peer) ?? 0) + 1)
      }
      if (peers.size === 0) this.#open.delete(id)
    }
    return counts
  }

  clear(): void {
    this.#open.clear()
  }
}
