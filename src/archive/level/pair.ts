/** The two databases of a partition, open: its records and the index of them. */
import path from 'node:path'
import type { Envelope } from '../../core/envelope.ts'
import { type Batch, type Database, type DatabaseSizes, openDatabase } from './database.ts'
import { encodeRecord, type IndexRows, numberKey, pubsubId, tallyKey, topicNameKey, topicNameRange } from './layout.ts'
import { encodeTally, type Tally } from './tally.ts'

const mebibyte = 1024 * 1024

/** Of the partition that new messages go to, and of all others, into which late ones trickle. */
const sizes = {
  newest: {
    records: { writeBufferSize: 32 * mebibyte, cacheSize: mebibyte, compression: false },
    index: { writeBufferSize: 16 * mebibyte, cacheSize: 16 * mebibyte, compression: true },
  },
  older: {
    records: { writeBufferSize: 4 * mebibyte, cacheSize: mebibyte, compression: false },
    index: { writeBufferSize: 4 * mebibyte, cacheSize: 8 * mebibyte, compression: true },
  },
} as const satisfies Record<string, { records: DatabaseSizes; index: DatabaseSizes }>

export type Age = keyof typeof sizes

/** Bytes of records behind which those before are in sorted files, and no more in a log: memory holds two buffers. */
export const settledBytes = 3 * sizes.newest.records.writeBufferSize

export class Pair {
  readonly records: Database
  readonly index: Database
  /** The ids of the pubsub topics in it: few, and the operator's choice. */
  readonly pubsubTopics = new Map<string, Buffer>()

  private constructor(records: Database, index: Database) {
    this.records = records
    this.index = index
  }

  /** Opens the partition in `folder`, and makes it when there is none. Throws what `openDatabase` throws. */
  static async open(folder: string, age: Age, archive: string): Promise<Pair> {
    const records = await openDatabase(path.join(folder, 'records'), sizes[age].records, archive)
    try {
      const index = await openDatabase(path.join(folder, 'index'), sizes[age].index, archive)
      return await Pair.#of(records, index)
    } catch (error) {
      await records.close()
      throw error
    }
  }

  static async #of(records: Database, index: Database): Promise<Pair> {
    const pair = new Pair(records, index)
    try {
      await pair.#readTopics()
      return pair
    } catch (error) {
      await index.close()
      throw error
    }
  }

  /** Writes records to disk, numbered from `first` on. */
  async append(envelopes: readonly Envelope[], first: number): Promise<void> {
    const batch: Batch = this.records.batch()
    for (const [index, { pubsubTopic, bytes }] of envelopes.entries()) {
      batch.put(numberKey(first + index), encodeRecord(pubsubTopic, bytes))
    }
    await batch.write({ sync: true })
  }

  /** Makes messages visible, which then amount to `tally`. What is lost of this can be made again from the records. */
  async enter(envelopes: readonly Envelope[], rows: readonly IndexRows[], tally: Tally): Promise<void> {
    const batch: Batch = this.index.batch()
    for (const { pubsubKey, pubsubRow, contentKey, contentRow, hashKey, hashRow } of rows) {
      batch.put(pubsubKey, pubsubRow).put(contentKey, contentRow).put(hashKey, hashRow)
    }
    const topics = new Set<string>()
    for (const { pubsubTopic } of envelopes) if (!this.pubsubTopics.has(pubsubTopic)) topics.add(pubsubTopic)
    for (const topic of topics) batch.put(topicNameKey(pubsubId(topic)), Buffer.from(topic))
    await batch.put(tallyKey, encodeTally(tally)).write()
    for (const topic of topics) this.pubsubTopics.set(topic, pubsubId(topic))
  }

  /** Records by their numbers. */
  read(numbers: readonly number[]): Promise<(Buffer | undefined)[]> {
    return this.records.getMany(numbers.map(numberKey))
  }

  async close(): Promise<void> {
    await Promise.all([this.records.close(), this.index.close()])
  }

  async #readTopics(): Promise<void> {
    for await (const [, name] of this.index.iterator(topicNameRange)) {
      const topic = name.toString()
      this.pubsubTopics.set(topic, pubsubId(topic))
    }
  }
}
