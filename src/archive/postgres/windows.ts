/**
 * A walk in steps. One statement over all partitions locks each of them and each of their indices, of which a server has
 * room for some thousand; a page is nearly always found in the first few. So a walk asks for a few partitions at a time,
 * each time for more. Pure.
 */
import type { Direction } from '../../core/query.ts'
import type { Nanoseconds } from '../../core/time.ts'
import { maxTime, minTime, type Span } from './partitions.ts'

/** A stretch of time, both ends included. */
export interface Range {
  readonly first: Nanoseconds
  readonly last: Nanoseconds
}

/** Partitions of the first step, the next ones of the following moment among them, and of a step at the most. */
const firstStep = 3
const lastStep = 32

/** What a walk may meet: within `start` and `end`, and from `after` on. Undefined when that is nothing. */
export function rangeOf(
  {
    start,
    end,
    direction,
  }: { readonly start?: Nanoseconds; readonly end?: Nanoseconds; readonly direction: Direction },
  after?: Nanoseconds,
): Range | undefined {
  const lows = [minTime, start, direction === 'forward' ? after : undefined]
  const highs = [maxTime, end, direction === 'backward' ? after : undefined]
  const first = lows.reduce<Nanoseconds>((low, time) => (time !== undefined && time > low ? time : low), minTime)
  const last = highs.reduce<Nanoseconds>((high, time) => (time !== undefined && time < high ? time : high), maxTime)
  return first <= last ? { first, last } : undefined
}

/**
 * `range` in pieces, in the order of the walk. They are cut where partitions begin; when the list of them is old, a piece
 * lies over more of them than it need be, and that is all.
 */
export function windows(range: Range, partitions: readonly Span[], direction: Direction): Range[] {
  const cuts = partitions.map(({ from }) => from).filter((from) => from > range.first && from <= range.last)
  const pieces = [range.first, ...cuts].map((first, index) => {
    const next = cuts[index]
    return { first, last: next === undefined ? range.last : next - 1n }
  })
  if (direction === 'backward') pieces.reverse()
  return grouped(pieces)
}

function grouped(pieces: readonly Range[]): Range[] {
  const groups: Range[] = []
  let size = firstStep
  for (let next = 0; next < pieces.length; size = Math.min(2 * size, lastStep)) {
    const group = pieces.slice(next, next + size)
    groups.push(hull(group[0]!, group.at(-1)!))
    next += size
  }
  return groups
}

function hull(a: Range, b: Range): Range {
  return a.first < b.first ? { first: a.first, last: b.last } : { first: b.first, last: a.last }
}
