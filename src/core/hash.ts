/**
 * The deterministic hash of a message, by which stores, cursors and clients name it (14/WAKU2-MESSAGE):
 * sha256(pubsub topic | payload | content topic | meta | timestamp as 8 bytes, big-endian), without separators.
 *
 * An absent timestamp is left out, as the specification says and js-waku does; a timestamp of 0 is eight zero bytes.
 */
import { hash as digest } from 'node:crypto'
import type { DecodedMessage } from './message.ts'

/** The hash of a message as 64 lower-case hexadecimal digits. */
export type MessageHash = string

export const hashBytes = 32

/** Bytes that fit the scratch buffer; a larger message gets a buffer of its own. */
const scratchBytes = 256 * 1024
const scratch = Buffer.allocUnsafe(scratchBytes)

type Hashed = Pick<DecodedMessage, 'payload' | 'contentTopicBytes' | 'meta' | 'timestamp'>

/** The deterministic hash of `message` on `pubsubTopic`. */
export function messageHash(pubsubTopic: string, message: Hashed): MessageHash {
  const { payload, contentTopicBytes, meta, timestamp } = message
  const most = pubsubTopic.length * 3 + payload.length + contentTopicBytes.length + (meta?.length ?? 0) + 8
  const input = most <= scratchBytes ? scratch : Buffer.allocUnsafe(most)
  let length = input.write(pubsubTopic)
  input.set(payload, length)
  length += payload.length
  input.set(contentTopicBytes, length)
  length += contentTopicBytes.length
  if (meta !== undefined) {
    input.set(meta, length)
    length += meta.length
  }
  if (timestamp !== undefined) length = input.writeBigInt64BE(BigInt.asIntN(64, timestamp), length)
  return digest('sha256', input.subarray(0, length), 'hex')
}

/** A hash as its 32 bytes. */
export function hashToBytes(hash: MessageHash): Buffer {
  return Buffer.from(hash, 'hex')
}

/** The 32 bytes of a hash as text. */
export function hashFromBytes(bytes: Uint8Array): MessageHash {
  return Buffer.prototype.hexSlice.call(bytes, 0, bytes.length)
}
