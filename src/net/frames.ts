/**
 * Frames: every Waku protocol sends `unsigned-varint length | body`. The only place that reads or writes that prefix.
 *
 * A length is judged as soon as it can be read, before one byte of the body is kept.
 */
import { WaypostError } from '../core/errors.ts'

/** Bytes of a length prefix at the most: four groups of seven bits are 256 MiB, far above every limit. */
const maxPrefixBytes = 4

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
 * Cuts a stream of chunks into frames. Holds at most one incomplete frame, so at most `limit` bytes beside the chunk
 * that has just come.
 */
export class FrameReader {
  readonly #limit: number
  /** Chunks not yet part of a complete frame, and their bytes. */
  #held: Uint8Array[] = []
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
    this.#held.push(chunk.subarray())
    this.#heldBytes += chunk.byteLength
    for (let body = this.#take(); body !== undefined; body = this.#take()) yield body
  }

  #take(): Uint8Array | undefined {
    const prefix = this.#prefix()
    if (prefix === undefined) return undefined
    const { length, bytes } = prefix
    if (length > this.#limit) throw new WaypostError('wire/too-large', { length, limit: this.#limit })
    if (this.#heldBytes < bytes + length) return undefined
    const held = this.#join()
    this.#keep(held.subarray(bytes + length))
    return held.subarray(bytes, bytes + length)
  }

  /** The length in front of what is held, and its own bytes; undefined while it is incomplete. */
  #prefix(): { length: number; bytes: number } | undefined {
    let length = 0
    let bytes = 0
    for (const chunk of this.#held) {
      for (const byte of chunk) {
        length += (byte & 0x7f) * 2 ** (7 * bytes)
        bytes += 1
        if (byte < 0x80) return { length, bytes }
        if (bytes === maxPrefixBytes)
          throw new WaypostError('wire/malformed', { what: 'frame', why: 'length above 256 MiB' })
      }
    }
    return undefined
  }

  #join(): Uint8Array {
    const [only] = this.#held
    return this.#held.length === 1 && only !== undefined ? only : Buffer.concat(this.#held, this.#heldBytes)
  }

  #keep(rest: Uint8Array): void {
    this.#held = rest.length === 0 ? [] : [rest]
    this.#heldBytes = rest.length
  }
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
