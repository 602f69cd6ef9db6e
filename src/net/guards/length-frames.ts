/**
 * Reads along in a stream of messages that are each preceded by their length (varint), and judges the length: the stock
 * transport of WebRTC collects up to 4 MiB for a message that never ends, where its specification has 16 KiB.
 */

/** A varint of a length that is allowed has no more. */
const mostLengthBytes = 4

export class LengthFrames {
  readonly #limit: number
  /** Of the length that is being read. */
  #length = 0
  #lengthBytes = 0
  /** Bytes of the present message still to come. */
  #body = 0

  /** `limit`: bytes of one message. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** False when a message that begins in `chunk` is longer than the limit. */
  accept(chunk: Uint8Array): boolean {
    let offset = this.#skip(chunk, 0)
    while (offset < chunk.length) {
      const byte = chunk[offset] ?? 0
      offset += 1
      this.#length |= (byte & 0x7f) << (7 * this.#lengthBytes)
      this.#lengthBytes += 1
      if (this.#length > this.#limit || this.#lengthBytes > mostLengthBytes) return false
      if (byte >= 0x80) continue
      this.#body = this.#length
      this.#length = 0
      this.#lengthBytes = 0
      offset = this.#skip(chunk, offset)
    }
    return true
  }

  /** Where the next length begins, or the end of the chunk. */
  #skip(chunk: Uint8Array, offset: number): number {
    const skipped = Math.min(this.#body, chunk.length - offset)
    this.#body -= skipped
    return offset + skipped
  }
}
