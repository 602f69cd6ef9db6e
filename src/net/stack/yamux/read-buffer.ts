/**
 * What a stream has received while its reader was paused, or not there yet.
 *
 * It is copied: a view of one byte would keep the whole record of the secure channel that it came in, and bytes that
 * come one by one would cost a hundred each.
 */
import { blockBytes } from './limits.ts'

const none: Uint8Array = new Uint8Array(0)

export class ReadBuffer {
  /** Full ones, in order. */
  readonly #blocks: Uint8Array[] = []
  /** Behind them, the one that is being filled. */
  #last = none
  #lastBytes = 0
  /** Bytes of the next one: each is twice as large as the one before. */
  #nextSize: number = blockBytes.first
  #byteLength = 0

  get byteLength(): number {
    return this.#byteLength
  }

  append(bytes: Uint8Array): void {
    const room = this.#last.length - this.#lastBytes
    const fits = Math.min(room, bytes.length)
    this.#fill(bytes.subarray(0, fits))
    if (fits === bytes.length) return
    this.#closeLast()
    this.#last = new Uint8Array(Math.max(bytes.length - fits, this.#nextSize))
    this.#nextSize = Math.min(this.#nextSize * 2, blockBytes.most)
    this.#fill(bytes.subarray(fits))
  }

  prepend(bytes: Uint8Array): void {
    this.#blocks.unshift(Uint8Array.prototype.slice.call(bytes))
    this.#byteLength += bytes.length
  }

  /** The first bytes, as many as lie together; undefined when there are none. */
  take(): Uint8Array | undefined {
    if (this.#blocks.length === 0) this.#closeLast()
    const block = this.#blocks.shift()
    if (block === undefined) this.#nextSize = blockBytes.first
    this.#byteLength -= block?.length ?? 0
    return block
  }

  clear(): void {
    this.#blocks.length = 0
    this.#lastBytes = 0
    this.#closeLast()
    this.#byteLength = 0
  }

  #fill(bytes: Uint8Array): void {
    this.#last.set(bytes, this.#lastBytes)
    this.#lastBytes += bytes.length
    this.#byteLength += bytes.length
  }

  /** What is in the last block is a block; the room behind it is given up. */
  #closeLast(): void {
    if (this.#lastBytes > 0) this.#blocks.push(this.#last.subarray(0, this.#lastBytes))
    this.#last = none
    this.#lastBytes = 0
  }
}
