/**
 * The export: stored messages as a stream of bytes, for files and for the way between node and command. What stands
 * where is in docs/export-format.md; here are its parts without the chunks around them. Pure.
 *
 * Every length in it is somebody's claim: each is held against a bound, and against what is there.
 */
import { WaypostError } from '../../core/errors.ts'
import { hashBytes, hashFromBytes, type MessageHash } from '../../core/hash.ts'
import { ProtobufReader, ProtobufWriter } from '../../core/protobuf.ts'
import type { Milliseconds, Nanoseconds } from '../../core/time.ts'
import type { Place } from '../backend.ts'

/** Like that of PNG: a copy that changed line ends, or lost the eighth bit, shows at once. */
export const magic = Buffer.from([0x89, 0x57, 0x50, 0x58, 0x0d, 0x0a, 0x1a, 0x0a])

/** What this release writes; it reads none that is higher. */
export const formatVersion = 1

/** Bytes of a chunk before compression at the most: a message of the largest settable size, 8 MiB, and room. */
export const maxChunkBytes = 16 * 1024 * 1024

/** Records of a chunk at the most, which bounds what a few compressed bytes become in memory. */
export const maxChunkRecords = 4096

/** Bytes of a pubsub topic at the most: names of shards have 26. */
const maxTopicBytes = 1024

/** A stored message in an export, oldest first. */
export interface ExportRecord extends Place {
  readonly pubsubTopic: string
  /** The encoded message as it was received. */
  readonly bytes: Uint8Array
}

/** Which messages an export holds: all, but for what is named. */
export interface ExportSelection {
  readonly start?: Nanoseconds
  readonly end?: Nanoseconds
  readonly pubsubTopic?: string
  readonly contentTopics?: readonly string[]
}

/** What an export says of itself before the first message. */
export interface ExportHeader {
  readonly createdAt: Milliseconds
  /** `waypost/1.0.0`. */
  readonly writer: string
  readonly selection: ExportSelection
}

/** What an export holds; its footer says it again. */
export interface ExportTotals {
  readonly messages: number
  /** Of messages, without what is around them. */
  readonly bytes: number
  readonly oldest?: Nanoseconds
  readonly newest?: Nanoseconds
}

export const noTotals: ExportTotals = { messages: 0, bytes: 0 }

/** `totals` with `records` behind them. */
export function withRecords(totals: ExportTotals, records: readonly ExportRecord[]): ExportTotals {
  return records.reduce(withRecord, totals)
}

function withRecord({ messages, bytes, oldest, newest }: ExportTotals, record: ExportRecord): ExportTotals {
  const { timestamp } = record
  return {
    messages: messages + 1,
    bytes: bytes + record.bytes.length,
    oldest: oldest === undefined || timestamp < oldest ? timestamp : oldest,
    newest: newest === undefined || timestamp > newest ? timestamp : newest,
  }
}

export function sameTotals(a: ExportTotals, b: ExportTotals): boolean {
  return a.messages === b.messages && a.bytes === b.bytes && a.oldest === b.oldest && a.newest === b.newest
}

const HeaderField = { version: 1, createdAt: 2, writer: 3, start: 4, end: 5, pubsubTopic: 6, contentTopic: 7 } as const

export function encodeHeader({ createdAt, writer, selection }: ExportHeader): Uint8Array {
  const { start, end, pubsubTopic, contentTopics = [] } = selection
  const out = new ProtobufWriter()
    .uint32(HeaderField.version, formatVersion)
    .uint64(HeaderField.createdAt, BigInt(createdAt))
    .string(HeaderField.writer, writer)
  if (start !== undefined) out.sint64(HeaderField.start, start)
  if (end !== undefined) out.sint64(HeaderField.end, end)
  if (pubsubTopic !== undefined) out.string(HeaderField.pubsubTopic, pubsubTopic)
  for (const topic of contentTopics) out.string(HeaderField.contentTopic, topic)
  return out.finish()
}

