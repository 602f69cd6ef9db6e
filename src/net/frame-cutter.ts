/**
 * Cuts a stream of chunks into frames and shows each where it lies: no view, no promise and no generator for a frame that
 * a chunk holds whole. For protocols with thousands of small frames a second; others read with `FrameReader`, which stands on it.
 */
import { WaypostError } from '../core/errors.ts'

/** Bytes of a frame from which it is taken in a buffer of its own, which may be kept. */
const ownBytes = 4096

/** Bytes of a length prefix at the most: four groups of seven bits are 256 MiB, far above every limit. */
const maxPrefixBytes = 4

/**
 * Takes the frame in `buffer`: its prefix from `begin`, its body from `start` to `end`. A frame of less than 4 KiB may lie
 * in a chunk, which lasts no longer than its sender lets it; a larger one has a buffer that is never written to again.
 * What it throws comes out of `push`.
 */
export type TakeFrame = (buffer: Uint8Array, begin: number, start: number, end: number) => void

/** A prefix with its frame in one number: the bytes of the body times 8, and the bytes of the prefix; 0: incomplete. */
type Head = number

export class FrameCutter {
  readonly #limit: number
  readonly #take: TakeFrame
  /** The first `#heldBytes` bytes of a frame that is not complete; the rest is room for more. */
  #held: Uint8Array = nothing
  #heldBytes = 0
  /** Of the frame that is held; 0 as long as its prefix is not complete. */
  #head: Head = 0

  /** `limit`: bytes of one body. */
  constructor(limit: number, take: TakeFrame) {
    this.#limit = limit
    this.#take = take
  }

  /** Bytes held of an incomplete frame. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** Takes all frames that are complete now. Throws `wire/too-large` and `wire/malformed`, for prefixes alone. */
  push(chunk: Uint8Array): void {
    let at = this.#heldBytes === 0 ? 0 : this.#complete(chunk)
    while (at < chunk.length) {
      const head = this.#headOf(chunk, at, chunk.length)
      const end = at + (head & 7) + (head >>> 3)
      if (head === 0 || end > chunk.length) break
      this.#takeWhole(chunk, at, at + (head & 7), end)
      at = end
    }
    if (at < chunk.length) this.#hold(chunk, at)
  }

  #takeWhole(chunk: Uint8Array, begin: number, start: number, end: number): void {
    if (end - begin < ownBytes) this.#take(chunk, begin, start, end)
    else this.#take(copied(chunk, begin, end), 0, start - begin, end - begin)
  }

  /** Keeps the begin of a frame, which is all of the chunk from `at` on. */
  #hold(chunk: Uint8Array, at: number): void {
    const bytes = chunk.length - at
    this.#head = this.#headOf(chunk, at, chunk.length)
    this.#held = Buffer.allocUnsafe(this.#roomFor(bytes))
    this.#held.set(chunk.subarray(at))
    this.#heldBytes = bytes
  }

  /** Adds to the held frame what belongs to it, takes it when it is whole, and returns where the chunk goes on. */
  #complete(chunk: Uint8Array): number {
    let at = 0
    while (this.#head === 0) {
      const byte = chunk[at]
      if (byte === undefined) return at
      this.#held[this.#heldBytes] = byte
      this.#heldBytes += 1
      at += 1
      this.#head = this.#headOf(this.#held, 0, this.#heldBytes)
    }
    const total = (this.#head & 7) + (this.#head >>> 3)
    const end = Math.min(chunk.length, at + total - this.#heldBytes)
    this.#append(chunk, at, end)
    if (this.#heldBytes === total) this.#takeHeld(total)
    return end
  }

  #append(chunk: Uint8Array, at: number, end: number): void {
    const needed = this.#heldBytes + end - at
    if (needed > this.#held.length) {
      const larger = Buffer.allocUnsafe(this.#roomFor(needed))
      larger.set(this.#held.subarray(0, this.#heldBytes))
      this.#held = larger
    }
    this.#held.set(chunk.subarray(at, end), this.#heldBytes)
    this.#heldBytes = needed
  }

  #takeHeld(total: number): void {
    const [held, start] = [this.#held, this.#head & 7]
    this.#held = nothing
    this.#heldBytes = 0
    this.#head = 0
    this.#take(held, 0, start, total)
  }

  /** Grows with what comes and not with what is announced: doubles, and ends with the frame. */
  #roomFor(bytes: number): number {
    const doubled = Math.max(2 * bytes, leastRoom)
    return this.#head === 0 ? doubled : Math.max(bytes, Math.min(doubled, (this.#head & 7) + (this.#head >>> 3)))
  }

  #headOf(buffer: Uint8Array, at: number, end: number): Head {
    const head = readHead(buffer, at, end)
    if (head >>> 3 > this.#limit) throw new WaypostError('wire/too-large', { length: head >>> 3, limit: this.#limit })
    return head
  }
}

const nothing = new Uint8Array(0)

function copied(chunk: Uint8Array, begin: number, end: number): Uint8Array {
  const copy = Buffer.allocUnsafeSlow(end - begin)
  copy.set(chunk.subarray(begin, end))
  return copy
}

/** Bytes for a frame of which little has come: small frames need no second buffer. */
const leastRoom = 2048

function readHead(buffer: Uint8Array, at: number, end: number): Head {
  let length = 0
  for (let index = 0; index < maxPrefixBytes; index += 1) {
    if (at + index >= end) return 0
    const byte = buffer[at + index] ?? 0
    length |= (byte & 0x7f) << (7 * index)
    if (byte < 0x80) return length * 8 + index + 1
  }
  throw new WaypostError('wire/malformed', { what: 'frame', why: 'length above 256 MiB' })
}
