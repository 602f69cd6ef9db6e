/**
 * The archive as releases of schema 1 left it, for reading: a single database in which a message lies under its pubsub
 * topic's id (8 bytes), timestamp and hash.
 */

import type { Iterator } from 'classic-level'
import { WaypostError } from '../../core/errors.ts'
import { type Batch, type Database, openDatabase } from './database.ts'
import { type Lane, Merge } from './merge.ts'
import { type KeyRange, placeBytes } from './place.ts'

const Kind = { setting: 0, message: 1, pubsubTopic: 4 } as const

const schemaKey = Buffer.concat([Buffer.of(Kind.setting), Buffer.from('schema')])
const amountKey = Buffer.concat([Buffer.of(Kind.setting), Buffer.from('amount')])
/** Written by the migration: the place up to which messages were taken over. */
const progressKey = Buffer.concat([Buffer.of(Kind.setting), Buffer.from('migrated')])

const sizes = { writeBufferSize: 4 * 1024 * 1024, cacheSize: 8 * 1024 * 1024, compression: true }

/** Rows of a lane, and bytes of them, that are in memory at once. */
const pieceRows = 200
const pieceBytes = 1024 * 1024

export type OldRecord = readonly [key: Buffer, record: Buffer]

export class SchemaOne implements AsyncDisposable {
  readonly #database: Database

  private constructor(database: Database) {
    this.#database = database
  }

  /** Opens it. Throws what `openDatabase` throws, and `archive/damaged` when it is of no schema that is known. */
  static async open(folder: string): Promise<SchemaOne> {
    const database = await openDatabase(folder, sizes)
    const schema = await database.get(schemaKey)
    if (schema?.length === 4 && schema.readUInt32BE() === 1) return new SchemaOne(database)
    await database.close()
    throw new WaypostError('archive/damaged', { folder, why: 'it holds data but does not say in which schema' })
  }

  /** Messages, and the bytes that they were counted with. */
  async amount(): Promise<{ messages: number; bytes: number }> {
    const row = await this.#database.get(amountKey)
    return row?.length === 16 ? { messages: row.readDoubleBE(), bytes: row.readDoubleBE(8) } : { messages: 0, bytes: 0 }
  }

  /** The records that were not taken over yet, some at a time, in the order of history. */
  async *records(): AsyncGenerator<OldRecord[], void, undefined> {
    const from = await this.#database.get(progressKey)
    const topics = await this.#database
      .keys({ gte: Buffer.of(Kind.pubsubTopic), lt: Buffer.of(Kind.pubsubTopic + 1) })
      .all()
    const lanes = topics.map((key) => new RecordLane(this.#database, laneOf(key.subarray(1), from)))
    const merge = new Merge(lanes, ([a], [b]) => Buffer.compare(placeOf(a), placeOf(b)))
    try {
      for (;;) {
        const piece = await take(merge)
        if (piece.length === 0) return
        yield piece
      }
    } finally {
      await Promise.all(lanes.map((lane) => lane.close()))
    }
  }

  /** Remembers that all up to this record are taken over. */
  async progress([key]: OldRecord): Promise<void> {
    const batch: Batch = this.#database.batch()
    await batch.put(progressKey, placeOf(key)).write()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database.close()
  }
}

function laneOf(pubsub: Buffer, from: Buffer | undefined): KeyRange {
  const head = Buffer.concat([Buffer.of(Kind.message), pubsub])
  const last = Buffer.concat([head, Buffer.alloc(40, 0xff)])
  return from === undefined ? { gte: head, lte: last } : { gt: Buffer.concat([head, from]), lte: last }
}

async function take(merge: Merge<OldRecord>): Promise<OldRecord[]> {
  const piece: OldRecord[] = []
  let bytes = 0
  while (piece.length < pieceRows && bytes < pieceBytes) {
    if (merge.isDue) await merge.fill()
    const row = merge.take()
    if (row === undefined) break
    piece.push(row)
    bytes += row[1].length
  }
  return piece
}

class RecordLane implements Lane<OldRecord> {
  readonly #iterator: Iterator<Database, Buffer, Buffer>
  #piece: OldRecord[] = []
  #next = 0

  constructor(database: Database, range: KeyRange) {
    this.#iterator = database.iterator({ ...range, highWaterMarkBytes: pieceBytes })
  }

  get head(): OldRecord | undefined {
    return this.#piece[this.#next]
  }

  take(): OldRecord {
    const row = this.head
    if (row === undefined) throw new RangeError('a lane without a head')
    this.#next += 1
    return row
  }

  async fill(): Promise<void> {
    this.#piece = await this.#iterator.nextv(pieceRows)
    this.#next = 0
  }

  async close(): Promise<void> {
    await this.#iterator.close()
  }
}

/** The place at the end of a key. */
function placeOf(key: Buffer): Buffer {
  return key.subarray(key.length - placeBytes)
}
