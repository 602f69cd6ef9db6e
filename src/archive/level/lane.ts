/** A range of keys of an index as a lane of candidates. */
import type { Iterator } from 'classic-level'
import type { Direction } from '../../core/query.ts'
import type { Database } from './database.ts'
import { decodeRow, placeOf, pubsubIdOf, pubsubIdOfRow } from './layout.ts'
import type { Lane } from './merge.ts'
import type { KeyRange } from './place.ts'

export type Snapshot = ReturnType<Database['snapshot']>

/** A message met on a walk: where it stands in history, on which pubsub topic, and where its record is. */
export interface Candidate {
  readonly place: Buffer
  readonly pubsub: Buffer
  readonly number: number
  /** Bytes of the message. */
  readonly bytes: number
}

/** How lanes are read. */
export interface Reading {
  readonly direction: Direction
  /** At which moment. */
  readonly snapshot: Snapshot
  /** Rows of the first piece of a lane. Each further piece is twice as long: of many lanes few are read far. */
  readonly rows: number
}

/** What a row of a lane says. */
export type Decode = (key: Buffer, row: Buffer) => Candidate

export function decodePubsubRow(key: Buffer, row: Buffer): Candidate {
  return { place: placeOf(key), pubsub: pubsubIdOf(key), ...decodeRow(row) }
}

export function decodeContentRow(key: Buffer, row: Buffer): Candidate {
  return { place: placeOf(key), pubsub: pubsubIdOfRow(row), ...decodeRow(row) }
}

/** Compares candidates by place. */
export function placeOrder(direction: Direction): (a: Candidate, b: Candidate) => number {
  if (direction === 'forward') return (a, b) => Buffer.compare(a.place, b.place)
  return (a, b) => Buffer.compare(b.place, a.place)
}

/** Rows that a lane reads at once at the most: a millisecond or two of the event loop. */
const maxLaneRows = 2000

/** Bytes that a lane reads at once at the most. */
const laneBytes = 256 * 1024

export class DatabaseLane implements Lane<Candidate> {
  readonly #iterator: Iterator<Database, Buffer, Buffer>
  readonly #decode: Decode
  #rows: number
  #piece: [Buffer, Buffer][] = []
  #next = 0
  head: Candidate | undefined

  constructor(database: Database, range: KeyRange, decode: Decode, { direction, rows, snapshot }: Reading) {
    const reverse = direction === 'backward'
    this.#iterator = database.iterator({ ...range, reverse, snapshot, highWaterMarkBytes: laneBytes })
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
    this.#rows = Math.min(maxLaneRows, 2 * this.#rows)
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
