/**
 * Whom we told of whom: each peer hears of each other once, as long as others are left (34/WAKU2-PEER-EXCHANGE), and in an
 * order that is nobody's to foresee. So a client sees many nodes, and cannot be led to a few.
 */
import type { MemoryLimits } from './limits.ts'

export class Told {
  readonly #limits: MemoryLimits
  readonly #random: () => number
  /** By asker, the ids that it heard of; who asked least recently comes first. */
  readonly #heard = new Map<string, Set<string>>()

  constructor(limits: MemoryLimits, random: () => number = Math.random) {
    this.#limits = limits
    this.#random = random
  }

  /** Up to `count` of `ids` for `asker`: those of which it has not heard, then, when there are too few, others. */
  choose(asker: string, ids: readonly string[], count: number): string[] {
    const heard = this.#heardBy(asker)
    const fresh = this.#sample(
      ids.filter((id) => !heard.has(id)),
      count,
    )
    if (fresh.length < count) heard.clear()
    const chosen = new Set(fresh)
    const again = this.#sample(
      ids.filter((id) => !chosen.has(id)),
      count - fresh.length,
    )
    const all = [...fresh, ...again]
    for (const id of all) heard.add(id)
    for (const id of heard) if (heard.size > this.#limits.told) heard.delete(id)
    return all
  }

  #heardBy(asker: string): Set<string> {
    const heard = this.#heard.get(asker) ?? new Set()
    this.#heard.delete(asker)
    this.#heard.set(asker, heard)
    const [oldest] = this.#heard.keys()
    if (this.#heard.size > this.#limits.askers && oldest !== undefined) this.#heard.delete(oldest)
    return heard
  }

  /** `count` of `ids` by chance; `ids` is the caller's to lose. */
  #sample(ids: string[], count: number): string[] {
    const most = Math.min(count, ids.length)
    for (let index = 0; index < most; index += 1) {
      const other = index + Math.floor(this.#random() * (ids.length - index))
      const [one = '', two = ''] = [ids[index], ids[other]]
      ids[index] = two
      ids[other] = one
    }
    return ids.slice(0, most)
  }
}
