/**
 * How a few figures went: samples in two rings, a fine one for the last hour and a coarse one for the last week. Memory
 * only, of a size known from the start: a restart begins anew. Prometheus is for those who keep more.
 */
import type { Milliseconds } from '../core/time.ts'

/** How often a ring takes a sample, and how many it keeps. */
export interface RingSize {
  readonly interval: Milliseconds
  readonly samples: number
}

const second: Milliseconds = 1000
const minute = 60 * second

/** An hour in steps of 5 s, a week in steps of 5 min: 2736 samples. */
export const fineRing: RingSize = { interval: 5 * second, samples: 720 }
export const coarseRing: RingSize = { interval: 5 * minute, samples: 2016 }

/**
 * What becomes of the fine samples that a coarse one stands for. `mean`: of rates. `last`: of amounts. `most`: where the
 * worst moment is what matters.
 */
export type Summary = 'mean' | 'last' | 'most'

/** The figures of a history, by name. */
export type Figures = Readonly<Record<string, Summary>>

/** Samples by column; what could not be measured is NaN. */
export interface Samples<F extends Figures> {
  readonly interval: Milliseconds
  readonly times: readonly Milliseconds[]
  readonly values: { readonly [Name in keyof F]: readonly number[] }
}

export class History<F extends Figures> {
  readonly #figures: F
  readonly #names: readonly (keyof F & string)[]
  readonly #fine: Ring
  readonly #coarse: Ring
  /** The fine samples since the last coarse one, by figure. */
  readonly #pending: number[][]
  #coarseDue: Milliseconds | undefined

  constructor(figures: F, { fine = fineRing, coarse = coarseRing } = {}) {
    this.#figures = figures
    this.#names = Object.keys(figures)
    this.#fine = new Ring(fine, this.#names.length)
    this.#coarse = new Ring(coarse, this.#names.length)
    this.#pending = this.#names.map(() => [])
  }

  /** Takes the figures of one moment; to be called once in the interval of the fine ring. */
  add(time: Milliseconds, values: { readonly [Name in keyof F]: number }): void {
    const row = this.#names.map((name) => values[name])
    this.#fine.push(time, row)
    for (const [index, value] of row.entries()) if (!Number.isNaN(value)) this.#pending[index]?.push(value)
    const { interval } = this.#coarse.size
    this.#coarseDue ??= time + interval
    // A clock that was set back far would keep the coarse ring waiting.
    if (time < this.#coarseDue && time >= this.#coarseDue - 2 * interval) return
    this.#coarse.push(time, this.#summarize())
    this.#coarseDue = time + interval
  }

  /** The samples later than `since`, from the finest ring that reaches back for `range`. */
  read(range: Milliseconds, since: Milliseconds): Samples<F> {
    const { interval, samples } = this.#fine.size
    const ring = range <= interval * samples ? this.#fine : this.#coarse
    const { times, columns } = ring.after(since)
    const values = Object.fromEntries(this.#names.map((name, index) => [name, columns[index] ?? []]))
    // One column for each name of F.
    return { interval: ring.size.interval, times, values: values as unknown as Samples<F>['values'] }
  }

  #summarize(): number[] {
    const row = this.#names.map((name, index) => summaries[this.#figures[name]!](this.#pending[index] ?? []))
    for (const pending of this.#pending) pending.length = 0
    return row
  }
}

const summaries: Readonly<Record<Summary, (values: readonly number[]) => number>> = {
  mean: (values) => values.reduce((sum, value) => sum + value, 0) / values.length,
  last: (values) => values.at(-1) ?? Number.NaN,
  most: (values) => (values.length === 0 ? Number.NaN : Math.max(...values)),
}

/** The last samples: a row of figures each, in one block of memory. */
class Ring {
  readonly size: RingSize
  readonly #width: number
  readonly #times: Float64Array
  readonly #values: Float64Array
  #count = 0

  constructor(size: RingSize, width: number) {
    this.size = size
    this.#width = width
    this.#times = new Float64Array(size.samples)
    this.#values = new Float64Array(size.samples * width)
  }

  push(time: Milliseconds, row: readonly number[]): void {
    const place = this.#count++ % this.size.samples
    this.#times[place] = time
    this.#values.set(row, place * this.#width)
  }

  /** Oldest first. */
  after(since: Milliseconds): { times: number[]; columns: number[][] } {
    const places = this.#places().filter((place) => this.#times[place]! > since)
    const columns = Array.from({ length: this.#width }, (_, index) =>
      places.map((place) => this.#values[place * this.#width + index]!),
    )
    return { times: places.map((place) => this.#times[place]!), columns }
  }

  #places(): number[] {
    const { samples } = this.size
    const kept = Math.min(this.#count, samples)
    return Array.from({ length: kept }, (_, index) => (this.#count - kept + index) % samples)
  }
}
