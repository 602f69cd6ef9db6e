/**
 * Reads and writes protobuf fields (https://protobuf.dev/programming-guides/encoding/).
 *
 * Written by hand because a relay must keep the bytes it received: the reader hands out views, copies nothing, and
 * checks every length against the buffer. A codec is a loop over `next()` with a `switch` on the field number.
 */
import { WaypostError } from './errors.ts'

export const WireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const

/** Bytes of the longest varint: 64 bits in groups of seven. */
const maxVarintBytes = 10

/** Walks over the fields of one protobuf message. Views into `buffer` stay valid as long as it does. */
export class ProtobufReader {
  readonly #buffer: Uint8Array
  readonly #what: string
  #position = 0
  #wireType = 0
  /** The two halves of the varint read last. */
  #low = 0
  #high = 0

  /** `what` names the message in errors. */
  constructor(buffer: Uint8Array, what: string) {
    this.#buffer = buffer
    this.#what = what
  }

  /** The number of the next field, or 0 at the end. Read its value, or `skip()` it, before the next call. */
  next(): number {
    if (this.#position === this.#buffer.length) return 0
    this.#varint()
    // Cut to 32 bits, a larger tag would pass for another field, and nodes would read different messages.
    if (this.#high !== 0) throw this.#malformed('a field number above 29 bits')
    const field = this.#low >>> 3
    this.#wireType = this.#low & 7
    if (field === 0) throw this.#malformed('field number 0')
    return field
  }

  /** True where the field that `next()` named is a number. */
  get isVarint(): boolean {
    return this.#wireType === WireType.varint
  }

  /** True where it is length-delimited. */
  get isBytes(): boolean {
    return this.#wireType === WireType.bytes
  }

  /** A view of a length-delimited field. */
  bytes(): Uint8Array {
    this.#expect(WireType.bytes)
    this.#varint()
    const start = this.#position
    const end = start + this.#low
    if (this.#high !== 0 || end > this.#buffer.length) throw this.#malformed('a length beyond the end')
    this.#position = end
    return this.#buffer.subarray(start, end)
  }

  /** A length-delimited field as text. Bytes that are not UTF-8 become U+FFFD. */
  string(): string {
    return utf8(this.bytes())
  }

  /** An unsigned varint cut to 32 bits, as protobuf does. */
  uint32(): number {
    this.#expect(WireType.varint)
    this.#varint()
    return this.#low
  }

  /** A repeated uint32 field as it stands here: one value by itself, or several packed. Writers may choose. */
  uint32s(): number[] {
    return this.varints((one) => one.uint32())
  }

  /** The same for any number that is a varint: `read` takes one of them. Throws when there are more than `most`. */
  varints<Value>(read: (reader: ProtobufReader) => Value, most = Number.POSITIVE_INFINITY): Value[] {
    if (this.#wireType === WireType.varint) return [read(this)]
    const packed = new ProtobufReader(this.bytes(), this.#what)
    const values: Value[] = []
    while (packed.#position < packed.#buffer.length) {
      if (values.length >= most) throw this.#malformed(`more than ${most} values`)
      values.push(read(packed))
    }
    return values
  }

  uint64(): bigint {
    this.#expect(WireType.varint)
    this.#varint()
    return (BigInt(this.#high) << 32n) | BigInt(this.#low)
  }

  /** A zigzag-coded signed varint. */
  sint64(): bigint {
    const zigzag = this.uint64()
    return (zigzag >> 1n) ^ -(zigzag & 1n)
  }

  bool(): boolean {
    this.#expect(WireType.varint)
    this.#varint()
    return this.#low !== 0 || this.#high !== 0
  }

  /** Passes over the value of a field that the reader does not know. */
  skip(): void {
    switch (this.#wireType) {
      case WireType.varint:
        this.#varint()
        return
      case WireType.fixed64:
        this.#advance(8)
        return
      case WireType.bytes:
        this.bytes()
        return
      case WireType.fixed32:
        this.#advance(4)
        return
      default:
        throw this.#malformed(`wire type ${this.#wireType}`)
    }
  }

  #expect(wireType: number): void {
    if (this.#wireType !== wireType) throw this.#malformed(`wire type ${this.#wireType} instead of ${wireType}`)
  }

  #advance(length: number): void {
    if (this.#position + length > this.#buffer.length) throw this.#malformed('a length beyond the end')
    this.#position += length
  }

  #varint(): void {
    const buffer = this.#buffer
    let low = 0
    let high = 0
    for (let index = 0; index < maxVarintBytes; index += 1) {
      const byte = buffer[this.#position]
      if (byte === undefined) throw this.#malformed('a varint cut short')
      this.#position += 1
      const bits = byte & 0x7f
      if (index < 4) low |= bits << (index * 7)
      else if (index === 4) {
        low |= bits << 28
        high = bits >>> 4
      } else high |= bits << (index * 7 - 32)
      if (byte < 0x80) {
        if (index === maxVarintBytes - 1 && byte > 1) break
        this.#low = low >>> 0
        this.#high = high >>> 0
        return
      }
    }
    throw this.#malformed('a varint above 64 bits')
  }

  #malformed(why: string): WaypostError {
    return new WaypostError('wire/malformed', { what: this.#what, why })
  }
}

/** Builds one protobuf message. What a protocol must see on the wire is written even when it is 0, false or empty. */
export class ProtobufWriter {
  #buffer: Buffer
  #length = 0

  /** `capacity` in bytes is a guess; the writer grows when it was too small. */
  constructor(capacity = 256) {
    this.#buffer = Buffer.allocUnsafe(capacity)
  }

  bytes(field: number, value: Uint8Array): this {
    this.#ensure(value.length + 20)
    this.#tag(field, WireType.bytes)
    this.#varint(value.length)
    this.#buffer.set(value, this.#length)
    this.#length += value.length
    return this
  }

  /** The head of a message within: what is written next, `length` bytes, is that message. */
  begin(field: number, length: number): this {
    this.#ensure(length + 20)
    this.#tag(field, WireType.bytes)
    this.#varint(length)
    return this
  }

  string(field: number, value: string): this {
    const length = Buffer.byteLength(value)
    this.#ensure(length + 20)
    this.#tag(field, WireType.bytes)
    this.#varint(length)
    this.#length += this.#buffer.write(value, this.#length)
    return this
  }

  uint32(field: number, value: number): this {
    this.#ensure(20)
    this.#tag(field, WireType.varint)
    this.#varint(value >>> 0)
    return this
  }

  uint64(field: number, value: bigint): this {
    this.#ensure(20)
    this.#tag(field, WireType.varint)
    this.#bigVarint(BigInt.asUintN(64, value))
    return this
  }

  sint64(field: number, value: bigint): this {
    return this.uint64(field, BigInt.asUintN(64, (value << 1n) ^ (value >> 63n)))
  }

  bool(field: number, value: boolean): this {
    return this.uint32(field, value ? 1 : 0)
  }

  /** Several varints in one length-delimited field: numbers of 32 bits, bigints of 64. */
  packed(field: number, values: readonly (number | bigint)[]): this {
    const inner = new ProtobufWriter(values.length * 5 + 1)
    for (const value of values) {
      inner.#ensure(20)
      if (typeof value === 'bigint') inner.#bigVarint(BigInt.asUintN(64, value))
      else inner.#varint(value >>> 0)
    }
    return this.bytes(field, inner.finish())
  }

  /** The message: a view of the writer's buffer, which is not used again. */
  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }

  #tag(field: number, wireType: number): void {
    this.#varint(((field << 3) | wireType) >>> 0)
  }

  #varint(value: number): void {
    let rest = value
    while (rest > 0x7f) {
      this.#buffer[this.#length++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#buffer[this.#length++] = rest
  }

  #bigVarint(value: bigint): void {
    let rest = value
    while (rest > 0x7fn) {
      this.#buffer[this.#length++] = Number(rest & 0x7fn) | 0x80
      rest >>= 7n
    }
    this.#buffer[this.#length++] = Number(rest)
  }

  #ensure(more: number): void {
    const needed = this.#length + more
    if (needed <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2))
    larger.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = larger
  }
}

/** Bytes that a length-delimited field takes whose value has `length` bytes. */
export function lengthOfBytes(field: number, length: number): number {
  return varintLength(field << 3) + varintLength(length) + length
}

function varintLength(value: number): number {
  let bytes = 1
  for (let rest = value; rest > 0x7f; rest >>>= 7) bytes += 1
  return bytes
}

/** Bytes as text, without a copy of the bytes. */
export function utf8(bytes: Uint8Array): string {
  return Buffer.prototype.utf8Slice.call(bytes, 0, bytes.length)
}
