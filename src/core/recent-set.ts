/** Remembers keys for a while, to tell what has come before. Bounded in time and in number. */
import type { Clock, Milliseconds } from './time.ts'

export interface RecentSetOptions {
  /** How long a key is remembered, from the first time it is added. */
  readonly lifetime: Milliseconds
  /** Keys at the most. Above it the oldest is forgotten early. */
  readonly most: number
  /** A monotonic clock: a step of the wall clock neither forgets nor keeps anything. */
  readonly clock?: Clock
}

export class RecentSet<Key> {
  readonly #lifetime: Milliseconds
  readonly #most: number
  readonly #clock: Clock
  /** When each key was added, the oldest first. */
  readonly #addedAt = new Map<Key, Milliseconds>()

  constructor({ lifetime, most, clock = () => performance.now() }: RecentSetOptions) {
    this.#lifetime = lifetime
    this.#most = most
    this.#clock = clock
  }

  /** Keys remembered, those that are about to be forgotten included. */
  get size(): number {
    return this.#addedAt.size
  }

  /** Adds `key` and says whether it is new. Adding one that is remembered does not renew it. */
  add(key: Key): boolean {
    const now = this.#clock()
    this.#forget(now)
    if (this.#addedAt.has(key)) return false
    this.#addedAt.set(key, now)
    return true
  }

  /** Whether `key` is remembered. */
  has(key: Key): boolean {
    this.#forget(this.#clock(), this.#most + 1)
    return this.#addedAt.has(key)
  }

  /** Drops what is too old, and what stands in the way of one more. */
  #forget(now: Milliseconds, most = this.#most): void {
    for (const [key, addedAt] of this.#addedAt) {
      if (now - addedAt < this.#lifetime && this.#addedAt.size < most) return
      this.#addedAt.delete(key)
    }
  }
}
