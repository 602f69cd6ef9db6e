/**
 * RLP, as far as a node record needs it: one flat list of byte strings. What is nested is kept as it came.
 * https://ethereum.org/en/developers/docs/data-structures-and-encoding/rlp/
 */
import { WaypostError } from '../../core/errors.ts'

/** First byte of a string or a list of no bytes. Up to 55 bytes the length is added to it. */
const emptyString = 0x80
const emptyList = 0xc0
const shortest = 55

/** An item of a list: its encoding whole, and what is inside it. */
export interface RlpItem {
  readonly isList: boolean
  readonly encoded: Uint8Array
  readonly payload: Uint8Array
}

/** The encoding of a byte string. */
export function encodeString(bytes: Uint8Array): Uint8Array {
  const [first = emptyString] = bytes
  return bytes.length === 1 && first < emptyString ? bytes : headed(emptyString, bytes)
}

/** The encoding of a list whose items are encoded already. */
export function encodeList(items: readonly Uint8Array[]): Uint8Array {
  return headed(emptyList, Buffer.concat(items))
}

/** A whole number as RLP has it: big-endian, no leading zeros, 0 is no bytes. */
export function integerBytes(value: bigint): Uint8Array {
  if (value === 0n) return new Uint8Array()
  const digits = value.toString(16)
  return Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex')
}

/** The items of the one list that `bytes` are. Throws `enr/malformed`. */
export function decodeList(bytes: Uint8Array): RlpItem[] {
  const list = itemAt(bytes, 0)
  if (!list.isList || list.encoded.length !== bytes.length) throw malformed('not one list')
  const items: RlpItem[] = []
  for (let offset = 0; offset < list.payload.length; offset += items.at(-1)?.encoded.length ?? 0)
    items.push(itemAt(list.payload, offset))
  return items
}

function headed(empty: number, payload: Uint8Array): Uint8Array {
  if (payload.length <= shortest) return Buffer.concat([Buffer.of(empty + payload.length), payload])
  const length = integerBytes(BigInt(payload.length))
  return Buffer.concat([Buffer.of(empty + shortest + length.length), length, payload])
}

function itemAt(bytes: Uint8Array, offset: number): RlpItem {
  const first = bytes[offset] ?? emptyString
  const isList = first >= emptyList
  const { start, end } = first < emptyString ? { start: offset, end: offset + 1 } : bounds(bytes, offset)
  if (end > bytes.length) throw malformed('an item beyond the end')
  const payload = bytes.subarray(start, end)
  const single = payload[0]
  if (first === emptyString + 1 && single !== undefined && single < emptyString)
    throw malformed('a byte that needs no length has one')
  return { isList, encoded: bytes.subarray(offset, end), payload }
}

/** Where the payload of an item with a length begins and ends. One number has one encoding. */
function bounds(bytes: Uint8Array, offset: number): { start: number; end: number } {
  const first = bytes[offset] ?? 0
  const length = first - (first >= emptyList ? emptyList : emptyString)
  if (length <= shortest) return { start: offset + 1, end: offset + 1 + length }
  const start = offset + 1 + length - shortest
  const long = bytes.subarray(offset + 1, start).reduce((number, byte) => number * 256 + byte, 0)
  if (bytes[offset + 1] === 0 || long <= shortest) throw malformed('a length not in its shortest form')
  return { start, end: start + long }
}

function malformed(why: string): WaypostError {
  return new WaypostError('enr/malformed', { why })
}
