/**
 * Frames: every Waku protocol sends `unsigned-varint length | body`. This file writes that prefix, and
 * `frame-cutter.ts` reads it: no other does.
 *
 * A length is judged as soon as it can be read, before one byte of the body is kept.
 */
import { FrameCutter } from './frame-cutter.ts'

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
  readonly #cutter: FrameCutter
  #bodies: Uint8Array[] = []

  /** `limit`: bytes of one body. */
  constructor(limit: number) {
    this.#cutter = new FrameCutter(limit, (buffer, _begin, start, end) => {
      this.#bodies.push(buffer.subarray(start, end))
    })
  }

  /** True in the middle of a frame. */
  get incomplete(): boolean {
    return this.#cutter.heldBytes > 0
  }

  /** Bytes held of an incomplete frame. */
  get heldBytes(): number {
    return this.#cutter.heldBytes
  }

  /**
   * The bodies that are complete now. They are views: of `chunk` when it holds them whole, else of a copy. Throws, after
   * those, `wire/too-large` for a length above the limit and `wire/malformed` for a prefix that is none.
   */
  *push(chunk: Chunk): Generator<Uint8Array> {
    let fault: unknown
    try {
      this.#cutter.push(chunk.subarray())
    } catch (error) {
      fault = error
    }
    const bodies = this.#bodies
    this.#bodies = []
    yield* bodies
    if (fault !== undefined) throw fault
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
