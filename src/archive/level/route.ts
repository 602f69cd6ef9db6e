/**
 * Which partition a message belongs to. Pure.
 *
 * A partition holds a stretch of history: the stretches never overlap, so a place is in one partition at the most, and
 * history is the partitions one after the other. A message between two stretches goes to a neighbour that is not full and
 * of the same span of time, or begins a new partition: old messages that are imported do not swell the newest one, and
 * retention finds them where they expire.
 */
import { type Nanoseconds, toNanoseconds } from '../../core/time.ts'
import type { RetentionPolicy } from '../retention.ts'
import { maxRecords } from './layout.ts'
import { lowest } from './search.ts'
import type { Tally } from './tally.ts'

/** When a partition is full. Messages within its stretch are taken nevertheless. */
export interface PartitionLimits {
  readonly bytes: number
  readonly messages: number
  /** Messages of different spans are not put together. */
  readonly span: Nanoseconds
  /** Partitions at the most that are begun for the sake of the span: history that lies scattered is put together. */
  readonly count: number
}

const mebibyte = 1024 * 1024
const day = 86_400_000

/** The partition of an archive without a limit: some minutes of a busy network; it opens and is searched at once. */
const mostBytes = 256 * mebibyte
const leastBytes = mebibyte
const leastMessages = 100

/** Parts of a limit that one partition may be: what retention leaves behind too long stays below a tenth. */
const parts = 16

export const maxPartitions = 1024

/** The limits of partitions with which `policy` can be kept to a tenth by deleting whole ones. */
export function partitionLimits({ maxAge, maxMessages, maxBytes }: RetentionPolicy = {}): PartitionLimits {
  return {
    bytes: Math.max(leastBytes, Math.min(mostBytes, (maxBytes ?? Number.POSITIVE_INFINITY) / parts)),
    messages: Math.max(leastMessages, Math.min(maxRecords, Math.floor((maxMessages ?? maxRecords) / parts))),
    span: toNanoseconds(Math.max(1000, (maxAge ?? parts * day) / parts)),
    count: maxPartitions,
  }
}

/** A partition by what it holds, with what is on its way to it. Each holds something. */
interface Stretch {
  readonly claimed: Tally
}

/** The index of a partition, or the index before which a new one is to stand. */
export type Route = { readonly to: number } | { readonly newBefore: number }

/** Where a message of `timestamp` goes; `stretches` are in the order of history. */
export function route(stretches: readonly Stretch[], timestamp: Nanoseconds, limits: PartitionLimits): Route {
  const above = firstAfter(stretches, timestamp)
  const below = above - 1
  const older = stretches[below]?.claimed
  const newer = stretches[above]?.claimed
  if (older !== undefined && timestamp <= older.newest!) return { to: below }
  const isCrowded = stretches.length >= limits.count
  const suits = (tally: Tally, edge: Nanoseconds) =>
    !isFull(tally, limits) && (isCrowded || spanOf(edge, limits) === spanOf(timestamp, limits))
  if (older !== undefined && suits(older, older.newest!)) return { to: below }
  if (newer !== undefined && suits(newer, newer.oldest!)) return { to: above }
  return { newBefore: above }
}

/** True if a message behind the stretch of a partition begins a new one. */
export function isFull({ bytes, messages, next }: Tally, limits: PartitionLimits): boolean {
  return bytes >= limits.bytes || messages >= limits.messages || next >= maxRecords
}

/** The index of the first that begins after `timestamp`. New messages mostly belong to the last. */
function firstAfter(stretches: readonly Stretch[], timestamp: Nanoseconds): number {
  const isAfter = (index: number) => stretches[index]!.claimed.oldest! > timestamp
  const { length } = stretches
  return length > 0 && !isAfter(length - 1) ? length : lowest(length, isAfter)
}

function spanOf(timestamp: Nanoseconds, { span }: PartitionLimits): bigint {
  const quotient = timestamp / span
  return timestamp < 0n && quotient * span !== timestamp ? quotient - 1n : quotient
}
