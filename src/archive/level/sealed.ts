/** Reading the generation of an index that counts. */

import type { ValueIterator } from 'classic-level'
import type { Direction } from '../../core/query.ts'
import type { Database } from './database.ts'
import { compareHash, type Entry, entriesIn, entriesWithin, entryBytes, type Order } from './entry.ts'
import { EntryLane, type Pieces } from './lane.ts'
import { generationRange, hashRowKey, laneEnd, laneKey } from './layout.ts'
import { type KeyRange, type PlaceRange, placeBytes } from './place.ts'
import type { Seal } from './seal.ts'
import { lowest } from './search.ts'

type Snapshot = ReturnType<Database['snapshot']>
type Values = ValueIterator<Database, Buffer, Buffer>

/** How lanes are read. */
export interface Reading {
  readonly direction: Direction
  /** Entries of the first piece of a lane, about. Each further piece is twice as long: of many lanes few are read far. */
  readonly entries: number
}

/** Entries of a row of a lane: two rows are a page. */
export const rowEntries = 64

/** Rows that a lane reads at once at the most: a millisecond or two of the event loop. */
const maxLaneRows = 32

/** Bytes that a lane reads at once at the most. */
const laneBytes = 256 * 1024

/** All entries of a generation in an order. */
export function everyEntry(database: Database, order: Order, { generation }: Seal): EntryLane {
  const values = database.values({ ...generationRange(order, generation), highWaterMarkBytes: laneBytes })
  const next = async () => (await values.nextv(maxLaneRows)).flatMap((row) => entriesIn(row))
  return new EntryLane({ next, close: () => values.close() })
}

/** A generation at one moment. */
export class Sealed {
  readonly #database: Database
  readonly #seal: Seal
  readonly #snapshot: Snapshot

  constructor(database: Database, seal: Seal) {
    this.#database = database
    this.#seal = seal
    this.#snapshot = database.snapshot()
  }

  get pubsubTopics(): readonly Buffer[] {
    return this.#seal.pubsubTopics
  }

  /** The part `range` of the entries of a topic. */
  lane(order: Order, id: Buffer, range: PlaceRange, { direction, entries }: Reading): EntryLane {
    const rows = Math.min(maxLaneRows, Math.ceil(entries / rowEntries) + 1)
    const keyOf = (place: Buffer) => laneKey(order, this.#seal.generation, id, place)
    const [lower, end] = [keyOf((range.gte ?? range.gt)!), laneEnd(order, this.#seal.generation, id)]
    if (direction === 'forward') return new EntryLane(new Upwards(this.#values({ gte: lower, lt: end }), range, rows))
    // The row in which a place stands is called by its last one.
    const upper = keyOf((range.lte ?? range.lt)!)
    const edge = this.#values({ gte: upper, lt: end })
    return new EntryLane(new Downwards(edge, this.#values({ gte: lower, lt: upper, reverse: true }), range, rows))
  }

  /** The entries of messages, by their hashes as bytes. */
  async find(hashes: readonly Buffer[]): Promise<(Entry | undefined)[]> {
    const { generation, bits } = this.#seal
    const keys = hashes.map((hash) => hashRowKey(generation, hash, bits))
    const rows = await this.#database.getMany(keys, { snapshot: this.#snapshot })
    return hashes.map((hash, at) => findIn(rows[at], hash))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#snapshot.close()
  }

  #values(range: KeyRange & { readonly reverse?: boolean }): Values {
    return this.#database.values({ ...range, snapshot: this.#snapshot, highWaterMarkBytes: laneBytes })
  }
}

/** Entries of a lane from a place on. */
class Upwards implements Pieces {
  readonly #values: Values
  readonly #range: PlaceRange
  #rows: number
  #isOver = false

  constructor(values: Values, range: PlaceRange, rows: number) {
    this.#values = values
    this.#range = range
    this.#rows = rows
  }

  async next(): Promise<readonly Entry[]> {
    while (!this.#isOver) {
      const rows = await this.#values.nextv(this.#rows)
      this.#rows = Math.min(maxLaneRows, 2 * this.#rows)
      const last = rows.at(-1)
      this.#isOver = last === undefined || isAbove(last, this.#range)
      const piece = rows.flatMap((row) => entriesWithin(row, this.#range))
      if (piece.length > 0) return piece
    }
    return []
  }

  async close(): Promise<void> {
    await this.#values.close()
  }
}

/** Entries of a lane from a place down. */
class Downwards implements Pieces {
  readonly #edge: Values
  readonly #values: Values
  readonly #range: PlaceRange
  #rows: number
  #isAtEdge = true
  #isOver = false

  constructor(edge: Values, values: Values, range: PlaceRange, rows: number) {
    this.#edge = edge
    this.#values = values
    this.#range = range
    this.#rows = rows
  }

  async next(): Promise<readonly Entry[]> {
    while (!this.#isOver) {
      const [edge, rows] = await Promise.all([
        this.#isAtEdge ? this.#edge.nextv(1) : [],
        this.#values.nextv(this.#rows),
      ])
      this.#isAtEdge = false
      this.#isOver = rows.length === 0
      this.#rows = Math.min(maxLaneRows, 2 * this.#rows)
      const piece = [...edge, ...rows].flatMap((row) => entriesWithin(row, this.#range).reverse())
      if (piece.length > 0) return piece
    }
    return []
  }

  async close(): Promise<void> {
    await Promise.all([this.#edge.close(), this.#values.close()])
  }
}

/** True if nothing behind a row lies in a range. */
function isAbove(row: Buffer, { lte, lt }: PlaceRange): boolean {
  const last = row.length - entryBytes
  return row.compare((lt ?? lte)!, 0, placeBytes, last, last + placeBytes) >= 0
}

/** The entry of a hash in a row, whose entries are in the order of their hashes. */
function findIn(row: Buffer | undefined, hash: Buffer): Entry | undefined {
  if (row === undefined) return undefined
  const entryAt = (index: number) => row.subarray(index * entryBytes, (index + 1) * entryBytes)
  const count = Math.floor(row.length / entryBytes)
  const index = lowest(count, (index) => compareHash(entryAt(index), hash) >= 0)
  return index < count && compareHash(entryAt(index), hash) === 0 ? entryAt(index) : undefined
}
