/**
 * The chunks of an export: a kind, two lengths, a digest, a body that may be compressed. The digest covers that of the
 * chunk before: a chunk that was changed, lost, moved or taken from another export is found where it stands. Pure.
 */
import { hash as digest } from 'node:crypto'
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { WaypostError } from '../../core/errors.ts'
import { magic, maxChunkBytes } from './format.ts'

export const Kind = { header: 0x48, records: 0x52, footer: 0x46 } as const
export type Kind = (typeof Kind)[keyof typeof Kind]

const Coding = { plain: 0, zstd: 1 } as const

/** Bytes that the digest covers of the head: kind, coding, length as stored, length of the content. */
const claimBytes = 10
const digestBytes = 32
export const headBytes = claimBytes + digestBytes

/** What stands before the digest of the first chunk. */
export const firstLink: Buffer = digest('sha256', magic, 'buffer')

/** Bytes of memory that zstd may use to look back, as a power of two: our chunks need no more than their own length. */
const windowLog = 24

export interface Sealed {
  readonly bytes: Buffer
  /** The digest, which the next chunk needs. */
  readonly link: Buffer
}

/** A chunk with this content, behind the one whose digest is `link`. */
export function sealChunk(kind: Kind, content: Uint8Array, link: Uint8Array, compress: boolean): Sealed {
  const packed = compress ? zstdCompressSync(content) : content
  const coding = packed.length < content.length ? Coding.zstd : Coding.plain
  const body = coding === Coding.zstd ? packed : content
  const chunk = Buffer.allocUnsafe(headBytes + body.length)
  chunk[0] = kind
  chunk[1] = coding
  chunk.writeUInt32BE(body.length, 2)
  chunk.writeUInt32BE(content.length, 6)
  chunk.set(body, headBytes)
  const own = linkOf(chunk, link)
  chunk.set(own, claimBytes)
  return { bytes: chunk, link: own }
}

/** What the head of a chunk claims. */
export interface Claim {
  readonly kind: Kind
  readonly coding: number
  /** Bytes of the body as it stands there. */
  readonly stored: number
  /** Bytes of the content. */
  readonly length: number
}

/** Reads the head of a chunk. Throws `wire/malformed` for what no chunk claims, before anything is allocated for it. */
export function readClaim(head: Buffer): Claim {
  const [kind, coding = 0] = head
  const stored = head.readUInt32BE(2)
  const length = head.readUInt32BE(6)
  if (!isKind(kind)) throw malformed(`${kind} is no kind of chunk`)
  if (length > maxChunkBytes) throw malformed(`a chunk of ${length} bytes, above the limit of ${maxChunkBytes}`)
  const fits = coding === Coding.plain ? stored === length : coding === Coding.zstd && stored < length
  if (!fits) throw malformed('the lengths of a chunk do not fit each other')
  return { kind, coding, stored, length }
}

/** The content of a whole chunk. Throws `wire/malformed`. */
export function openChunk(chunk: Buffer, { coding, length }: Claim, link: Uint8Array): Uint8Array {
  if (!linkOf(chunk, link).equals(chunk.subarray(claimBytes, headBytes))) throw malformed('the digest does not fit')
  const body = chunk.subarray(headBytes)
  return coding === Coding.plain ? body : unpack(body, length)
}

/** The digest in a chunk. */
export function linkIn(chunk: Buffer): Buffer {
  return Buffer.from(chunk.subarray(claimBytes, headBytes))
}

function linkOf(chunk: Buffer, before: Uint8Array): Buffer {
  return digest('sha256', Buffer.concat([before, chunk.subarray(0, claimBytes), chunk.subarray(headBytes)]), 'buffer')
}

/** Whoever forges a chunk can claim little and pack much: zstd stops at the claim. */
function unpack(body: Uint8Array, length: number): Uint8Array {
  try {
    const params = { [constants.ZSTD_d_windowLogMax]: windowLog }
    const content = zstdDecompressSync(body, { maxOutputLength: length, params })
    if (content.length === length) return content
  } catch {
    // Not zstd, or more than was claimed.
  }
  throw malformed('the body does not unpack to its length')
}

function isKind(kind: number | undefined): kind is Kind {
  return Object.values<number | undefined>(Kind).includes(kind)
}

function malformed(why: string): WaypostError {
  return new WaypostError('wire/malformed', { what: 'export', why })
}
