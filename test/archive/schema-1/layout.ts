/**
 * How the archive lies in LevelDB: a sorted map from bytes to bytes. Pure.
 *
 *     0 name                              -> settings of the database: schema, amount
 *     1 pubsub topic id | place           -> record: the message as received
 *     2 content topic id | place          -> pubsub topic id | bytes of the message
 *     3 hash                              -> pubsub topic id | bytes of the message | place
 *     4 pubsub topic id                   -> pubsub topic
 *     5 time of deletion | counter        -> message keys of what was deleted then, one after the other
 *
 * A place is the timestamp in 8 bytes whose order is that of the numbers, then the hash: key order is history's order,
 * and a page starts exactly behind a place. All messages of a pubsub topic, or of a content topic, are one range of keys
 * (a lane); every other question is a merge of lanes. Messages lie in the lane of their pubsub topic, so that those of
 * a shard come in one contiguous read and the oldest are one range to delete.
 *
 * A topic's id is the head of its digest. Ids from a counter would need a table that whoever invents topics can grow,
 * a look-up for each put, and agreement between partitions.
 */
import { hash as digest } from 'node:crypto'
import type { Amount, Place, Selection } from '../../../src/archive/backend.ts'
import type { Envelope } from '../../../src/core/envelope.ts'
import { hashBytes, hashFromBytes, type MessageHash } from '../../../src/core/hash.ts'
import type { Milliseconds, Nanoseconds } from '../../../src/core/time.ts'

/** Written into a new database; a database with a higher one is not opened. */
export const schemaVersion = 1

const Kind = { setting: 0, message: 1, contentTopic: 2, hash: 3, pubsubTopic: 4, grave: 5 } as const

const timeBytes = 8
export const placeBytes = timeBytes + hashBytes

/** Pubsub topics are few and the operator's choice. */
const pubsubIdBytes = 8

/** Content topics are anybody's: 128 bits, so that nobody finds two with one id. */
const contentIdBytes = 16

const messageKeyBytes = 1 + pubsubIdBytes + placeBytes

const lengthBytes = 4

const indexRowBytes = pubsubIdBytes + lengthBytes

/** Half of the range of an int64: added to a timestamp it makes the order of the bytes that of the numbers. */
const timestampOffset = 2n ** 63n
const minTimestamp = -timestampOffset
const maxTimestamp = timestampOffset - 1n

export const settingKeys = { schema: settingKey('schema'), amount: settingKey('amount') }

function settingKey(name: string): Buffer {
  return Buffer.concat([Buffer.of(Kind.setting), Buffer.from(name)])
}

/** Where a message stands, as bytes in the order of history. */
export function encodePlace({ timestamp, hash }: Place): Buffer {
  const bytes = Buffer.allocUnsafe(placeBytes)
  bytes.writeBigUInt64BE(timestamp + timestampOffset)
  bytes.write(hash, timeBytes, 'hex')
  return bytes
}

export function decodePlace(bytes: Buffer): Place {
  const timestamp = bytes.readBigUInt64BE() - timestampOffset
  return { timestamp, hash: hashFromBytes(bytes.subarray(timeBytes, placeBytes)) }
}

/** The place at the end of a key of a lane. */
export function placeOf(key: Buffer): Buffer {
  return key.subarray(key.length - placeBytes)
}

export function pubsubId(topic: string): Buffer {
  return digestOf(topic).subarray(0, pubsubIdBytes)
}

export function contentId(topic: string): Buffer {
  return digestOf(topic).subarray(0, contentIdBytes)
}

/** Digests of topics met lately: most messages are of few topics. Bounded, since anybody may invent topics. */
const digests = new Map<string, Buffer>()
const maxDigests = 4096
const maxDigestTopic = 256

function digestOf(topic: string): Buffer {
  const known = digests.get(topic)
  if (known !== undefined) return known
  const fresh = digest('sha256', topic, 'buffer')
  if (topic.length > maxDigestTopic) return fresh
  if (digests.size >= maxDigests) digests.clear()
  digests.set(topic, fresh)
  return fresh
}

export function messageKey(pubsub: Buffer, place: Buffer): Buffer {
  return key(Kind.message, pubsub, place)
}

/** The pubsub topic id in a key of kind message. */
export function pubsubOf(messageKey: Buffer): Buffer {
  return messageKey.subarray(1, 1 + pubsubIdBytes)
}

export function contentTopicKey(content: Buffer, place: Buffer): Buffer {
  return key(Kind.contentTopic, content, place)
}

