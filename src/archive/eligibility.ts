/** Which messages the archive takes. */
import type { Envelope } from '../core/envelope.ts'
import { type Milliseconds, toMilliseconds } from '../core/time.ts'

/**
 * How far the timestamp of a message may lie from our clock when it comes from live traffic: 20 s, as nwaku's archive.
 * Outside of it anybody could write into the past, or hold the end of history for ever.
 */
export const timestampWindow: Milliseconds = 20_000

/**
 * Where a message comes from: seen just now, from another archive (sync, resume), which checked it then, or from a file
 * that the operator gives. The window holds for the first only.
 */
export type Source = 'live' | 'history' | 'import'

/** Why a message is not kept. */
export type Ineligible = 'ephemeral' | 'no-timestamp' | 'too-old' | 'in-the-future'

/** Why the archive does not keep `envelope`, or undefined if it does. */
export function ineligible({ message }: Envelope, now: Milliseconds, source: Source): Ineligible | undefined {
  if (message.ephemeral) return 'ephemeral'
  if (message.timestamp === undefined) return 'no-timestamp'
  if (source !== 'live') return undefined
  const age = now - toMilliseconds(message.timestamp)
  if (age > timestampWindow) return 'too-old'
  return age < -timestampWindow ? 'in-the-future' : undefined
}
