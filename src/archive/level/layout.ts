/**
 * How a partition lies in LevelDB: two sorted maps from bytes to bytes. Pure.
 *
 * `records`, whose sync is the acknowledgement:
 *
 *     number                              -> record: pubsub topic, the message as received
 *
 * Records are numbered in the order in which they came, without a gap: new ones are appended, so LevelDB moves its files
 * instead of writing the messages again, and a number that is missing is a message that was lost.
 *
 * `index`, which can be made again from the records:
 *
 *     0                                   -> tally: the records that are indexed, and what they amount to
 *     1 pubsub topic id | place           -> number | bytes of the message
 *     2 content topic id | place          -> number | bytes of the message | pubsub topic id
 *     3 head of hash                      -> number | bytes of the message | pubsub topic id | time
 *     4 pubsub topic id                   -> pubsub topic
 *
 * A place is the timestamp, then the hash: key order is history's order, and a page starts exactly behind a place. All
 * messages of a pubsub topic, or of a content topic, are one range of keys (a lane); other questions merge lanes.
 *
 * A topic's id is the head of its digest. Ids from a counter would need a table that whoever invents topics can grow, and
 * a look-up for each put; neighbouring keys share their heads, so the longer id costs almost nothing on disk.
 */
import { hash as digest } from 'node:crypto'
import type { Envelope } from '../../core/envelope.ts'
import { hashBytes, type MessageHash } from '../../core/hash.ts'
import { encodePlace, type KeyRange, type PlaceRange, placeBytes, readTime, timeBytes } from './place.ts'

const Kind = { tally: 0, pubsubTopic: 1, contentTopic: 2, hash: 3, topicName: 4 } as const

/** Pubsub topics are few and the operator's choice. */
const pubsubIdBytes = 8

/** Content topics are anybody's: 128 bits, so that nobody finds two with one id. */
const contentIdBytes = 16

/** So much of a hash that nobody finds two with one head. */
const hashHeadBytes = 16

const numberBytes = 4
const lengthBytes = 4

/** Records of a partition at the most. */
export const maxRecords = 2 ** 32 - 1

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

export const tallyKey: Buffer = Buffer.of(Kind.tally)

export function numberKey(number: number): Buffer {
  const bytes = Buffer.allocUnsafe(numberBytes)
  bytes.writeUInt32BE(number)
  return bytes
}

export function numberOf(key: Buffer): number {
  return key.readUInt32BE()
}

export function pubsubKey(pubsub: Buffer, place: Buffer): Buffer {
  return key(Kind.pubsubTopic, pubsub, place)
}

export function contentKey(content: Buffer, place: Buffer): Buffer {
  return key(Kind.contentTopic, content, place)
}

export function hashKey(hash: MessageHash): Buffer {
  const bytes = Buffer.allocUnsafe(1 + hashHeadBytes)
  bytes[0] = Kind.hash
  bytes.write(hash, 1, hashHeadBytes, 'hex')
  return bytes
}

export function topicNameKey(pubsub: Buffer): Buffer {
  return key(Kind.topicName, pubsub)
}

/** All pubsub topics of a partition. */
export const topicNameRange: KeyRange = { gte: Buffer.of(Kind.topicName), lt: Buffer.of(Kind.topicName + 1) }

/** The lanes of all pubsub topics, or of all content topics, one after the other. */
export const pubsubKeyRange: KeyRange = { gte: Buffer.of(Kind.pubsubTopic), lt: Buffer.of(Kind.pubsubTopic + 1) }
export const contentKeyRange: KeyRange = { gte: Buffer.of(Kind.contentTopic), lt: Buffer.of(Kind.contentTopic + 1) }

/** The rows of all hashes. */
export const hashKeyRange: KeyRange = { gte: Buffer.of(Kind.hash), lt: Buffer.of(Kind.hash + 1) }

/** The content topic id in a key of its lane. */
export function contentIdOf(key: Buffer): Buffer {
  return key.subarray(1, 1 + contentIdBytes)
}

/** The pubsub topic id in a key of its lane. */
export function pubsubIdOf(key: Buffer): Buffer {
  return key.subarray(1, 1 + pubsubIdBytes)
}

/** The place at the end of a key of a lane. */
export function placeOf(key: Buffer): Buffer {
  return key.subarray(key.length - placeBytes)
}

