/** A range of keys in the database as a lane of candidates. */
import type { Iterator } from 'classic-level'
import type { Direction } from '../../../src/core/query.ts'
import type { Database } from './database.ts'
import { decodeIndexRow, type KeyRange, placeOf, pubsubOf, recordBytes } from './layout.ts'
import { type Lane, merge } from './merge.ts'

export type Snapshot = ReturnType<Database['snapshot']>

/** A message met on a walk: where it stands, whose lane its record lies in and, if that was read with it, the record. */
export interface Candidate {
  readonly place: Buffer
  readonly pubsub: Buffer
  /** Bytes of the message; 0 when the record was not to be read. */
  readonly bytes: number
  readonly record?: Buffer
}

/** How lanes are read. */
export interface Reading {
  readonly direction: Direction
  /** At which moment. */
  readonly snapshot: Snapshot
  /** Rows of the first piece of a lane. Each further piece is twice as long: of many lanes few are read far. */
  readonly rows: number
  /** Bytes of a piece at the most; a piece has one row at the least. */
  readonly bytes: number
  /** False: keys only. */
  readonly values: boolean
}

/** What a row of a lane says; the value is undefined when the reading is without values. */
export type Decode = (key: Buffer, value: Buffer | undefined) => Candidate

/** A row of the lane of a pubsub topic: the record itself. */
export function decodeMessageRow(key: Buffer, record: Buffer | undefined): Candidate {
  const row = { place: placeOf(key), pubsub: pubsubOf(key) }
  return record === undefined ? { ...row, bytes: 0 } : { ...row, bytes: recordBytes(record), record }
}

/** A row of the lane of a content topic: where the record is. Such lanes are read with values. */
export function decodeContentTopicRow(key: Buffer, index: Buffer | undefined): Candidate {
  return { place: placeOf(key), ...decodeIndexRow(index!) }
}

/** The candidates of `ranges` in the order of history, or against it. */
export async function* walkLanes(
  database: Database,
  ranges: readonly KeyRange[],
  decode: Decode,
  reading: Reading,
): AsyncGenerator<Candidate, void, undefined> {
  const lanes = ranges.map((range) => new DatabaseLane(database, range, decode, reading))
  try {
    yield* merge(lanes, placeOrder(reading.direction))
  } finally {
    await Promise.all(lanes.map((lane) => lane.close()))
  }
}

/** Compares candidates by place. */
export function placeOrder(direction: Direction): (a: Candidate, b: Candidate) => number {
  if (direction === 'forward') return (a, b) => Buffer.compare(a.place, b.place)
  return (a, b) => Buffer.compare(b.place, a.place)
}

class DatabaseLane implements Lane<Candidate> {
  readonly #iterator: Iterator<Database, Buffer, Buffer>
  readonly #decode: Decode
  #rows: number
  #piece: [Buffer, Buffer][] = []
  #next = 0
  head: Candidate | undefined

  constructor(
    database: Database,
    range: KeyRange,
    decode: Decode,
    { direction, rows, bytes, values, snapshot }: Reading,
  ) {
    const reverse = direction === 'backward'
    this.#iterator = database.iterator({ ...range, reverse, values, snapshot, highWaterMarkBytes: bytes })
    this.#decode = decode
    this.#rows = rows
  }

  take(): Candidate {
    const row = this.head
    if (row === undefined) throw new RangeError('a lane without a head')
    this.#advance()
    return row
  }

  async fill(): Promise<void> {
    this.#piece = await this.#iterator.nextv(this.#rows)
    this.#next = 0
    this.#rows *= 2
    this.#advance()
  }

  async close(): Promise<void> {
    await this.#iterator.close()
  }

  #advance(): void {
    const entry = this.#piece[this.#next++]
    this.head = entry && this.#decode(...entry)
  }
}
