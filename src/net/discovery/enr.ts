/**
 * Ethereum Node Records (EIP-778, identity scheme v4): signed pairs of key and value.
 * https://github.com/ethereum/EIPs/blob/master/EIPS/eip-778.md
 *
 * What the pairs mean for Waku stands in `node-record.ts`.
 */
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { WaypostError } from '../../core/errors.ts'
import { decodeList, encodeList, encodeString, integerBytes, type RlpItem } from './rlp.ts'

/** Bytes of a whole record: EIP-778. */
export const maxRecordBytes = 300

/** In front of the text form. */
const prefix = 'enr:'

/** Of a record of 300 bytes. */
const maxTextLength = prefix.length + Math.ceil((maxRecordBytes * 4) / 3)

/** Bytes of a compressed secp256k1 key, of a compact signature, of the largest sequence number. */
const publicKeyBytes = 33
const signatureBytes = 64
const sequenceBytes = 8

/** A record that is signed by the key in it. */
export interface Enr {
  /** Grows with each change of the record. */
  readonly sequence: bigint
  /** Compressed secp256k1. */
  readonly publicKey: Uint8Array
  /** All pairs, `id` and `secp256k1` too. */
  readonly pairs: ReadonlyMap<string, Uint8Array>
  readonly bytes: Uint8Array
}

/** Signs `pairs` with a raw secp256k1 key, `id` and `secp256k1` added. Throws `enr/too-large` above 300 bytes. */
export function signEnr(pairs: ReadonlyMap<string, Uint8Array>, privateKey: Uint8Array, sequence: bigint): Enr {
  const publicKey = secp256k1.getPublicKey(privateKey)
  const all = new Map([...pairs, ['id', Buffer.from('v4')], ['secp256k1', publicKey]])
  const content = [encodeString(integerBytes(sequence)), ...[...all].sort(byKey).flatMap(encodePair)]
  const signature = secp256k1.sign(keccak_256(encodeList(content)), privateKey, { prehash: false })
  const bytes = encodeList([encodeString(signature), ...content])
  if (bytes.length > maxRecordBytes) throw new WaypostError('enr/too-large', { length: bytes.length })
  return { sequence, publicKey, pairs: all, bytes }
}

/** Reads a record and checks its signature. Throws `enr/malformed`. */
export function decodeEnr(bytes: Uint8Array): Enr {
  if (bytes.length > maxRecordBytes) throw malformed(`${bytes.length} bytes, above ${maxRecordBytes}`)
  const [signature, sequence, ...rest] = decodeList(bytes)
  if (signature === undefined || sequence === undefined) throw malformed('signature or sequence number is missing')
  const pairs = pairsOf(rest)
  const publicKey = publicKeyIn(pairs)
  const content = encodeList([sequence, ...rest].map(({ encoded }) => encoded))
  if (!signed(signature.payload, content, publicKey)) throw malformed('the signature does not fit')
  return { sequence: sequenceIn(sequence), publicKey, pairs, bytes }
}

/** `enr:` and base64url without padding. */
export function enrToText({ bytes }: Pick<Enr, 'bytes'>): string {
  return prefix + Buffer.from(bytes).toString('base64url')
}

/** Reads the text form. Throws `enr/malformed`. */
export function enrFromText(text: string): Enr {
  const encoded = text.trim()
  if (!encoded.startsWith(prefix)) throw malformed(`does not begin with ${prefix}`)
  if (encoded.length > maxTextLength) throw malformed('longer than a record can be')
  if (!/^[\w-]*$/.test(encoded.slice(prefix.length))) throw malformed('not base64url')
  return decodeEnr(Buffer.from(encoded.slice(prefix.length), 'base64url'))
}

function byKey([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other))
}

function encodePair([key, value]: readonly [string, Uint8Array]): Uint8Array[] {
  return [encodeString(Buffer.from(key)), encodeString(value)]
}

/** Keys are sorted, and each is there once: EIP-778. The value of a key that holds a list is the list's payload. */
function pairsOf(items: readonly RlpItem[]): Map<string, Uint8Array> {
  const pairs = new Map<string, Uint8Array>()
  let last: Uint8Array | undefined
  for (let index = 0; index < items.length; index += 2) {
    const [key, value] = items.slice(index, index + 2)
    if (key === undefined || value === undefined) throw malformed('a key without a value')
    if (key.isList) throw malformed('a key that is a list')
    if (last !== undefined && Buffer.compare(last, key.payload) >= 0) throw malformed('keys not sorted, or twice')
    last = key.payload
    pairs.set(Buffer.from(key.payload).toString('latin1'), value.payload)
  }
  return pairs
}

function publicKeyIn(pairs: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const scheme = Buffer.from(pairs.get('id') ?? []).toString('latin1')
  if (scheme !== 'v4') throw malformed('the identity scheme is not v4')
  const publicKey = pairs.get('secp256k1')
  if (publicKey?.length !== publicKeyBytes) throw malformed('no compressed secp256k1 key')
  return publicKey
}

function sequenceIn({ isList, payload }: RlpItem): bigint {
  if (isList || payload.length > sequenceBytes || payload[0] === 0) throw malformed('the sequence number is none')
  return payload.length === 0 ? 0n : BigInt(`0x${Buffer.from(payload).toString('hex')}`)
}

/** EIP-778 does not ask for the lower of the two possible signatures, so both are taken. */
function signed(signature: Uint8Array, content: Uint8Array, publicKey: Uint8Array): boolean {
  if (signature.length !== signatureBytes) return false
  try {
    return secp256k1.verify(signature, keccak_256(content), publicKey, { prehash: false, lowS: false })
  } catch {
    // Not a point of the curve, or numbers out of range.
    return false
  }
}

function malformed(why: string): WaypostError {
  return new WaypostError('enr/malformed', { why })
}
