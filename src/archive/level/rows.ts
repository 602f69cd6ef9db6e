/** Entries of the index become rows: the place, and the message where it is wanted. */
import type { Direction } from '../../core/query.ts'
import type { Row } from '../backend.ts'
import { isIntact } from '../intact.ts'
import { type Entry, numberOfEntry } from './entry.ts'
import { decodeRecord } from './layout.ts'
import type { Pair } from './pair.ts'
import { decodePlace } from './place.ts'

/** Messages that are read together. While the next are read, these are looked at: a page is read in the time of half of it. */
const pieceEntries = 25

/** The rows of entries of one partition, in the same order. */
export async function rowsOf(pair: Pair, entries: readonly Entry[], includeData: boolean): Promise<Row[]> {
  if (!includeData) return entries.map(decodePlace)
  const pieces: Promise<Row[]>[] = []
  for (let at = 0; at < entries.length; at += pieceEntries)
    pieces.push(readPiece(pair, entries.slice(at, at + pieceEntries)))
  // All have ended before the partition may be closed, whatever becomes of one.
  await Promise.allSettled(pieces)
  return (await Promise.all(pieces)).flat()
}

async function readPiece(pair: Pair, entries: readonly Entry[]): Promise<Row[]> {
  const records = await pair.read(entries.map(numberOfEntry))
  return entries.map((entry, at) => toRow(entry, records[at]))
}

/** Compares entries by place. */
export function placeOrder(direction: Direction): (a: Entry, b: Entry) => number {
  return direction === 'forward' ? Buffer.compare : (a, b) => Buffer.compare(b, a)
}

function toRow(entry: Entry, record: Buffer | undefined): Row {
  const data = record && decodeRecord(record)
  if (data === undefined) return decodePlace(entry)
  const row = { ...decodePlace(entry), data }
  return { ...row, intact: isIntact(row) }
}
