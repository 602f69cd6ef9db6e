/** The history as the page keeps it: what came with each answer, joined, and no longer than the range that is shown. */
import type { HistoryFigure, HistoryOverview } from '../overview.ts'

export type Column = readonly (number | null)[]

/** Times ascend; each column has a value for each time. */
export interface Series {
  /** Milliseconds between two samples. */
  readonly interval: number
  readonly times: readonly number[]
  readonly values: Readonly<Record<HistoryFigure, Column>>
}

/** `before` and what came after it; what is older than `oldest` is dropped. */
export function joined(before: Series | undefined, came: HistoryOverview, oldest: number): Series {
  const last = before?.times.at(-1) ?? Number.NEGATIVE_INFINITY
  const fresh = came.times.map((time) => time > last)
  const kept = (before?.times ?? []).map((time) => time >= oldest)
  const join = <T>(old: readonly T[], young: readonly T[]): T[] => [
    ...old.filter((_, index) => kept[index]),
    ...young.filter((_, index) => fresh[index]),
  ]
  const names = Object.keys(came.values) as HistoryFigure[]
  const values = names.map((name) => [name, join(before?.values[name] ?? [], came.values[name])] as const)
  return {
    interval: came.interval,
    times: join(before?.times ?? [], came.times),
    // The names are those of the history.
    values: Object.fromEntries(values) as unknown as Series['values'],
  }
}

/** For each sample, whether the one before it is missing: the node was off, or the machine asleep. */
export function gaps({ times, interval }: Series): readonly boolean[] {
  return times.map((time, index) => index > 0 && time - times[index - 1]! > 2.5 * interval)
}
