/**
 * Counting where each microsecond counts: a plain number, added to its counter when that is read. prom-client looks the
 * labels up at each `inc`, which takes a microsecond, and a message is counted half a dozen times on its way.
 */
import { Counter } from 'prom-client'

/** One series of a counter. */
export class Tally {
  #pending = 0

  add(count = 1): void {
    this.#pending += count
  }

  /** What was added since it was taken last. */
  take(): number {
    const pending = this.#pending
    this.#pending = 0
    return pending
  }
}

/** A counter with series to which one can add at next to no cost. */
export class TalliedCounter<Label extends string> extends Counter<Label> {
  readonly #tallies: { readonly labels: Partial<Record<Label, string>>; readonly tally: Tally }[] = []

  /** A series, to be kept by who counts: one for each set of labels and user, not one for each event. */
  tally(labels: Partial<Record<Label, string>> = {}): Tally {
    const tally = new Tally()
    this.#tallies.push({ labels, tally })
    return tally
  }

  override get(): ReturnType<Counter<Label>['get']> {
    for (const { labels, tally } of this.#tallies) {
      const count = tally.take()
      if (count > 0) this.inc(labels, count)
    }
    return super.get()
  }
}
