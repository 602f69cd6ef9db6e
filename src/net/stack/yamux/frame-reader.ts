/**
 * Cuts what a connection delivers into frames, in place: a header that is split is put together, a body never. It is
 * handed on in the pieces in which it comes, as views.
 */
import { FrameType, type Header, headerBytes, readHeader } from './frame.ts'

export interface FrameSink {
  /** A header, valid during the call. False: nothing more is read. */
  header(header: Readonly<Header>): boolean
  /** The next bytes of the body of the data frame whose header came last; `last`: there are no more. */
  body(bytes: Uint8Array, last: boolean): void
}

export class FrameReader {
  readonly #sink: FrameSink
  readonly #header: Header = { version: 0, type: 0, flags: 0, id: 0, length: 0 }
  /** The part of a header that the last chunk ended with. */
  readonly #split = Buffer.alloc(headerBytes)
  #splitBytes = 0
  /** Bytes of the present body that are still to come. */
  #body = 0
  #stopped = false

  constructor(sink: FrameSink) {
    this.#sink = sink
  }

  /** Reads no more, not even the rest of the present chunk. */
  stop(): void {
    this.#stopped = true
  }

  push(chunk: Uint8Array): void {
    let offset = 0
    while (offset < chunk.length && !this.#stopped)
      offset = this.#body > 0 ? this.#readBody(chunk, offset) : this.#readHeader(chunk, offset)
  }

  #readBody(chunk: Uint8Array, offset: number): number {
    const end = Math.min(chunk.length, offset + this.#body)
    this.#body -= end - offset
    const whole = offset === 0 && end === chunk.length
    this.#sink.body(whole ? chunk : chunk.subarray(offset, end), this.#body === 0)
    return end
  }

  #readHeader(chunk: Uint8Array, offset: number): number {
    if (this.#splitBytes > 0 || chunk.length - offset < headerBytes) return this.#joinHeader(chunk, offset)
    readHeader(chunk, offset, this.#header)
    this.#begin()
    return offset + headerBytes
  }

  #joinHeader(chunk: Uint8Array, offset: number): number {
    const end = Math.min(chunk.length, offset + headerBytes - this.#splitBytes)
    this.#split.set(chunk.subarray(offset, end), this.#splitBytes)
    this.#splitBytes += end - offset
    if (this.#splitBytes < headerBytes) return end
    this.#splitBytes = 0
    readHeader(this.#split, 0, this.#header)
    this.#begin()
    return end
  }

  #begin(): void {
    if (!this.#sink.header(this.#header)) this.#stopped = true
    // In frames of other types the length is a window, a reason or a value.
    else if (this.#header.type === FrameType.data) this.#body = this.#header.length
  }
}
