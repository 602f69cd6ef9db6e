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
 * `index`, which can be made again from the records. It is written for many messages together, each time anew under
 * another generation; what came since is in memory (fresh.ts):
 *
 *     0                                               -> seal: which generation holds, and what it amounts to
 *     1 generation | pubsub topic id | last place     -> entries of a pubsub topic, up to that place
 *     2 generation | content topic id | last place    -> entries of a content topic, up to that place
 *     3 generation | head of hash                     -> entries of all hashes with this head
 *
 * All messages of a pubsub topic, or of a content topic, are one range of keys (a lane), some dozens in a row, in the
 * order of history; other questions merge lanes.
 */
import type { Order } from './entry.ts'
import { byHash } from './entry.ts'
import { type KeyRange, placeBytes } from './place.ts'

const numberBytes = 4
const lengthBytes = 4
const generationBytes = 4
const bucketBytes = 3

/** Records of a partition at the most. */
export const maxRecords = 2 ** 32 - 1

export function numberKey(number: number): Buffer {
  const bytes = Buffer.allocUnsafe(numberBytes)
  bytes.writeUInt32BE(number)
  return bytes
}

export function numberOf(key: Buffer): number {
  return key.readUInt32BE()
}

export const sealKey: Buffer = Buffer.of(0)

/** Behind all keys of an index. */
export const behindAll: Buffer = Buffer.of(0xff)

/** The key of a row of a lane that ends with the place at the head of `place`. */
export function laneKey({ kind }: Order, generation: number, id: Buffer, place: Buffer): Buffer {
  const key = Buffer.allocUnsafe(1 + generationBytes + id.length + placeBytes)
  key[0] = kind
  key.writeUInt32BE(generation, 1)
  key.set(id, 1 + generationBytes)
  key.set(place.subarray(0, placeBytes), key.length - placeBytes)
  return key
}

/** Behind all keys of a lane. */
export function laneEnd(order: Order, generation: number, id: Buffer): Buffer {
  return Buffer.concat([laneKey(order, generation, id, afterAll), Buffer.of(0)])
}

const afterAll = Buffer.alloc(placeBytes, 0xff)

/** The key of the row that has a hash, whose first bytes stand in `hash`; `bits` of them tell the rows apart. */
export function hashRowKey(generation: number, hash: Buffer, bits: number): Buffer {
  const key = Buffer.allocUnsafe(1 + generationBytes + bucketBytes)
  key[0] = byHash.kind
  key.writeUInt32BE(generation, 1)
  key.writeUIntBE(bucketOf(hash, 0, bits), 1 + generationBytes, bucketBytes)
  return key
}

/** The number of the row that has a hash, which stands in `bytes` from `at` on. */
export function bucketOf(bytes: Buffer, at: number, bits: number): number {
  return bytes.readUIntBE(at, bucketBytes) >>> (8 * bucketBytes - bits)
}

/** All rows of a kind. */
export function generationRange({ kind }: Order, generation: number): KeyRange {
  return { gte: generationKey(kind, generation), lt: generationKey(kind, generation + 1) }
}

/** The rows of a kind that are of another generation. */
export function otherGenerations({ kind }: Order, generation: number): KeyRange[] {
  return [
    { gte: Buffer.of(kind), lt: generationKey(kind, generation) },
    { gte: generationKey(kind, generation + 1), lt: Buffer.of(kind + 1) },
  ]
}

function generationKey(kind: number, generation: number): Buffer {
  const key = Buffer.allocUnsafe(1 + generationBytes)
  key[0] = kind
  key.writeUInt32BE(generation, 1)
  return key
}

/** Encodes messages as they stand on disk, one after the other in the same memory. */
export class RecordEncoder {
  #bytes = Buffer.allocUnsafeSlow(64 * 1024)
  /** What stands at its head. */
  #topic: string | undefined
  #start = 0

  /**
   * A record, until the next one is encoded. The topic is in it, so that a record alone can be checked against its hash.
   */
  encode(pubsubTopic: string, message: Uint8Array): Buffer {
    const most = lengthBytes + 3 * pubsubTopic.length + message.length
    if (most > this.#bytes.length) {
      this.#bytes = Buffer.allocUnsafeSlow(2 * most)
      this.#topic = undefined
    }
    if (pubsubTopic !== this.#topic) this.#writeTopic(pubsubTopic)
    this.#bytes.set(message, this.#start)
    return this.#bytes.subarray(0, this.#start + message.length)
  }

  #writeTopic(pubsubTopic: string): void {
    const topicBytes = this.#bytes.write(pubsubTopic, lengthBytes)
    this.#bytes.writeUInt32BE(topicBytes)
    this.#topic = pubsubTopic
    this.#start = lengthBytes + topicBytes
  }
}

/** What a record holds, or undefined when it is too damaged to say. */
export function decodeRecord(record: Buffer): { pubsubTopic: string; bytes: Buffer } | undefined {
  if (record.length < lengthBytes) return undefined
  const start = lengthBytes + record.readUInt32BE()
  if (start > record.length) return undefined
  return { pubsubTopic: record.toString('utf8', lengthBytes, start), bytes: record.subarray(start) }
}
