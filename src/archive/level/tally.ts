/** What a partition amounts to: kept beside its index with each write, so that it is known without counting. Pure. */
import type { Nanoseconds } from '../../core/time.ts'
import { type Amount, storedBytes } from '../backend.ts'
import { earlier, later, maxTimestamp, minTimestamp, readTime, timeBytes, writeTime } from './place.ts'

export interface Tally extends Amount {
  /** The number of the next record. */
  readonly next: number
  /** Records from this one on may stand in the log only, which LevelDB shortens silently where it is damaged. */
  readonly tail: number
  /** Timestamps, both met; absent as long as there is no message. */
  readonly oldest?: Nanoseconds
  readonly newest?: Nanoseconds
}

export const emptyTally: Tally = { next: 0, tail: 0, messages: 0, bytes: 0 }

/** `tally` with one message more, which is its next record. Done for each message, so so it makes one object. */
export function withMessage(
  { next, tail, messages, bytes, oldest = maxTimestamp, newest = minTimestamp }: Tally,
  timestamp: Nanoseconds,
  length: number,
): Tally {
  return {
    next: next + 1,
    tail,
    messages: messages + 1,
    bytes: bytes + storedBytes(length),
    oldest: earlier(oldest, timestamp),
    newest: later(newest, timestamp),
  }
}

export const tallyBytes = 4 + 4 + 8 + 8 + 2 * timeBytes

export function encodeTally({ next, tail, messages, bytes, oldest = 1n, newest = 0n }: Tally): Buffer {
  const row = Buffer.allocUnsafe(tallyBytes)
  row.writeUInt32BE(next, 0)
  row.writeUInt32BE(tail, 4)
  row.writeDoubleBE(messages, 8)
  row.writeDoubleBE(bytes, 16)
  writeTime(row, oldest, 24)
  writeTime(row, newest, 24 + timeBytes)
  return row
}

/** Undefined for a row of another length: a damaged one. */
export function decodeTally(row: Buffer | undefined): Tally | undefined {
  if (row?.length !== tallyBytes) return undefined
  const figures = {
    next: row.readUInt32BE(0),
    tail: row.readUInt32BE(4),
    messages: row.readDoubleBE(8),
    bytes: row.readDoubleBE(16),
  }
  const [oldest, newest] = [readTime(row, 24), readTime(row, 24 + timeBytes)]
  return oldest > newest ? figures : { ...figures, oldest, newest }
}
