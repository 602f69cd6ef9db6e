/** Entries of the index become rows: the place, and the message where it is wanted. */
import type { Direction } from '../../core/query.ts'
import type { Row } from '../backend.ts'
import { type Entry, numberOfEntry } from './entry.ts'
import { decodeRecord } from './layout.ts'
import type { Pair } from './pair.ts'
import { decodePlace } from './place.ts'

/** The rows of entries of one partition, in the same order. */
export async function rowsOf(pair: Pair, entries: readonly Entry[], includeData: boolean): Promise<Row[]> {
  if (!includeData || entries.length === 0) return entries.map(decodePlace)
  const records = await pair.read(entries.map(numberOfEntry))
  return entries.map((entry, at) => toRow(entry, records[at]))
}

/** Compares entries by place. */
export function placeOrder(direction: Direction): (a: Entry, b: Entry) => number {
  return direction === 'forward' ? Buffer.compare : (a, b) => Buffer.compare(b, a)
}

function toRow(entry: Entry, record: Buffer | undefined): Row {
  const data = record && decodeRecord(record)
  return data === undefined ? decodePlace(entry) : { ...decodePlace(entry), data }
}
