/** What a stream has to send and may not yet: views of what it was given, cut into frames when there is room. */
import { Uint8ArrayList } from 'uint8arraylist'
import { FrameType, writeHeader } from './frame.ts'

export class WriteQueue {
  #parts: Uint8Array[] = []
  /** The first of them that is not sent yet. */
  #next = 0
  #byteLength = 0

  get byteLength(): number {
    return this.#byteLength
  }

  append(data: Uint8Array | Uint8ArrayList): void {
    if (data instanceof Uint8Array) this.#parts.push(data)
    else this.#parts.push(...data)
    this.#byteLength += data.byteLength
  }

  /** A data frame of stream `id` with the first `length` bytes, of which there are at least as many. */
  frame(id: number, length: number): Uint8ArrayList {
    const frame = new Uint8ArrayList(writeHeader(FrameType.data, 0, id, length))
    for (let missing = length; missing > 0; ) {
      const part = this.#parts[this.#next] ?? new Uint8Array(0)
      const taken = part.length > missing ? part.subarray(0, missing) : part
      if (taken === part) this.#next += 1
      else this.#parts[this.#next] = part.subarray(missing)
      frame.append(taken)
      missing -= taken.length
    }
    this.#byteLength -= length
    this.#forgetSent()
    return frame
  }

  clear(): void {
    this.#parts = []
    this.#next = 0
    this.#byteLength = 0
  }

  /** Sent parts are let go of now and then, not one by one. */
  #forgetSent(): void {
    if (this.#next < this.#parts.length && this.#next < 64) return
    this.#parts = this.#parts.slice(this.#next)
    this.#next = 0
  }
}

/** `data` whole in a frame of stream `id`, without a copy. */
export function dataFrame(id: number, data: Uint8Array | Uint8ArrayList): Uint8ArrayList {
  return new Uint8ArrayList(writeHeader(FrameType.data, 0, id, data.byteLength), data)
}
