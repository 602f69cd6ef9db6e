/**
 * The clock of a chat: a Lamport clock in milliseconds, by which its messages are ordered on every device
 * (status-go's `CalcMessageClock`). What a message says of it is the sender's word, so it has a limit.
 */
import type { Milliseconds } from '../core/time.ts'

/** How far a new clock goes ahead of the time: more than clocks of devices differ. status-go. */
const aheadMilliseconds = 60_000n

/** How far a clock may be ahead of the Waku message that carries it. status-go refuses what is above. */
export const maxAheadMilliseconds = 120_000n

/** The clock of the next message in a chat whose last one was `last`: 0 when there was none. */
export function nextClock(last: bigint, now: Milliseconds): bigint {
  const time = BigInt(Math.floor(now))
  return last < time ? time + aheadMilliseconds : last + 1n
}

/** The clock of a chat after a message with `seen` was taken. */
export function laterClock(last: bigint, seen: bigint): bigint {
  return seen > last ? seen : last
}

export type ClockFault = 'no clock' | 'clock ahead'

/** What is wrong with the clock of a message of `sentAt`: never later than our own time, which a sender does not write. */
export function clockFault(clock: bigint, sentAt: Milliseconds): ClockFault | undefined {
  if (clock === 0n) return 'no clock'
  return clock > BigInt(Math.floor(sentAt)) + maxAheadMilliseconds ? 'clock ahead' : undefined
}
