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

/** Keys that were forgotten leave the list together, so many at least. */
const compaction = 1024

export class RecentSet<Key> {
  readonly #lifetime: Milliseconds
  readonly #most: number
  readonly #clock: Clock
  readonly #keys = new Set<Key>()
  /**
   * The keys and when each was added, the oldest first, from `#first` on. A list of its own: a Map or Set whose oldest key is
   * deleted again and again is searched from the holes that they leave.
   */
  #added: { readonly key: Key; readonly at: Milliseconds }[] = []
  #first = 0

  constructor({ lifetime, most, clock = () => performance.now() }: RecentSetOptions) {
    this.#lifetime = lifetime
    this.#most = most
    this.#clock = clock
  }

  /** Keys remembered, those that are about to be forgotten included. */
  get size(): number {
    return this.#keys.size
  }

  /** Adds `key` and says whether it is new. Adding one that is remembered does not renew it. */
  add(key: Key): boolean {
    const now = this.#clock()
    this.#forget(now)
    if (this.#keys.has(key)) return false
    this.#keys.add(key)
    this.#added.push({ key, at: now })
    return true
  }

  /** Whether `key` is remembered. */
  has(key: Key): boolean {
    this.#forget(this.#clock(), this.#most + 1)
    return this.#keys.has(key)
  }

  /** Drops what is too old, and what stands in the way of one more. */
  #forget(now: Milliseconds, most = this.#most): void {
    for (let oldest = this.#added[this.#first]; oldest !== undefined; oldest = this.#added[this.#first]) {
      if (now - oldest.at < this.#lifetime && this.#keys.size < most) break
      this.#keys.delete(oldest.key)
      this.#first += 1
    }
    if (this.#first < compaction || this.#first * 2 < this.#added.length) return
    this.#added = this.#added.slice(this.#first)
    this.#first = 0
  }
}
