/**
 * Has the server look at what a new partition holds, before it would by itself (a minute or more later). Until then it
 * guesses, and of a time range and a hash it guesses that the range says more: it then reads the whole index of the
 * partition for each hash.
 */
import type { Pool } from './pool.ts'

/** Messages of a partition, added by this node, at which the server looks at it. In between it goes by the size of the file. */
const occasions = [1000, 10_000, 100_000, 1_000_000, 10_000_000] as const

/** What a column is judged by: some thousand rows are read, a tenth of what the server takes by default. */
const statisticsTarget = 20

export class Analyst {
  readonly #pool: Pool
  readonly #schema: string
  /** Messages that this node added, by partition. */
  readonly #added = new Map<string, number>()
  readonly #looking = new Set<Promise<void>>()

  constructor(pool: Pool, schema: string) {
    this.#pool = pool
    this.#schema = schema
  }

  /** Messages were added to a partition. Nobody waits for what comes of it. */
  added(partition: string, messages: number): void {
    const before = this.#added.get(partition) ?? 0
    const now = before + messages
    this.#added.set(partition, now)
    if (occasions.some((occasion) => before < occasion && occasion <= now)) this.#look(partition)
  }

  /** Only these partitions are left. */
  keepOnly(partitions: Iterable<string>): void {
    const left = new Set(partitions)
    for (const partition of this.#added.keys()) if (!left.has(partition)) this.#added.delete(partition)
  }

  /** Resolves when the server looks at nothing any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#looking)
  }

  #look(partition: string): void {
    const looking = this.#pool
      .alone(
        `set default_statistics_target = ${statisticsTarget}`,
        // Another node that does the same need not be waited for.
        `analyze (skip_locked) ${this.#schema}."${partition}"`,
      )
      // The server does it by itself later.
      .catch(() => {})
      .finally(() => this.#looking.delete(looking))
    this.#looking.add(looking)
  }
}
