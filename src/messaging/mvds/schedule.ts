/** When a message that was not confirmed is sent again: as status-go does, later each time, for about ten days. */
import type { Milliseconds } from '../../core/time.ts'

/** How often what is due is sent. */
export const tickMilliseconds: Milliseconds = 300

/** Times that a message is sent at the most. */
export const maxSends = 15

/** 30 units of 3 ticks: status-go counts ticks, and takes three for a second. */
const firstWaitTicks = 90
/** Ticks by which a resend is spread, so that not all go out together. */
const spreadTicks = 30
/** The same for all messages of a peer that came online. */
const onlineSpreadTicks = 60

/** How long ago a peer may have come online for it to count. */
export const freshMilliseconds: Milliseconds = 10_000

/** A number from 0 up to 1, as Math.random gives it. */
export type Random = () => number

/** The wait after the `sends`th send: 27 s, doubled each time, and up to 9 s more. */
export function resendWait(sends: number, random: Random): Milliseconds {
  return (2 ** (sends - 1) * firstWaitTicks + Math.floor(random() * spreadTicks)) * tickMilliseconds
}

/** The wait before messages are sent again to a peer that came online: up to 18 s. */
export function onlineWait(random: Random): Milliseconds {
  return Math.floor(random() * onlineSpreadTicks) * tickMilliseconds
}
