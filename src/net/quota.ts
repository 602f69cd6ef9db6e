/**
 * Who may ask how often: a token bucket for each peer and one for all together.
 *
 * A bucket holds `volume` tokens and refills evenly over `period`. Refusals cost nothing, so a flood of them does not
 * keep an honest peer out for longer.
 */
import type { Clock, Milliseconds } from '../core/time.ts'

/** `volume` requests in each `period`. */
export interface Rate {
  readonly volume: number
  readonly period: Milliseconds
}

export interface QuotaOptions {
  readonly perPeer: Rate
  readonly total: Rate
  /** A monotonic clock: a step of the wall clock gives nobody tokens. */
  readonly clock?: Clock
}

/** Peers remembered at once. Above it the one that asked least recently is forgotten, and starts with a full bucket. */
const maxPeers = 10_000

export class Quota {
  readonly #clock: Clock
  #perPeer: Rate
  #total: Bucket
  /** In the order of the last request, the oldest first. */
  readonly #peers = new Map<string, Bucket>()

  constructor({ perPeer, total, clock = () => performance.now() }: QuotaOptions) {
    this.#perPeer = perPeer
    this.#clock = clock
    this.#total = new Bucket(total, clock())
  }

  /** Other rates from now on. Everybody begins with a full bucket. */
  change({ perPeer, total }: Pick<QuotaOptions, 'perPeer' | 'total'>): void {
    this.#perPeer = perPeer
    this.#total = new Bucket(total, this.#clock())
    this.#peers.clear()
  }

  /** Takes one token for `peer`. False when its own bucket or the common one is empty. */
  take(peer: string): boolean {
    const now = this.#clock()
    const own = this.#bucketOf(peer, now)
    if (!own.holds(now) || !this.#total.holds(now)) return false
    own.take()
    this.#total.take()
    return true
  }

  #bucketOf(peer: string, now: Milliseconds): Bucket {
    const bucket = this.#peers.get(peer) ?? new Bucket(this.#perPeer, now)
    this.#peers.delete(peer)
    this.#peers.set(peer, bucket)
    if (this.#peers.size > maxPeers) this.#forgetOldest()
    return bucket
  }

  #forgetOldest(): void {
    const [oldest] = this.#peers.keys()
    if (oldest !== undefined) this.#peers.delete(oldest)
  }
}

class Bucket {
  readonly #rate: Rate
  #tokens: number
  #filledAt: Milliseconds

  constructor(rate: Rate, now: Milliseconds) {
    this.#rate = rate
    this.#tokens = rate.volume
    this.#filledAt = now
  }

  /** Refills for the time passed, and says whether a token is there. */
  holds(now: Milliseconds): boolean {
    const gained = ((now - this.#filledAt) / this.#rate.period) * this.#rate.volume
    this.#tokens = Math.min(this.#rate.volume, this.#tokens + Math.max(0, gained))
    this.#filledAt = now
    return this.#tokens >= 1
  }

  take(): void {
    this.#tokens -= 1
  }
}