export function hashKey(hash: MessageHash): Buffer {
  const bytes = Buffer.alloc(1 + hashBytes)
  bytes[0] = Kind.hash
  bytes.write(hash, 1, 'hex')
  return bytes
}

export function pubsubTopicKey(pubsub: Buffer): Buffer {
  return key(Kind.pubsubTopic, pubsub)
}

/** All registered pubsub topics. */
export const pubsubTopicRange = { gte: Buffer.of(Kind.pubsubTopic), lt: Buffer.of(Kind.pubsubTopic + 1) }

/** What an index says of a message: where its record is and how long its bytes are. */
export interface IndexRow {
  readonly pubsub: Buffer
  readonly bytes: number
}

/** A row that is damaged leads nowhere, where no record is found. */
export function decodeIndexRow(row: Buffer): IndexRow {
  const bytes = row.length < indexRowBytes ? 0 : row.readUInt32BE(pubsubIdBytes)
  return { pubsub: row.subarray(0, pubsubIdBytes), bytes }
}

/** The row of a hash: at its head the row of the content topic's lane, then the time. */
export function encodeHashRow({ pubsub, bytes }: IndexRow, place: Buffer): Buffer {
  const row = Buffer.allocUnsafe(indexRowBytes + timeBytes)
  row.set(pubsub)
  row.writeUInt32BE(bytes, pubsubIdBytes)
  place.copy(row, indexRowBytes, 0, timeBytes)
  return row
}

/** What the row of `hash` says, with the place put together from both. Undefined without a row, or with a damaged one. */
export function decodeHashRow(
  row: Buffer | undefined,
  hash: MessageHash,
): (IndexRow & { readonly place: Buffer }) | undefined {
  if (row?.length !== indexRowBytes + timeBytes) return undefined
  return { ...decodeIndexRow(row), place: Buffer.concat([row.subarray(indexRowBytes), Buffer.from(hash, 'hex')]) }
}

/** A message as it stands on disk. The topic is in it, so that a record alone can be checked against its hash. */
export function encodeRecord(pubsubTopic: string, bytes: Uint8Array): Buffer {
  const topicBytes = Buffer.byteLength(pubsubTopic)
  const record = Buffer.allocUnsafe(lengthBytes + topicBytes + bytes.length)
  record.writeUInt32BE(topicBytes)
  record.write(pubsubTopic, lengthBytes)
  record.set(bytes, lengthBytes + topicBytes)
  return record
}

/** What a record holds, or undefined when it is too damaged to say. */
export function decodeRecord(record: Buffer): { pubsubTopic: string; bytes: Buffer } | undefined {
  if (record.length < lengthBytes) return undefined
  const start = lengthBytes + record.readUInt32BE()
  if (start > record.length) return undefined
  return { pubsubTopic: record.toString('utf8', lengthBytes, start), bytes: record.subarray(start) }
}

/** Bytes of the message in a record. */
export function recordBytes(record: Buffer): number {
  return record.length < lengthBytes ? 0 : Math.max(0, record.length - lengthBytes - record.readUInt32BE())
}

/** The key under which places of messages deleted at `time` are kept; `counter` tells steps of one millisecond apart. */
export function graveKey(time: Milliseconds, counter: number): Buffer {
  const moment = Buffer.alloc(8)
  moment.writeUIntBE(time, 0, 6)
  moment.writeUInt16BE(counter & 0xffff, 6)
  return key(Kind.grave, moment)
}

/** The graves dug before `time`. */
export function gravesBefore(time: Milliseconds): KeyRange {
  return { gte: Buffer.of(Kind.grave), lt: graveKey(Math.max(0, time), 0) }
}

/** The messages of a grave: key by key of kind message, of which all have one length. */
export function decodeGrave(row: Buffer): Buffer[] {
  const count = Math.floor(row.length / messageKeyBytes)
  return Array.from({ length: count }, (_, index) =>
    row.subarray(index * messageKeyBytes, (index + 1) * messageKeyBytes),
  )
}

/** The hash in a key of a lane. */
export function hashOf(key: Buffer): MessageHash {
  return hashFromBytes(key.subarray(key.length - hashBytes))
}

/** All rows of one message. */
export interface MessageRows {
  readonly place: Buffer
  readonly messageKey: Buffer
  readonly record: Buffer
  readonly contentTopicKey: Buffer
  readonly index: Buffer
  readonly hashKey: Buffer
  readonly hashRow: Buffer
}

