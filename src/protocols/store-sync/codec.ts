/**
 * Store sync on the wire: `/vac/waku/reconciliation/1.0.0` and `/vac/waku/transfer/1.0.0`. Pure.
 *
 * The specification (waku-org/specs `standards/core/sync.md`) and nwaku, the only node in the field that speaks it, do
 * not understand each other; these are nwaku's bytes (`waku_store_sync/codec.nim`, v0.37):
 *
 *     payload := 00 | topics topics varint(lower time) range*
 *     topics  := varint(count) { varint(length) utf8 }*                    pubsub topics, then content topics
 *     range   := varint(upper time - previous bound's) [ length, that many bytes of the upper hash ] type body
 *     body    := nothing | 32 bytes of fingerprint | varint(count) { varint(time - previous) hash }* reconciled
 *
 * The bytes of a hash stand there only when the time is that of the bound before. Varints are LEB128 of 63 bits.
 */
import { WaypostError } from '../../core/errors.ts'
import { hashBytes } from '../../core/hash.ts'
import { ProtobufReader, ProtobufWriter, utf8 } from '../../core/protobuf.ts'
import type { Nanoseconds } from '../../core/time.ts'

export const reconciliationProtocol = '/vac/waku/reconciliation/1.0.0'
export const transferProtocol = '/vac/waku/transfer/1.0.0'

/** Where a message stands: its timestamp, then its hash as bytes. */
export interface SyncId {
  readonly time: Nanoseconds
  readonly hash: Uint8Array
}

/** What one side says of the messages from the bound before (inclusive) to `upper` (exclusive). */
export type SyncRange = { readonly upper: SyncId } & (
  | { readonly type: 'skip' }
  | { readonly type: 'fingerprint'; readonly fingerprint: Uint8Array }
  | { readonly type: 'items'; readonly items: readonly SyncId[]; readonly reconciled: boolean }
)

/** One turn of a reconciliation. Without ranges it says: done. */
export interface SyncPayload {
  /** The scope of who speaks; empty: everything. */
  readonly pubsubTopics: readonly string[]
  readonly contentTopics: readonly string[]
  /** Where the first range begins. */
  readonly lower: Nanoseconds
  readonly ranges: readonly SyncRange[]
}

/** A hash before all others: what a bound that is a mere time has. */
export const zeroHash: Uint8Array = new Uint8Array(hashBytes)

const Type = { skip: 0, fingerprint: 1, items: 2 } as const

/** The frame that ends a reconciliation. */
export const donePayload: Uint8Array = Uint8Array.of(0)

/** Bytes that a payload of `ranges` ranges with `items` items takes at the most, its topics aside. */
export function payloadBytes(ranges: number, items: number): number {
  return ranges * (maxVarintBytes + 1 + hashBytes + 2 + maxVarintBytes) + items * (maxVarintBytes + hashBytes)
}

export function encodePayload({ pubsubTopics, contentTopics, lower, ranges }: SyncPayload): Uint8Array {
  if (ranges.length === 0) return donePayload
  const bytes = new Bytes()
  for (const topics of [pubsubTopics, contentTopics]) bytes.topics(topics)
  bytes.varint(lower)
  let previous = lower
  for (const range of ranges) {
    bytes.bound(range.upper, previous).byte(Type[range.type])
    previous = range.upper.time
    if (range.type === 'fingerprint') bytes.raw(range.fingerprint)
    else if (range.type === 'items') bytes.items(range.items).byte(range.reconciled ? 1 : 0)
  }
  return bytes.finish()
}

/** Reads a payload. Throws `wire/malformed`: also when times or items are not in their order. */
export function decodePayload(body: Uint8Array): SyncPayload {
  // nwaku's way to end is one zero byte, or a frame without any.
  if (body.length <= 1) return { pubsubTopics: [], contentTopics: [], lower: 0n, ranges: [] }
  const reader = new PayloadReader(body)
  const pubsubTopics = reader.topics()
  const contentTopics = reader.topics()
  const lower = reader.varint()
  const ranges: SyncRange[] = []
  // A single byte at the end is no range: nwaku's loop ends there too.
  for (let previous = lower; reader.left > 1; ) {
    const upper = reader.bound(previous)
    ranges.push(reader.range(upper))
    previous = upper.time
  }
  return { pubsubTopics, contentTopics, lower, ranges }
}

/** A message in transfer, with its shard. nwaku's field numbers; the specification has them the other way round. */
export function encodeTransfer(pubsubTopic: string, bytes: Uint8Array): Uint8Array {
  return new ProtobufWriter(pubsubTopic.length + bytes.length + 32).string(1, pubsubTopic).bytes(2, bytes).finish()
}

/** Reads a message in transfer. Throws `wire/malformed`. */
export function decodeTransfer(body: Uint8Array): { pubsubTopic: string; bytes: Uint8Array } {
  const reader = new ProtobufReader(body, 'transfer')
  let pubsubTopic: string | undefined
  let bytes: Uint8Array | undefined
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) pubsubTopic = reader.string()
    else if (field === 2) bytes = reader.bytes()
    else reader.skip()
  }
  if (pubsubTopic === undefined || bytes === undefined) throw malformed('a message or its topic is missing', 'transfer')
  return { pubsubTopic, bytes }
}

