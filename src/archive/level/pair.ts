/** The two databases of a partition, open: its records and the index of them. */
import path from 'node:path'
import type { Envelope } from '../../core/envelope.ts'
import { type Batch, type Database, type DatabaseSizes, openDatabase } from './database.ts'
import { numberKey, RecordEncoder } from './layout.ts'
import { PartitionIndex } from './partition-index.ts'

const mebibyte = 1024 * 1024

interface Sizes {
  readonly records: DatabaseSizes
  readonly index: DatabaseSizes
  readonly leastFresh: number
  readonly maxFresh: number
}

/** Of the partition that new messages go to, and of all others, into which late ones trickle. */
const sizes = {
  newest: {
    records: { writeBufferSize: 8 * mebibyte, cacheSize: mebibyte, compression: false },
    index: { writeBufferSize: 4 * mebibyte, cacheSize: 8 * mebibyte, compression: true },
    // Some 30 MiB.
    leastFresh: 2 ** 18,
    maxFresh: 2 ** 18,
  },
  older: {
    records: { writeBufferSize: 4 * mebibyte, cacheSize: mebibyte, compression: false },
    index: { writeBufferSize: 4 * mebibyte, cacheSize: 2 * mebibyte, compression: true },
    leastFresh: 2 ** 14,
    maxFresh: 2 ** 16,
  },
} as const satisfies Record<string, Sizes>

export type Age = keyof typeof sizes

/** Bytes of records behind which those before are in sorted files, and no more in a log: memory holds two buffers. */
export const settledBytes = 3 * sizes.newest.records.writeBufferSize

/** Of all partitions: a record is in a batch before the next is made. */
const encoder = new RecordEncoder()

export class Pair {
  readonly records: Database
  readonly index: PartitionIndex

  private constructor(records: Database, index: PartitionIndex) {
    this.records = records
    this.index = index
  }

  /** Opens the partition in `folder`, and makes it when there is none. Throws what `openDatabase` throws. */
  static async open(folder: string, age: Age, archive: string): Promise<Pair> {
    const { records: recordSizes, index: indexSizes, ...fresh } = sizes[age]
    const records = await openDatabase(path.join(folder, 'records'), recordSizes, archive)
    try {
      return new Pair(records, await PartitionIndex.open({ folder, archive, sizes: indexSizes, ...fresh }))
    } catch (error) {
      await records.close()
      throw error
    }
  }

  /** Writes records to disk, numbered from `first` on. */
  async append(envelopes: readonly Envelope[], first: number): Promise<void> {
    const batch: Batch = this.records.batch()
    for (const [index, { pubsubTopic, bytes }] of envelopes.entries()) {
      // The batch has a copy.
      batch.put(numberKey(first + index), encoder.encode(pubsubTopic, bytes))
    }
    await batch.write({ sync: true })
  }

  /** Records by their numbers. */
  read(numbers: readonly number[]): Promise<(Buffer | undefined)[]> {
    return this.records.getMany(numbers.map(numberKey))
  }

  async close(): Promise<void> {
    await Promise.all([this.records.close(), this.index.close()])
  }

  /** Closes it as a crash does. */
  async abandon(): Promise<void> {
    await Promise.all([this.records.close(), this.index.abandon()])
  }
}
