/**
 * Two clocks, never mixed: durations and the wall clock are milliseconds (numbers); a message's timestamp is
 * nanoseconds since the Unix epoch, exact (bigint), as 14/WAKU2-MESSAGE has it on the wire (sint64).
 */

/** Milliseconds: a duration, or the time since the Unix epoch. */
export type Milliseconds = number

/** Nanoseconds since the Unix epoch: the timestamp of a message. */
export type Nanoseconds = bigint

/** Tells the time since the Unix epoch. Code that depends on time is given one, so that a test can set it. */
export type Clock = () => Milliseconds

export const systemClock: Clock = Date.now

export const nanosecondsPerMillisecond = 1_000_000n

/** `time` in milliseconds as a message timestamp. Fractions of a millisecond are kept to the microsecond. */
export function toNanoseconds(time: Milliseconds): Nanoseconds {
  return BigInt(Math.round(time * 1000)) * 1000n
}

/** A message timestamp as whole milliseconds, rounded towards zero. */
export function toMilliseconds(timestamp: Nanoseconds): Milliseconds {
  return Number(timestamp / nanosecondsPerMillisecond)
}

/** How far `timestamp` lies from `now`, in whole milliseconds, as a positive number. */
export function distance(timestamp: Nanoseconds, now: Milliseconds): Milliseconds {
  return Math.abs(toMilliseconds(timestamp) - now)
}

/** Calls `run` once after `delay`; what it returns takes that back. Code that comes back later is given one, for tests. */
export type Schedule = (run: () => void, delay: Milliseconds) => () => void

export const systemSchedule: Schedule = (run, delay) => {
  const timer = setTimeout(run, delay)
  return () => clearTimeout(timer)
}