/** The part `range` of the lane of a pubsub topic. */
export function pubsubLane(pubsub: Buffer, range: PlaceRange): KeyRange {
  return laneRange(range, (place) => pubsubKey(pubsub, place))
}

/** The part `range` of the lane of a content topic. */
export function contentLane(content: Buffer, range: PlaceRange): KeyRange {
  return laneRange(range, (place) => contentKey(content, place))
}

function laneRange(range: PlaceRange, keyOf: (place: Buffer) => Buffer): KeyRange {
  const bounds = Object.entries(range).filter(([, place]) => place !== undefined)
  return Object.fromEntries(bounds.map(([bound, place]) => [bound, keyOf(place)]))
}

/** All that stands of one message in the index. Each row is the head of the next. */
export interface IndexRows {
  readonly pubsubKey: Buffer
  readonly pubsubRow: Buffer
  readonly contentKey: Buffer
  readonly contentRow: Buffer
  readonly hashKey: Buffer
  readonly hashRow: Buffer
  readonly place: Buffer
  readonly content: Buffer
}

const pubsubRowBytes = numberBytes + lengthBytes
const contentRowBytes = pubsubRowBytes + pubsubIdBytes
const hashRowBytes = contentRowBytes + timeBytes

/** The rows of an envelope that has a timestamp, as record `number`. */
export function indexRows({ pubsubTopic, message, hash, bytes }: Envelope, number: number): IndexRows {
  const pubsub = pubsubId(pubsubTopic)
  const content = contentId(message.contentTopic)
  const place = encodePlace({ timestamp: message.timestamp!, hash })
  const row = Buffer.allocUnsafe(hashRowBytes)
  row.writeUInt32BE(number)
  row.writeUInt32BE(bytes.length, numberBytes)
  row.set(pubsub, pubsubRowBytes)
  place.copy(row, contentRowBytes, 0, timeBytes)
  return {
    pubsubKey: pubsubKey(pubsub, place),
    pubsubRow: row.subarray(0, pubsubRowBytes),
    contentKey: contentKey(content, place),
    contentRow: row.subarray(0, contentRowBytes),
    hashKey: hashKeyOfPlace(place),
    hashRow: row,
    place,
    content,
  }
}

function hashKeyOfPlace(place: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(1 + hashHeadBytes)
  bytes[0] = Kind.hash
  place.copy(bytes, 1, timeBytes, timeBytes + hashHeadBytes)
  return bytes
}

/** What a row of the index says of a message. */
export interface IndexRow {
  readonly number: number
  /** Of the message. */
  readonly bytes: number
}

/** The number that no record has: where the row that names it is damaged. */
const noNumber = maxRecords

/** A row that is damaged leads to no record. */
export function decodeRow(row: Buffer): IndexRow {
  if (row.length < pubsubRowBytes) return { number: noNumber, bytes: 0 }
  return { number: row.readUInt32BE(), bytes: row.readUInt32BE(numberBytes) }
}

/** The pubsub topic id in the row of a content topic's lane, or of a hash. */
export function pubsubIdOfRow(row: Buffer): Buffer {
  return row.subarray(pubsubRowBytes, contentRowBytes)
}

/** The place of `hash`, whose time its row tells. Undefined without a row, or with a damaged one. */
export function placeOfHash(row: Buffer | undefined, hash: MessageHash): Buffer | undefined {
  if (row?.length !== hashRowBytes) return undefined
  return encodePlace({ timestamp: readTime(row, contentRowBytes), hash })
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

/** What of a hash the filter of a partition looks at. */
export function hashWord(hash: MessageHash): Buffer {
  return Buffer.from(hash.slice(0, 16), 'hex')
}

/** The head of the hash in the key of its row, as long as `hashWord`. */
export function hashHeadOf(key: Buffer): Buffer {
  return key.subarray(1, 9)
}

/** The hash in a place, from its first byte. */
export function hashBytesOf(place: Buffer): Buffer {
  return place.subarray(timeBytes, timeBytes + hashBytes)
}

function key(kind: number, head: Buffer, place?: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(1 + head.length + (place?.length ?? 0))
  bytes[0] = kind
  bytes.set(head, 1)
  if (place !== undefined) bytes.set(place, 1 + head.length)
  return bytes
}
