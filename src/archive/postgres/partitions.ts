/**
 * The time line in pieces: which partition a timestamp lies in, and which to make when it lies in none. Pure.
 *
 * Near the present a partition is an hour, so that retention drops an hour at a time. A message from far away (sync,
 * import) gets a partition of a month, and all of what cannot be a true time shares one at either end: whoever invents
 * timestamps makes no more than some thousand partitions. A new one fills a gap and never overlaps another.
 */
import type { Nanoseconds } from '../../core/time.ts'

/** A stretch of time, `to` not included. */
export interface Span {
  readonly from: Nanoseconds
  readonly to: Nanoseconds
}

export interface Partition extends Span {
  readonly name: string
}

/** The ends of the time line: those of an int64. */
export const minTime: Nanoseconds = -(2n ** 63n)
export const maxTime: Nanoseconds = 2n ** 63n - 1n
const everything: Span = { from: minTime, to: maxTime + 1n }

export interface Spans {
  /** Length of a partition near the present. */
  readonly near: Nanoseconds
  /** How far from the present that is. */
  readonly reach: Nanoseconds
  /** Length of a partition elsewhere. */
  readonly far: Nanoseconds
  /** When true times begin and end. */
  readonly line: Span
}

const second = 1_000_000_000n
const hour = 3600n * second
const day = 24n * hour

/** 2000 to 2100 are true times. */
export const defaultSpans: Spans = {
  near: hour,
  reach: day,
  far: 30n * day,
  line: { from: 946_684_800n * second, to: 4_102_444_800n * second },
}

/** The partition of a sorted list that `timestamp` lies in. */
export function partitionAt<Kind extends Span>(partitions: readonly Kind[], timestamp: Nanoseconds): Kind | undefined {
  let [low, high] = [0, partitions.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (partitions[middle]!.to <= timestamp) low = middle + 1
    else high = middle
  }
  const found = partitions[low]
  return found !== undefined && found.from <= timestamp ? found : undefined
}

/** The partition to make for `timestamp`, which lies in none of `partitions`. */
export function partitionFor(
  timestamp: Nanoseconds,
  now: Nanoseconds,
  partitions: readonly Span[],
  spans: Spans = defaultSpans,
): Partition {
  const { from, to } = spanOf(timestamp, now, spans)
  const before = partitions.findLast((other) => other.to <= timestamp)
  const after = partitions.find((other) => other.from > timestamp)
  const gap = { from: larger(from, before?.to ?? from), to: smaller(to, after?.from ?? to) }
  return { ...gap, name: nameOf(gap) }
}

function spanOf(timestamp: Nanoseconds, now: Nanoseconds, { near, reach, far, line }: Spans): Span {
  if (timestamp < line.from) return { from: everything.from, to: line.from }
  if (timestamp >= line.to) return { from: line.to, to: everything.to }
  const isNear = timestamp >= now - reach && timestamp <= now + reach
  const length = isNear ? near : far
  const from = floor(timestamp, length)
  return { from: larger(from, line.from), to: smaller(from + length, line.to) }
}

/** `messages_<from>_<to>` in seconds. */
export function nameOf({ from, to }: Span): string {
  return `messages_${from === everything.from ? 'min' : seconds(from)}_${to === everything.to ? 'max' : seconds(to)}`
}

/** A bound in SQL. */
export function boundOf(time: Nanoseconds): string {
  if (time === everything.from) return 'minvalue'
  return time === everything.to ? 'maxvalue' : `'${time}'`
}

/** The span in PostgreSQL's own words, `FOR VALUES FROM ('3600') TO (MAXVALUE)`. */
export function spanFrom(bounds: string): Span | undefined {
  const match = /FROM \((?:'(-?\d+)'|(MINVALUE))\) TO \((?:'(-?\d+)'|(MAXVALUE))\)/.exec(bounds)
  if (match === null) return undefined
  const [, from, , to] = match
  return {
    from: from === undefined ? everything.from : BigInt(from),
    to: to === undefined ? everything.to : BigInt(to),
  }
}

function seconds(time: Nanoseconds): string {
  const whole = floor(time, second) / second
  const rest = time - whole * second
  return rest === 0n ? `${whole}` : `${whole}.${rest.toString().padStart(9, '0')}`
}

function floor(time: Nanoseconds, length: Nanoseconds): Nanoseconds {
  const rest = time % length
  return rest < 0n ? time - rest - length : time - rest
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}
