/**
 * What the index says of a message, the same 72 bytes wherever it stands. Pure.
 *
 *     place (time, hash) | number | bytes of the message | pubsub topic id | content topic id
 *
 * The place comes first, so the order of entries as bytes is the order of history.
 *
 * A topic's id is the head of its digest. Ids from a counter would need a table that whoever invents topics can grow, and
 * a look-up for each put. Compression takes out what neighbours share.
 */
import { hash as digest } from 'node:crypto'
import type { Envelope } from '../../core/envelope.ts'
import { encodePlaceInto, type PlaceRange, placeBytes, timeBytes } from './place.ts'
import { cut } from './search.ts'

/** An entry: `entryBytes` long, often a view of many. */
export type Entry = Buffer

/** Pubsub topics are few and the operator's choice. */
export const pubsubIdBytes = 8

/** Content topics are anybody's: 128 bits, so that nobody finds two with one id. */
export const contentIdBytes = 16

const numberAt = placeBytes
const lengthAt = numberAt + 4
const pubsubAt = lengthAt + 4
const contentAt = pubsubAt + pubsubIdBytes
export const entryBytes = contentAt + contentIdBytes

/** A topic's digest, as bytes and as the key of a map. */
export interface TopicId {
  readonly pubsub: Buffer
  readonly content: Buffer
  readonly pubsubKey: string
  readonly contentKey: string
}

/** Ids of topics met lately: most messages are of few topics. Bounded, since anybody may invent topics. */
const topics = new Map<string, TopicId>()
const maxTopics = 4096
const maxTopicLength = 256

export function topicId(topic: string): TopicId {
  const known = topics.get(topic)
  if (known !== undefined) return known
  const bytes = digest('sha256', topic, 'buffer')
  const [pubsub, content] = [bytes.subarray(0, pubsubIdBytes), bytes.subarray(0, contentIdBytes)]
  const fresh = { pubsub, content, pubsubKey: pubsub.toString('latin1'), contentKey: content.toString('latin1') }
  if (topic.length > maxTopicLength) return fresh
  if (topics.size >= maxTopics) topics.clear()
  topics.set(topic, fresh)
  return fresh
}

/** The ids of an envelope's topics. */
export interface EntryTopics {
  readonly pubsub: TopicId
  readonly content: TopicId
}

export function topicsOf({ pubsubTopic, message }: Envelope): EntryTopics {
  return { pubsub: topicId(pubsubTopic), content: topicId(message.contentTopic) }
}

/** Writes the entry of an envelope that has a timestamp, as record `number`, to `bytes` at `at`. */
export function writeEntry(bytes: Buffer, at: number, envelope: Envelope, number: number, topics: EntryTopics): void {
  const { message, hash } = envelope
  encodePlaceInto(bytes, at, message.timestamp!, hash)
  bytes.writeUInt32BE(number, at + numberAt)
  bytes.writeUInt32BE(envelope.bytes.length, at + lengthAt)
  bytes.set(topics.pubsub.pubsub, at + pubsubAt)
  bytes.set(topics.content.content, at + contentAt)
}

/** The entry of an envelope, alone. */
export function entryOf(envelope: Envelope, number: number): Entry {
  const entry = Buffer.allocUnsafe(entryBytes)
  writeEntry(entry, 0, envelope, number, topicsOf(envelope))
  return entry
}

/** The record in which the message is. */
export function numberOfEntry(entry: Entry): number {
  return entry.readUInt32BE(numberAt)
}

/** Bytes of the message. */
export function lengthOfEntry(entry: Entry): number {
  return entry.readUInt32BE(lengthAt)
}

/** The hash, from its first byte. */
export function hashOfEntry(entry: Entry): Buffer {
  return entry.subarray(timeBytes, placeBytes)
}

export function pubsubOfEntry(entry: Entry): Buffer {
  return entry.subarray(pubsubAt, contentAt)
}

export function contentOfEntry(entry: Entry): Buffer {
  return entry.subarray(contentAt, entryBytes)
}

export function isOfPubsubTopic(entry: Entry, id: Buffer): boolean {
  return entry.compare(id, 0, pubsubIdBytes, pubsubAt, contentAt) === 0
}

/** Holds the hash of an entry against another, as bytes. */
export function compareHash(entry: Entry, hash: Buffer): number {
  return entry.compare(hash, 0, hash.length, timeBytes, placeBytes)
}

/** The entries that stand in `bytes`, one behind the other. Throws a RangeError when that does not come out even. */
export function entriesIn(bytes: Buffer): Entry[] {
  return entriesFrom(bytes, 0, countEntries(bytes))
}

/** Those of the entries in a row that lie in a range; the row is sorted by place. Throws as `entriesIn` does. */
export function entriesWithin(row: Buffer, range: PlaceRange): Entry[] {
  const compare = (index: number, place: Buffer) =>
    row.compare(place, 0, placeBytes, index * entryBytes, index * entryBytes + placeBytes)
  return entriesFrom(row, ...cut(countEntries(row), range, compare))
}

function countEntries(bytes: Buffer): number {
  if (bytes.length % entryBytes !== 0) throw new RangeError('a row of the index is not as long as it has to be')
  return bytes.length / entryBytes
}

function entriesFrom(bytes: Buffer, start: number, end: number): Entry[] {
  const entries: Entry[] = []
  for (let index = start; index < end; index++)
    entries.push(bytes.subarray(index * entryBytes, (index + 1) * entryBytes))
  return entries
}

/** A way to sort the index, and to find something in it: which entries stand together, and in which order. */
export interface Order {
  /** Of its keys. */
  readonly kind: number
  readonly compare: (a: Entry, b: Entry) => number
  /** True for two that stand together: of the same topic. */
  readonly areTogether: (a: Entry, b: Entry) => boolean
}

/** By pubsub topic, then by place. */
export const byPubsubTopic: Order = { kind: 1, ...byPart(pubsubAt, contentAt) }

/** By content topic, then by place. */
export const byContentTopic: Order = { kind: 2, ...byPart(contentAt, entryBytes) }

/** By hash. */
export const byHash: Order = { kind: 3, compare: compareParts(timeBytes, placeBytes), areTogether: () => true }

function byPart(start: number, end: number): Omit<Order, 'kind'> {
  const compare = compareParts(start, end)
  return {
    compare: (a, b) => compare(a, b) || a.compare(b, 0, placeBytes, 0, placeBytes),
    areTogether: (a, b) => compare(a, b) === 0,
  }
}

function compareParts(start: number, end: number): Order['compare'] {
  return (a, b) => a.compare(b, start, end, start, end)
}
