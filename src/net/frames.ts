/**
 * Frames: every Waku protocol sends `unsigned-varint length | body`. The only place that reads or writes that prefix.
 *
 * A length is judged as soon as it can be read, before one byte of the body is kept.
 */
import { WaypostError } from '../core/errors.ts'

/** Bytes of a length prefix at the most: four groups of seven bits are 256 MiB, far above every limit. */
export const maxPrefixBytes = 4

/** `body` with its length in front, in one buffer. */
export function frame(body: Uint8Array): Uint8Array {
  const framed = Buffer.allocUnsafe(prefixLength(body.length) + body.length)
  framed.set(body, writePrefix(framed, body.length))
  return framed
}

/** Bytes that arrive in pieces: a chunk of a stream, or a list of chunks. */
export interface Chunk {
  readonly byteLength: number
  subarray(): Uint8Array
}

/**
 * Cuts a stream of chunks into frames. Holds at most one incomplete frame, in one buffer that grows with what comes
 * and not with what is announced: at most `limit` bytes beside the chunk that has just come, however small the pieces.
 */
export class FrameReader {
  readonly #limit: number
  /** What is not yet part of a complete frame: the first `#heldBytes` bytes; the rest is room for more. */
  #held: Uint8Array = new Uint8Array(0)
  #heldBytes = 0

  /** `limit`: bytes of one body. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** True in the middle of a frame. */
  get incomplete(): boolean {
    return this.#heldBytes > 0
  }

  /** Bytes held of an incomplete frame. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /**
   * The bodies that are complete now. They are views: of `chunk` when it holds them whole, else of a copy.
   * Throws `wire/too-large` for a length above the limit and `wire/malformed` for a prefix that is none.
   */
  *push(chunk: Chunk): Generator<Uint8Array> {
    this.#append(chunk.subarray())
    for (let body = this.#take(); body !== undefined; body = this.#take()) yield body
  }

  /** A lone chunk is held as it is; one that joins others is copied behind them. */
  #append(bytes: Uint8Array): void {
    const needed = this.#heldBytes + bytes.length
    if (this.#heldBytes === 0) this.#held = bytes
    else {
      if (needed > this.#held.length) this.#grow(needed)
      this.#held.set(bytes, this.#heldBytes)
    }
    this.#heldBytes = needed
  }

  /** Doubles, so that a frame in pieces of one byte is copied a few times and not once for each piece. */
  #grow(needed: number): void {
    const larger = Buffer.allocUnsafe(Math.max(needed, Math.min(this.#held.length * 2, this.#limit + maxPrefixBytes)))
    larger.set(this.#held.subarray(0, this.#heldBytes))
    this.#held = larger
  }

  #take(): Uint8Array | undefined {
    const prefix = readPrefix(this.#held, this.#heldBytes)
    if (prefix === undefined) return undefined
    const { length, bytes } = prefix
    if (length > this.#limit) throw new WaypostError('wire/too-large', { length, limit: this.#limit })
    const end = bytes + length
    if (this.#heldBytes < end) return undefined
    const body = this.#held.subarray(bytes, end)
    // A view without room behind it: the next chunk goes to a buffer of its own and leaves `body` alone.
    this.#held = this.#held.subarray(end, this.#heldBytes)
    this.#heldBytes = this.#held.length
    return body
  }
}

/** The length in front of `held`, and how many bytes it takes; undefined while it is incomplete. */
function readPrefix(held: Uint8Array, heldBytes: number): { length: number; bytes: number } | undefined {
  let length = 0
  for (let index = 0; index < Math.min(heldBytes, maxPrefixBytes); index += 1) {
    const byte = held[index] ?? 0
    length |= (byte & 0x7f) << (7 * index)
    if (byte < 0x80) return { length, bytes: index + 1 }
  }
  if (heldBytes < maxPrefixBytes) return undefined
  throw new WaypostError('wire/malformed', { what: 'frame', why: 'length above 256 MiB' })
}

function prefixLength(length: number): number {
  let bytes = 1
  for (let rest = length; rest > 0x7f; rest >>>= 7) bytes += 1
  return bytes
}

function writePrefix(target: Uint8Array, length: number): number {
  let offset = 0
  let rest = length
  for (; rest > 0x7f; rest >>>= 7) target[offset++] = (rest & 0x7f) | 0x80
  target[offset++] = rest
  return offset
}
