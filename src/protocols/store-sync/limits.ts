/** What bounds store sync: how long a session may go on, what one may have us compute, hold and send. */
import type { Milliseconds } from '../../core/time.ts'
import type { DialogueLimits } from '../../net/dialogue.ts'
import { KiB, MiB } from '../../net/limits.ts'
import type { PourLimits } from '../../net/pour.ts'
import type { Rate } from '../../net/quota.ts'
import type { PushReceiver } from '../../net/receive-pushes.ts'

const second: Milliseconds = 1000
const minute = 60 * second

/**
 * Messages that the index holds: two hours at 280 a second, in 100 MB. Above it the synced window becomes shorter.
 */
export const maxSyncedMessages = 2_000_000

/**
 * In a range with so few messages they are listed; in others fingerprints of parts are given. A fingerprint takes as much
 * as one message of a list, so lists are short: with 2 and 4 a single difference in a million takes 1.4 KB, with nwaku's
 * 100 and 8 about 10 KB (test/bench/sync.ts).
 */
export const leafItems = 2

/** Parts that a range is cut into. */
export const rangeParts = 4

/** Items of one range in an answer at the most; a range that has more is cut into parts. */
export const maxRangeItems = 4096

/** Ranges of a payload that are answered one by one; the rest is put off. */
export const maxAnsweredRanges = 16_384

/** Bytes of an answer at about which the rest is put off in the same way. */
export const answerBytes = MiB

/** Messages that one session may have us send: 32 MiB of hashes. The next session goes on from there. */
export const maxSessionMessages = MiB

/** Between two pauses for the event loop while a payload is answered. */
export const answerSlice: Milliseconds = 10

/**
 * Bounds of a session. nwaku cuts a range into eight parts and lists a hundred messages: an answer of a window of 50,000
 * messages, all of them different, has 1.7 MB. A hundred thousand differences in a million take some 200 rounds between two of us.
 */
export const reconciliationLimits: DialogueLimits = {
  frameBytes: 4 * MiB,
  rounds: 1000,
  roundTimeout: 30 * second,
  timeout: 10 * minute,
  /** Those of one peer, and those of all together: a payload takes memory while it is answered. */
  inboundStreams: 1,
  sessions: 4,
}

/** Sessions that a peer may begin: nwaku begins one in five minutes. */
export const reconciliationRates: { readonly perPeer: Rate; readonly total: Rate } = {
  perPeer: { volume: 12, period: minute },
  total: { volume: 60, period: minute },
}

/** How long after its session a peer may still send messages: as long as sending may take. */
export const transferGrace: Milliseconds = 10 * minute

/** Bytes of a message in transfer, M being those of the largest message: room for its topic and the framing. */
export function maxTransferBytes(maxMessageBytes: number): number {
  return maxMessageBytes + 64 * KiB
}

/** nwaku reads no larger frame, and ends the stream at one that is: such are sent last. */
export const nwakuTransferBytes = 153_600

export function transferLimits(
  maxMessageBytes: number,
): Pick<PushReceiver, 'frameBytes' | 'frameTimeout' | 'inboundStreams'> {
  return { frameBytes: maxTransferBytes(maxMessageBytes), frameTimeout: 20 * second, inboundStreams: 4 }
}

/** Sending of messages to one peer. */
export const pourLimits: PourLimits = { stall: 30 * second, timeout: 10 * minute }
