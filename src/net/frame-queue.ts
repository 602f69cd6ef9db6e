/** Frames that wait for their reader: bounded in number and in bytes. When it is full, the oldest make room. */

export interface QueueBounds {
  readonly messages: number
  readonly bytes: number
}

export class FrameQueue {
  readonly #bounds: QueueBounds
  #frames: Uint8Array[] = []
  #bytes = 0

  constructor(bounds: QueueBounds) {
    this.#bounds = bounds
  }

  get length(): number {
    return this.#frames.length
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Adds `frame`, by reference, and returns how many were dropped for it. One frame always has its place. */
  put(frame: Uint8Array): number {
    let dropped = 0
    while (this.#frames.length > 0 && !this.#fits(frame)) {
      this.#bytes -= this.#frames.shift()?.length ?? 0
      dropped += 1
    }
    this.#frames.push(frame)
    this.#bytes += frame.length
    return dropped
  }

  /** Takes the oldest frames out, `bytes` of them at the most, but one at least when there is any. */
  take(bytes: number): readonly Uint8Array[] {
    let count = 0
    let taken = 0
    for (const { length } of this.#frames) {
      if (count > 0 && taken + length > bytes) break
      count += 1
      taken += length
    }
    this.#bytes -= taken
    return this.#frames.splice(0, count)
  }

  /** Drops all of them, and returns how many. */
  clear(): number {
    const dropped = this.#frames.length
    this.#frames = []
    this.#bytes = 0
    return dropped
  }

  #fits(frame: Uint8Array): boolean {
    return this.#frames.length < this.#bounds.messages && this.#bytes + frame.length <= this.#bounds.bytes
  }
}
