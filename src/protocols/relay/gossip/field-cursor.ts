/**
 * Walks over the fields of a protobuf message where it lies in a larger buffer, for the hot path: it makes no object and
 * no view, and is used again for the next message. Everything else reads with `ProtobufReader`.
 */
import { WaypostError } from '../../../core/errors.ts'
import { WireType } from '../../../core/protobuf.ts'

export class FieldCursor {
  readonly #what: string
  #buffer: Uint8Array = new Uint8Array(0)
  #position = 0
  #end = 0
  /** Where the value of the field lies that `next` named: its bytes, or its number. */
  from = 0
  to = 0
  /** Whether it is length-delimited. */
  isBytes = false

  /** `what` names the message in errors. */
  constructor(what: string) {
    this.#what = what
  }

  /** Reads the message in `buffer` from `start` to `end` from now on. */
  enter(buffer: Uint8Array, start: number, end: number): void {
    this.#buffer = buffer
    this.#position = start
    this.#end = end
  }

  /** Goes to the next field and returns its number; 0 at the end. Throws `wire/malformed`. */
  next(): number {
    if (this.#position === this.#end) return 0
    const tag = this.#varint()
    const field = tag >>> 3
    if (field === 0) throw this.#malformed('field number 0')
    this.#value(tag & 7)
    return field
  }

  #value(wireType: number): void {
    this.isBytes = wireType === WireType.bytes
    if (this.isBytes) {
      const length = this.#varint()
      this.from = this.#position
      this.#advance(length)
    } else {
      this.from = this.#position
      if (wireType === WireType.varint) this.#skipVarint()
      else if (wireType === WireType.fixed64) this.#advance(8)
      else if (wireType === WireType.fixed32) this.#advance(4)
      else throw this.#malformed(`wire type ${wireType}`)
    }
    this.to = this.#position
  }

  #advance(length: number): void {
    if (length > this.#end - this.#position) throw this.#malformed('a length beyond the end')
    this.#position += length
  }

  /** A varint of 32 bits: all tags and lengths. */
  #varint(): number {
    const first = this.#byte()
    if (first < 0x80) return first
    let value = first & 0x7f
    for (let shift = 7; shift < 35; shift += 7) {
      const byte = this.#byte()
      // Cut to 32 bits, a larger tag would pass for another field, and nodes would read different messages.
      if (shift === 28 && byte > 0x0f) break
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    throw this.#malformed('a tag or length above 32 bits')
  }

  #skipVarint(): void {
    for (let bytes = 1; bytes <= 10; bytes += 1) if (this.#byte() < 0x80) return
    throw this.#malformed('a varint above 64 bits')
  }

  #byte(): number {
    if (this.#position >= this.#end) throw this.#malformed('a varint cut short')
    const byte = this.#buffer[this.#position] ?? 0
    this.#position += 1
    return byte
  }

  #malformed(why: string): WaypostError {
    return new WaypostError('wire/malformed', { what: this.#what, why })
  }
}