/** The order of history: by time, then by hash. */
export function compareIds(a: SyncId, b: SyncId): number {
  if (a.time !== b.time) return a.time < b.time ? -1 : 1
  return Buffer.compare(a.hash, b.hash)
}

/** Bytes of a varint of 63 bits. */
const maxVarintBytes = 9

function malformed(why: string, what = 'reconciliation payload'): WaypostError {
  return new WaypostError('wire/malformed', { what, why })
}

/** Builds a payload. */
class Bytes {
  #buffer = Buffer.allocUnsafe(1024)
  #length = 0

  byte(value: number): this {
    this.#room(1)
    this.#buffer[this.#length++] = value
    return this
  }

  raw(bytes: Uint8Array): this {
    this.#room(bytes.length)
    this.#buffer.set(bytes, this.#length)
    this.#length += bytes.length
    return this
  }

  varint(value: bigint): this {
    this.#room(maxVarintBytes + 1)
    let rest = value
    for (; rest > 0x7fn; rest >>= 7n) this.#buffer[this.#length++] = Number(rest & 0x7fn) | 0x80
    this.#buffer[this.#length++] = Number(rest)
    return this
  }

  topics(topics: readonly string[]): this {
    this.varint(BigInt(topics.length))
    for (const topic of topics) {
      const text = Buffer.from(topic)
      this.varint(BigInt(text.length)).raw(text)
    }
    return this
  }

  /** At the time of the bound before, the hash counts: up to its last byte that is not that of the reference, zeros. */
  bound({ time, hash }: SyncId, previous: Nanoseconds): this {
    this.varint(time - previous)
    if (time !== previous) return this
    const firstDifferent = hash.findIndex((byte) => byte !== 0)
    const length = firstDifferent === -1 ? hashBytes : firstDifferent + 1
    return this.byte(length).raw(hash.subarray(0, length))
  }

  items(items: readonly SyncId[]): this {
    this.varint(BigInt(items.length))
    let previous = 0n
    for (const { time, hash } of items) {
      this.varint(time - previous).raw(hash)
      previous = time
    }
    return this
  }

  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }

  #room(more: number): void {
    if (this.#length + more <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#length + more, this.#buffer.length * 2))
    larger.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = larger
  }
}

/** Reads a payload. Whatever a count says, what is made is bounded by the bytes that are there. */
class PayloadReader {
  readonly #bytes: Uint8Array
  #position = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.#bytes.length - this.#position
  }

  byte(): number {
    const byte = this.#bytes[this.#position]
    if (byte === undefined) throw malformed('it is cut short')
    this.#position += 1
    return byte
  }

  raw(length: number): Uint8Array {
    if (length > this.left) throw malformed('it is cut short')
    const bytes = this.#bytes.subarray(this.#position, this.#position + length)
    this.#position += length
    return bytes
  }

  varint(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 63n; shift += 7n) {
      const byte = this.byte()
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    throw malformed('a number above 63 bits')
  }

  /** A number of things that each take a byte at the least. */
  count(): number {
    const count = this.varint()
    if (count > BigInt(this.left)) throw malformed('a count beyond the end')
    return Number(count)
  }

  topics(): string[] {
    return Array.from({ length: this.count() }, () => utf8(this.raw(this.count())))
  }

  bound(previous: Nanoseconds): SyncId {
    const step = this.varint()
    return { time: later(previous, step), hash: step === 0n ? this.#boundHash() : zeroHash }
  }

  range(upper: SyncId): SyncRange {
    switch (this.byte()) {
      case Type.skip:
        return { type: 'skip', upper }
      case Type.fingerprint:
        return { type: 'fingerprint', upper, fingerprint: this.raw(hashBytes) }
      case Type.items:
        return { type: 'items', upper, items: this.#items(), reconciled: this.#flag() }
      default:
        throw malformed('a range of an unknown type')
    }
  }

  #boundHash(): Uint8Array {
    const length = this.byte()
    if (length > hashBytes) throw malformed('a bound with a hash that is too long')
    const hash = new Uint8Array(hashBytes)
    hash.set(this.raw(length))
    return hash
  }

  #items(): readonly SyncId[] {
    const items: SyncId[] = []
    let time = 0n
    for (let count = this.count(); count > 0; count -= 1) {
      time = later(time, this.varint())
      const item = { time, hash: this.raw(hashBytes) }
      const previous = items.at(-1)
      if (previous !== undefined && compareIds(previous, item) >= 0) throw malformed('items out of order')
      items.push(item)
    }
    return items
  }

  #flag(): boolean {
    const flag = this.byte()
    if (flag > 1) throw malformed('a flag that is neither 0 nor 1')
    return flag === 1
  }
}

const latest: Nanoseconds = 2n ** 63n - 1n

function later(time: Nanoseconds, step: bigint): Nanoseconds {
  if (time + step > latest) throw malformed('a time above 63 bits')
  return time + step
}