/** Throws `export/newer`, and `wire/malformed`. */
export function decodeHeader(bytes: Uint8Array): ExportHeader {
  const reader = new ProtobufReader(bytes, 'header')
  let found = 0
  let createdAt = 0
  let writer = ''
  let start: Nanoseconds | undefined
  let end: Nanoseconds | undefined
  let pubsubTopic: string | undefined
  const contentTopics: string[] = []
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === HeaderField.version) found = reader.uint32()
    else if (field === HeaderField.createdAt) createdAt = Number(reader.uint64())
    else if (field === HeaderField.writer) writer = reader.string()
    else if (field === HeaderField.start) start = reader.sint64()
    else if (field === HeaderField.end) end = reader.sint64()
    else if (field === HeaderField.pubsubTopic) pubsubTopic = reader.string()
    else if (field === HeaderField.contentTopic) contentTopics.push(reader.string())
    else reader.skip()
  }
  if (found > formatVersion) throw new WaypostError('export/newer', { found, known: formatVersion })
  if (found === 0) throw malformed('no version')
  return { createdAt, writer, selection: { start, end, pubsubTopic, contentTopics } }
}

const FooterField = { messages: 1, bytes: 2, oldest: 3, newest: 4 } as const

export function encodeFooter({ messages, bytes, oldest, newest }: ExportTotals): Uint8Array {
  const out = new ProtobufWriter()
    .uint64(FooterField.messages, BigInt(messages))
    .uint64(FooterField.bytes, BigInt(bytes))
  if (oldest !== undefined) out.sint64(FooterField.oldest, oldest)
  if (newest !== undefined) out.sint64(FooterField.newest, newest)
  return out.finish()
}

/** Throws `wire/malformed`. */
export function decodeFooter(bytes: Uint8Array): ExportTotals {
  const reader = new ProtobufReader(bytes, 'footer')
  let messages = 0
  let length = 0
  let oldest: Nanoseconds | undefined
  let newest: Nanoseconds | undefined
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === FooterField.messages) messages = Number(reader.uint64())
    else if (field === FooterField.bytes) length = Number(reader.uint64())
    else if (field === FooterField.oldest) oldest = reader.sint64()
    else if (field === FooterField.newest) newest = reader.sint64()
    else reader.skip()
  }
  return { messages, bytes: length, oldest, newest }
}

const timeBytes = 8
const topicLengthBytes = 2
const lengthBytes = 4
const recordHeadBytes = timeBytes + hashBytes + topicLengthBytes

/** Bytes that a record takes in a chunk before compression. */
export function recordBytes({ pubsubTopic, bytes }: ExportRecord): number {
  return recordHeadBytes + Buffer.byteLength(pubsubTopic) + lengthBytes + bytes.length
}

/** Records, one behind the other. Throws a RangeError for what no export can hold. */
export function encodeRecords(records: readonly ExportRecord[]): Uint8Array {
  const out = Buffer.allocUnsafe(records.reduce((sum, record) => sum + recordBytes(record), 0))
  let position = 0
  for (const record of records) position = writeRecord(out, position, record)
  return out
}

function writeRecord(out: Buffer, at: number, { timestamp, hash, pubsubTopic, bytes }: ExportRecord): number {
  let position = out.writeBigInt64BE(timestamp, at)
  position += out.write(hash, position, hashBytes, 'hex')
  position = out.writeUInt16BE(Buffer.byteLength(pubsubTopic), position)
  position += out.write(pubsubTopic, position)
  position = out.writeUInt32BE(bytes.length, position)
  out.set(bytes, position)
  return position + bytes.length
}

/** The records in `bytes`, of which they hold views. Throws `wire/malformed`. */
export function decodeRecords(bytes: Uint8Array): ExportRecord[] {
  const reader = new RecordReader(bytes)
  const records: ExportRecord[] = []
  while (!reader.done) {
    if (records.length === maxChunkRecords) throw malformed(`more than ${maxChunkRecords} records`)
    records.push(reader.next())
  }
  return records
}

class RecordReader {
  readonly #bytes: Buffer
  #position = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  get done(): boolean {
    return this.#position === this.#bytes.length
  }

  next(): ExportRecord {
    const timestamp = this.#take(timeBytes).readBigInt64BE()
    const hash: MessageHash = hashFromBytes(this.#take(hashBytes))
    const topicBytes = this.#take(topicLengthBytes).readUInt16BE()
    if (topicBytes > maxTopicBytes) throw malformed(`a topic of ${topicBytes} bytes`)
    const pubsubTopic = this.#take(topicBytes).toString()
    return { timestamp, hash, pubsubTopic, bytes: this.#take(this.#take(lengthBytes).readUInt32BE()) }
  }

  #take(length: number): Buffer {
    const end = this.#position + length
    if (end > this.#bytes.length) throw malformed('a length beyond the end of the chunk')
    const taken = this.#bytes.subarray(this.#position, end)
    this.#position = end
    return taken
  }
}

function malformed(why: string): WaypostError {
  return new WaypostError('wire/malformed', { what: 'export', why })
}