/** The rows of an envelope that has a timestamp. */
export function messageRows({ pubsubTopic, message, hash, bytes }: Envelope): MessageRows {
  const pubsub = pubsubId(pubsubTopic)
  const place = encodePlace({ timestamp: message.timestamp!, hash })
  const hashRow = encodeHashRow({ pubsub, bytes: bytes.length }, place)
  return {
    place,
    messageKey: messageKey(pubsub, place),
    record: encodeRecord(pubsubTopic, bytes),
    contentTopicKey: contentTopicKey(contentId(message.contentTopic), place),
    index: hashRow.subarray(0, indexRowBytes),
    hashKey: hashKey(hash),
    hashRow,
  }
}

export function encodeAmount({ messages, bytes }: Amount): Buffer {
  const row = Buffer.allocUnsafe(16)
  row.writeDoubleBE(messages)
  row.writeDoubleBE(bytes, 8)
  return row
}

export function decodeAmount(row: Buffer): Amount {
  return { messages: row.readDoubleBE(), bytes: row.readDoubleBE(8) }
}

/** A range of keys, as LevelDB takes it. */
export interface KeyRange {
  readonly gte?: Buffer
  readonly gt?: Buffer
  readonly lte?: Buffer
  readonly lt?: Buffer
}

/** A range of places: the same bounds in front of which a lane writes its prefix. */
export type PlaceRange = KeyRange

type Walk = Pick<Selection, 'start' | 'end' | 'after' | 'direction'>

/** The places that a walk can meet; undefined when there are none. */
export function placeRange({
  start = minTimestamp,
  end = maxTimestamp,
  after,
  direction,
}: Walk): PlaceRange | undefined {
  if (start > end || start > maxTimestamp || end < minTimestamp) return undefined
  const first = edge(start < minTimestamp ? minTimestamp : start, 0x00)
  const last = edge(end > maxTimestamp ? maxTimestamp : end, 0xff)
  if (after === undefined) return { gte: first, lte: last }
  const place = encodePlace(after)
  if (direction === 'forward')
    return Buffer.compare(place, first) < 0 ? { gte: first, lte: last } : { gt: place, lte: last }
  return Buffer.compare(place, last) > 0 ? { gte: first, lte: last } : { gte: first, lt: place }
}

/** The part of `range` from `floor` on. */
export function raised(range: PlaceRange, floor: Buffer): PlaceRange {
  const low = range.gte ?? range.gt
  if (low !== undefined && Buffer.compare(low, floor) >= 0) return range
  return { gte: floor, lt: range.lt, lte: range.lte }
}

function edge(timestamp: Nanoseconds, fill: number): Buffer {
  const place = Buffer.alloc(placeBytes, fill)
  place.writeBigUInt64BE(timestamp + timestampOffset)
  return place
}

/** True if `place` lies in `range`. */
export function contains({ gte, gt, lte, lt }: PlaceRange, place: Buffer): boolean {
  return (
    (gte === undefined || Buffer.compare(place, gte) >= 0) &&
    (gt === undefined || Buffer.compare(place, gt) > 0) &&
    (lte === undefined || Buffer.compare(place, lte) <= 0) &&
    (lt === undefined || Buffer.compare(place, lt) < 0)
  )
}

/** The part `range` of the lane of a pubsub topic. */
export function messageLane(pubsub: Buffer, range: PlaceRange): KeyRange {
  return laneRange(range, (place) => messageKey(pubsub, place))
}

/** The part `range` of the lane of a content topic. */
export function contentTopicLane(content: Buffer, range: PlaceRange): KeyRange {
  return laneRange(range, (place) => contentTopicKey(content, place))
}

function laneRange(range: PlaceRange, keyOf: (place: Buffer) => Buffer): KeyRange {
  const bounds = Object.entries(range).filter(([, place]) => place !== undefined)
  return Object.fromEntries(bounds.map(([bound, place]) => [bound, keyOf(place)]))
}

/** The place before all others, and the range of all. */
export const firstPlace: Buffer = edge(minTimestamp, 0x00)
export const everyPlace: PlaceRange = { gte: firstPlace, lte: edge(maxTimestamp, 0xff) }

function key(kind: number, head: Buffer, place?: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(1 + head.length + (place?.length ?? 0))
  bytes[0] = kind
  bytes.set(head, 1)
  if (place !== undefined) bytes.set(place, 1 + head.length)
  return bytes
}
