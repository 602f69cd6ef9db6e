/**
 * The index of a partition on disk, of one generation: what it amounts to, and how it is written. sealed.ts reads it.
 *
 * A generation is written whole, from the one before and from what is in memory. It counts as soon as its seal is there;
 * whatever else a crash leaves is of no generation, and is deleted.
 */
import { storedBytes } from '../backend.ts'
import type { Batch, Database } from './database.ts'
import {
  byContentTopic,
  byHash,
  byPubsubTopic,
  contentOfEntry,
  type Entry,
  hashOfEntry,
  isOfPubsubTopic,
  lengthOfEntry,
  type Order,
  pubsubIdBytes,
  pubsubOfEntry,
} from './entry.ts'
import type { Fresh } from './fresh.ts'
import type { EntryLane } from './lane.ts'
import { behindAll, bucketOf, hashRowKey, laneKey, otherGenerations, sealKey } from './layout.ts'
import { Merge } from './merge.ts'
import type { Pause } from './pace.ts'
import { earlier, later, readTime, timeBytes } from './place.ts'
import { everyEntry, rowEntries } from './sealed.ts'
import { decodeTally, emptyTally, encodeTally, type Tally, tallyBytes } from './tally.ts'

export interface Seal {
  /** 0: nothing was written yet. */
  readonly generation: number
  /** Of all that is in it; `next` is the number of the first record that is not. */
  readonly tally: Tally
  /** Bits of a hash that tell its row. */
  readonly bits: number
  /** The ids of the pubsub topics that are met. */
  readonly pubsubTopics: readonly Buffer[]
}

export const noSeal: Seal = { generation: 0, tally: emptyTally, bits: 0, pubsubTopics: [] }

export const orders: readonly Order[] = [byPubsubTopic, byContentTopic, byHash]

/** Entries of the row of a hash on average, at the most. */
const bucketEntries = 32
const maxBits = 24

/** Bytes of rows that are written together, which takes some milliseconds to make. */
const flushBytes = 256 * 1024

/** The seal that counts in an index. */
export async function readSeal(database: Database): Promise<Seal> {
  const row = await database.get(sealKey)
  return (row && decodeSeal(row)) ?? noSeal
}

/** Deletes what is not of the generation that counts. */
export async function sweep(database: Database, { generation }: Seal): Promise<void> {
  for (const order of orders) for (const range of otherGenerations(order, generation)) await database.clear(range)
}

/** Which entries are left out. */
export type IsLost = (entry: Entry) => boolean

export interface Making {
  readonly database: Database
  readonly before: Seal
  readonly fresh: Fresh
  /** The number of the first record that is not to be in it. */
  readonly next: number
  readonly isLost?: IsLost | undefined
  readonly pause: Pause
}

/** Writes the next generation, and gives its seal, which counts from now on. */
export async function writeGeneration({ database, before, fresh, next, isLost, pause }: Making): Promise<Seal> {
  const generation = before.generation + 1
  const bits = bitsFor(before.tally.messages + fresh.size)
  const sum = new Sum()
  for (const order of orders) {
    const rows = new RowWriter(database, order, generation, bits)
    const lanes = lanesOf(order, database, before, fresh)
    const merge = new Merge(lanes, order.compare)
    try {
      for (;;) {
        if (merge.isDue) await merge.fill()
        const entry = merge.take()
        if (entry === undefined) break
        if (isLost?.(entry)) continue
        if (order === byPubsubTopic) sum.add(entry)
        rows.add(entry)
        if (rows.isDue) await rows.flush().then(pause)
      }
      await rows.end()
    } finally {
      for (const lane of lanes) await lane.close()
    }
  }
  // Rows may stand in another log than the seal, which its sync does not reach: they become tables first.
  await database.compactRange(behindAll, behindAll)
  const seal: Seal = { generation, bits, ...sum.of(next) }
  await database.put(sealKey, encodeSeal(seal), { sync: true })
  return seal
}

function lanesOf(order: Order, database: Database, before: Seal, fresh: Fresh): EntryLane[] {
  return before.generation === 0 ? [fresh.all(order)] : [fresh.all(order), everyEntry(database, order, before)]
}

