/**
 * Reads along in a yamux session and judges the announced length of each data frame.
 *
 * The stock muxer collects a frame until it is complete, and only then compares it with the window that it granted: a
 * header that announces 4 GiB makes it keep whatever follows.
 * https://github.com/hashicorp/yamux/blob/master/spec.md
 */

/** Version, type, flags, stream id, length. */
const headerBytes = 12

const dataFrame = 0

const nothing = new Uint8Array()

/** Bytes received: a chunk, or a list of chunks. */
export interface Received {
  readonly byteLength: number
  subarray(start?: number, end?: number): Uint8Array
}

/** Follows the frames of one session. */
export class YamuxFrames {
  readonly #limit: number
  /** The part of a header that the last chunk ended with. */
  #header: Uint8Array = nothing
  /** Bytes of the present frame's body still to come. */
  #body = 0

  /** `limit`: bytes of one data frame, at least the largest window that we grant. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** False when a frame that begins in `chunk` is longer than the limit. */
  accept(chunk: Received): boolean {
    let offset = this.#skip(chunk, 0)
    while (offset < chunk.byteLength) {
      const end = Math.min(chunk.byteLength, offset + headerBytes - this.#header.length)
      const part = chunk.subarray(offset, end)
      this.#header = this.#header.length === 0 ? part : Buffer.concat([this.#header, part])
      if (this.#header.length < headerBytes) return true
      this.#body = bodyLength(this.#header)
      this.#header = nothing
      if (this.#body > this.#limit) return false
      offset = this.#skip(chunk, end)
    }
    return true
  }

  /** Where the next header begins, or the end of the chunk. */
  #skip(chunk: Received, offset: number): number {
    const skipped = Math.min(this.#body, chunk.byteLength - offset)
    this.#body -= skipped
    return offset + skipped
  }
}

/** In frames of other types the length is a window, a reason or an id. */
function bodyLength(header: Uint8Array): number {
  if (header[1] !== dataFrame) return 0
  return new DataView(header.buffer, header.byteOffset).getUint32(8)
}
