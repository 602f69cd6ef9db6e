/**
 * What a protocol keeps of a stream beyond what the stream itself buffers: the pieces of a frame that is not complete.
 * A protocol that tells it lets the common allowance (`budget.ts`) count it.
 */
import type { MessageStream } from '@libp2p/interface'

const counts = new WeakMap<MessageStream, () => number>()

/** Has `bytes` counted for `stream` from now on, for as long as there is such a stream. */
export function countHeld(stream: MessageStream, bytes: () => number): void {
  counts.set(stream, bytes)
}

/** What its protocol keeps of `stream`; 0 when it does not tell. */
export function heldOf(stream: MessageStream): number {
  return counts.get(stream)?.() ?? 0
}
