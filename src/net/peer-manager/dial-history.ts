/**
 * What became of dials, so that who cannot be reached is left alone for a while, longer each time, and forgotten in the
 * end; what became of those who were forgotten is remembered too. Whoever was reached before is tried again sooner and longer: after a partition heals, or a fleet restarts, its
 * members are back within seconds.
 */
import type { Clock, Milliseconds } from '../../core/time.ts'

interface Patience {
  /** The wait after the first failure. */
  readonly first: Milliseconds
  readonly factor: number
  readonly most: Milliseconds
  /** Failures in a row after which a peer is forgotten. */
  readonly failures: number
}

/** Of a peer that was never reached: a quarter of nwaku's first wait, its factor and its count. */
const withStrangers: Patience = { first: 30_000, factor: 4, most: 7_200_000, failures: 5 }

/** Of a peer that was connected before: forgotten after about an hour. */
const withFriends: Patience = { first: 1000, factor: 2, most: 600_000, failures: 15 }

/** A connection that held so long was good: what failed before it counts no more. */
const goodAfter: Milliseconds = 30_000

interface Past {
  readonly failures: number
  readonly failedAt: Milliseconds
  /** When it was connected last. Undefined: we never reached it. */
  readonly connectedAt: Milliseconds | undefined
  /** The wait after the last failure. */
  readonly wait: Milliseconds
}

export interface DialHistoryOptions {
  /** Peers remembered at the most. Above it the one of which nothing was heard longest goes. */
  readonly capacity: number
  /** A monotonic clock. */
  readonly clock?: Clock
  /** From 0 to 1. */
  readonly random?: () => number
}

export class DialHistory {
  readonly #capacity: number
  readonly #clock: Clock
  readonly #random: () => number
  /** By peer id, the one of which nothing was heard longest first. */
  readonly #past = new Map<string, Past>()

  constructor({ capacity, clock = () => performance.now(), random = Math.random }: DialHistoryOptions) {
    this.#capacity = capacity
    this.#clock = clock
    this.#random = random
  }

  /** True when we reached it before. */
  isFriend(peer: string): boolean {
    return this.#past.get(peer)?.connectedAt !== undefined
  }

  /** Failures since it was connected last. */
  failures(peer: string): number {
    return this.#past.get(peer)?.failures ?? 0
  }

  /** How long to leave it alone; 0: it may be dialled. */
  waitFor(peer: string): Milliseconds {
    const past = this.#past.get(peer)
    if (past === undefined || past.failures === 0) return 0
    return Math.max(0, past.failedAt + past.wait - this.#clock())
  }

  /** We reached it, or a friend came to us. */
  connected(peer: string): void {
    const { failures = 0 } = this.#past.get(peer) ?? {}
    this.#remember(peer, { failures, failedAt: 0, connectedAt: this.#clock(), wait: 0 })
  }

  /** A peer of an earlier run: it may be dialled at once. */
  recall(peer: string): void {
    this.#remember(peer, { failures: 0, failedAt: 0, connectedAt: this.#clock(), wait: 0 })
  }

  /**
   * Its connection has ended: it is left alone for a second, and longer when it did not hold. Whoever has no room for us
   * is not asked again and again.
   */
  lost(peer: string): void {
    const past = this.#past.get(peer)
    if (past?.connectedAt === undefined) return
    const failures = this.#clock() - past.connectedAt >= goodAfter ? 1 : past.failures + 1
    this.#remember(peer, { ...past, failures, failedAt: this.#clock(), wait: this.#waitAfter(failures, withFriends) })
  }

  /**
   * Counts a failed dial. True: it is to be forgotten. Here it is not: whoever tells of it again, and again, has us wait
   * for the longest time, and dial it once.
   */
  failed(peer: string): boolean {
    const { failures: before = 0, connectedAt } = this.#past.get(peer) ?? {}
    const patience = connectedAt === undefined ? withStrangers : withFriends
    const failures = Math.min(before + 1, patience.failures)
    const wait = this.#waitAfter(failures, patience)
    this.#remember(peer, { failures, failedAt: this.#clock(), connectedAt, wait })
    return failures === patience.failures
  }

  #waitAfter(failures: number, { first, factor, most }: Patience): Milliseconds {
    return Math.min(most, first * factor ** (failures - 1)) * (0.5 + this.#random() / 2)
  }

  #remember(peer: string, past: Past): void {
    this.#past.delete(peer)
    this.#past.set(peer, past)
    const [oldest] = this.#past.keys()
    if (this.#past.size > this.#capacity && oldest !== undefined) this.#past.delete(oldest)
  }
}
