/**
 * Splits what is too large for one envelope, as status-go does: equal segments, and parity for one in eight, so that
 * the loss of a few envelopes loses nothing.
 */
import { keccak_256 } from '@noble/hashes/sha3.js'
import { WaypostError } from '../../core/errors.ts'
import { maxShards, parityOf } from './reed-solomon.ts'
import { segmentMessage } from './segment.ts'

/**
 * Bytes of one message in all. status-go has no limit; its pictures have less than 1 MiB. A receiver of ours puts no more
 * together: keccak256 of it holds the process up, for some 400 ms.
 */
export const maxWholeBytes = 8 * 1024 * 1024

/** Bytes of an envelope that Status peers take. */
export const statusMaxMessageBytes = 1024 * 1024

/** One parity segment for so many: status-go's rate of 12.5 %. */
const segmentsPerParity = 8

/** Bytes of a segment on a network of envelopes of `maxMessageBytes`: three quarters, the rest is room for the layers below. */
export function segmentBytesFor(maxMessageBytes: number): number {
  return Math.floor(maxMessageBytes / 4) * 3
}

/**
 * `whole` as it is sent: itself when it fits, else encoded segments, the parity last.
 * Throws `messaging/too-large` above what a receiver puts together.
 */
export function split(whole: Uint8Array, segmentBytes = segmentBytesFor(statusMaxMessageBytes)): Uint8Array[] {
  if (whole.length <= segmentBytes) return [whole]
  const count = Math.ceil(whole.length / segmentBytes)
  if (whole.length > maxWholeBytes || count > maxShards) {
    const limit = Math.min(maxWholeBytes, maxShards * segmentBytes)
    throw new WaypostError('messaging/too-large', { length: whole.length, limit })
  }
  const wholeHash = keccak_256(whole)
  const parts = Array.from({ length: count }, (_, index) =>
    whole.subarray(index * segmentBytes, (index + 1) * segmentBytes),
  )
  const parity = parityParts(parts, segmentBytes)
  return [
    ...parts.map((payload, index) => segmentMessage.encode({ wholeHash, index, segmentsCount: count, payload })),
    ...parity.map((payload, parityIndex) =>
      segmentMessage.encode({ wholeHash, payload, parityIndex, parityCount: parity.length }),
    ),
  ]
}

/** Parity segments of a message of so many. */
export function parityCountFor(dataCount: number): number {
  return Math.floor(dataCount / segmentsPerParity)
}

function parityParts(parts: readonly Uint8Array[], segmentBytes: number): Uint8Array[] {
  const count = parityCountFor(parts.length)
  if (count === 0 || parts.length + count > maxShards) return []
  return parityOf(
    parts.map((part) => padded(part, segmentBytes)),
    count,
  )
}

/** A segment with zeros up to the size of the others, as the code needs it. */
export function padded(part: Uint8Array, size: number): Uint8Array {
  if (part.length === size) return part
  const longer = new Uint8Array(size)
  longer.set(part)
  return longer
}
