/**
 * What is encrypted by 26/WAKU2-PAYLOAD version 1: flags, the length of the data, the data, random padding, and where the
 * author wants to be known a signature over all before it.
 */
import { randomBytes } from 'node:crypto'
import { WaypostError } from '../../core/errors.ts'
import { type KeyPair, keccak256, recoverSigner, signatureBytes, type UncompressedKey } from '../keys.ts'

/** The two low bits of the flags: bytes of the field of the length, 1 to 3. */
const lengthMask = 3
const signedFlag = 4

/** Bytes of data: a length of three bytes says no more. */
export const maxDataBytes = 2 ** 24 - 1

/** A frame has a multiple of this many bytes, its signature included, so that its size tells little. */
const paddingBlockBytes = 256

/** What a frame holds. */
export interface Unframed {
  readonly data: Uint8Array
  /** Who signed it, when somebody did. That is all that is known of the sender at this layer. */
  readonly author?: UncompressedKey
}

/** A frame of `data`, signed where there is a `signer`. Throws `payload/too-large`. */
export function frame(data: Uint8Array, signer?: KeyPair): Uint8Array {
  const lengthField = lengthFieldOf(data.length)
  const head = Buffer.from([lengthField.length | (signer === undefined ? 0 : signedFlag), ...lengthField])
  const trailerBytes = signer === undefined ? 0 : signatureBytes
  const bytes = head.length + data.length + trailerBytes
  // As all others do: where nothing is missing to a whole block, a whole block is added.
  const padding = randomBytes(paddingBlockBytes - (bytes % paddingBlockBytes))
  const framed = Buffer.concat([head, data, padding])
  return signer === undefined ? framed : Buffer.concat([framed, signer.sign(keccak256(framed))])
}

/** What `framed` holds; undefined where it is no frame, or says that it is signed and nobody signed it. */
export function unframe(framed: Uint8Array): Unframed | undefined {
  const flags = framed[0] ?? 0
  const lengthBytes = flags & lengthMask
  const isSigned = (flags & signedFlag) !== 0
  const end = framed.length - (isSigned ? signatureBytes : 0)
  const start = 1 + lengthBytes
  if (lengthBytes === 0 || start > end) return undefined
  const length = Buffer.prototype.readUIntLE.call(framed, 1, lengthBytes)
  if (start + length > end) return undefined
  const data = framed.subarray(start, start + length)
  if (!isSigned) return { data }
  const author = recoverSigner(keccak256(framed.subarray(0, end)), framed.subarray(end))
  return author && { data, author }
}

function lengthFieldOf(length: number): Uint8Array {
  if (length > maxDataBytes) throw new WaypostError('payload/too-large', { length, limit: maxDataBytes })
  const field = Buffer.alloc(length > 0xffff ? 3 : length > 0xff ? 2 : 1)
  field.writeUIntLE(length, 0, field.length)
  return field
}