function bitsFor(messages: number): number {
  return Math.min(maxBits, Math.max(0, Math.ceil(Math.log2(messages / bucketEntries))))
}

/** What the entries of a generation amount to. */
class Sum {
  #messages = 0
  #bytes = 0
  #oldest: bigint | undefined
  #newest: bigint | undefined
  readonly #pubsubTopics: Buffer[] = []

  /** Entries come in the order of their pubsub topics. */
  add(entry: Entry): void {
    this.#messages += 1
    this.#bytes += storedBytes(lengthOfEntry(entry))
    const time = readTime(entry, 0)
    this.#oldest = earlier(this.#oldest ?? time, time)
    this.#newest = later(this.#newest ?? time, time)
    const topic = this.#pubsubTopics.at(-1)
    if (topic === undefined || !isOfPubsubTopic(entry, topic))
      this.#pubsubTopics.push(Buffer.from(pubsubOfEntry(entry)))
  }

  of(next: number): Pick<Seal, 'tally' | 'pubsubTopics'> {
    const [messages, bytes] = [this.#messages, this.#bytes]
    const times = messages === 0 ? {} : { oldest: this.#oldest!, newest: this.#newest! }
    return { tally: { next, tail: 0, messages, bytes, ...times }, pubsubTopics: this.#pubsubTopics }
  }
}

/** Puts entries that come in order into rows. */
class RowWriter {
  readonly #database: Database
  readonly #order: Order
  readonly #generation: number
  readonly #bits: number
  #batch: Batch
  #bytes = 0
  #row: Entry[] = []

  constructor(database: Database, order: Order, generation: number, bits: number) {
    this.#database = database
    this.#order = order
    this.#generation = generation
    this.#bits = bits
    this.#batch = database.batch()
  }

  /** True when rows are to be written before others come. */
  get isDue(): boolean {
    return this.#bytes >= flushBytes
  }

  add(entry: Entry): void {
    const last = this.#row.at(-1)
    if (last !== undefined && this.#isOver(last, entry)) this.#endRow(last)
    this.#row.push(entry)
  }

  async flush(): Promise<void> {
    const batch = this.#batch
    this.#batch = this.#database.batch()
    this.#bytes = 0
    await batch.write()
  }

  async end(): Promise<void> {
    const last = this.#row.at(-1)
    if (last !== undefined) this.#endRow(last)
    await this.flush()
    await this.#batch.close()
  }

  #isOver(last: Entry, next: Entry): boolean {
    if (this.#order === byHash) return bucketOf(last, timeBytes, this.#bits) !== bucketOf(next, timeBytes, this.#bits)
    return this.#row.length >= rowEntries || !this.#order.areTogether(last, next)
  }

  #endRow(last: Entry): void {
    const row = Buffer.concat(this.#row)
    this.#batch.put(this.#keyOf(last), row)
    this.#bytes += row.length
    this.#row = []
  }

  #keyOf(last: Entry): Buffer {
    if (this.#order === byHash) return hashRowKey(this.#generation, hashOfEntry(last), this.#bits)
    return laneKey(this.#order, this.#generation, idOf(this.#order, last), last)
  }
}

/** The topic by which an order sorts first. */
function idOf(order: Order, entry: Entry): Buffer {
  return order === byPubsubTopic ? pubsubOfEntry(entry) : contentOfEntry(entry)
}

function encodeSeal({ tally, generation, bits, pubsubTopics }: Seal): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(generation)
  head.writeUInt8(bits, 4)
  return Buffer.concat([encodeTally(tally), head, ...pubsubTopics])
}

/** Undefined for a row of another length: a damaged one. */
function decodeSeal(row: Buffer): Seal | undefined {
  const tally = decodeTally(row.subarray(0, tallyBytes))
  const ids = row.subarray(tallyBytes + 5)
  if (tally === undefined || row.length < tallyBytes + 5 || ids.length % pubsubIdBytes !== 0) return undefined
  const count = ids.length / pubsubIdBytes
  return {
    tally,
    generation: row.readUInt32BE(tallyBytes),
    bits: row.readUInt8(tallyBytes + 4),
    pubsubTopics: Array.from({ length: count }, (_, at) => ids.subarray(at * pubsubIdBytes, (at + 1) * pubsubIdBytes)),
  }
}
