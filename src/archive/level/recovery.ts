/**
 * What is done with a partition that was not closed: records that the index does not know are entered into it, and
 * numbers that are missing are found. LevelDB drops a damaged block of its log without a word; a record that was
 * acknowledged and is not there is a gap, and its message can be stored again.
 */
import { type Envelope, openEnvelope } from '../../core/envelope.ts'
import type { Nanoseconds } from '../../core/time.ts'
import { minus } from '../backend.ts'
import type { Gap } from './catalog.ts'
import type { Batch, Database } from './database.ts'
import { Filter } from './filter.ts'
import {
  contentIdOf,
  contentKeyRange,
  decodeRecord,
  decodeRow,
  hashBytesOf,
  hashKey,
  indexRows,
  numberKey,
  numberOf,
  placeOf,
  pubsubKeyRange,
  tallyKey,
} from './layout.ts'
import type { Pair } from './pair.ts'
import { decodePlace, earlier, type KeyRange, later } from './place.ts'
import { decodeTally, emptyTally, encodeTally, type Tally, withMessage } from './tally.ts'

/** Rows, and bytes of rows, that are in memory at once; between two such pieces others get their turn. */
const pieceRows = 500
const pieceBytes = 4 * 1024 * 1024

export interface Recovered {
  readonly tally: Tally
  readonly gaps: readonly Omit<Gap, 'partition'>[]
}

/** Makes index and records of `pair` agree. `mark`: what the catalog says was acknowledged. */
export async function recover(pair: Pair, mark: Tally = emptyTally): Promise<Recovered> {
  const indexed = decodeTally(await pair.index.get(tallyKey)) ?? emptyTally
  const replayed = await replay(pair, indexed)
  const end = Math.max(mark.next, replayed.next)
  const missing = await missingNumbers(pair.records, Math.min(mark.tail, indexed.tail), end)
  let tally: Tally = { ...replayed, next: end, tail: end }
  const gaps: Omit<Gap, 'partition'>[] = []
  for (const range of missing) {
    const known = await forget(pair.index, range)
    tally = { ...tally, ...minus(tally, known) }
    const { oldest, newest } = known
    const times = oldest === undefined ? await around(pair, range, mark) : { from: oldest, to: newest! }
    gaps.push({ first: range.first, messages: range.end - range.first, ...times })
  }
  await pair.index.put(tallyKey, encodeTally(tally), { sync: true })
  return { tally, gaps }
}

/** Enters the records from `tally.next` on. Those that are damaged keep their number, and are not entered. */
async function replay(pair: Pair, indexed: Tally): Promise<Tally> {
  let tally = indexed
  for await (const piece of pieces(pair.records, { gte: numberKey(indexed.next) })) {
    const found = piece.flatMap(([key, record]) => {
      const envelope = envelopeOf(record)
      return envelope === undefined ? [] : [{ envelope, rows: indexRows(envelope, numberOf(key)) }]
    })
    for (const { envelope } of found) tally = withMessage(tally, envelope.message.timestamp!, envelope.bytes.length)
    tally = { ...tally, next: numberOf(piece.at(-1)![0]) + 1 }
    await pair.enter(
      found.map(({ envelope }) => envelope),
      found.map(({ rows }) => rows),
      tally,
    )
  }
  return tally
}

/** The envelope in a record; undefined when it is damaged. */
export function envelopeOf(record: Buffer): Envelope | undefined {
  try {
    const data = decodeRecord(record)
    const envelope = data && openEnvelope(data.pubsubTopic, data.bytes, 0)
    return envelope?.message.timestamp === undefined ? undefined : envelope
  } catch {
    return undefined
  }
}

/** Numbers from `first` on, before `end`. */
export interface NumberRange {
  readonly first: number
  readonly end: number
}

/** The numbers from `first` to before `end` under which there is no record. */
export async function missingNumbers(records: Database, first: number, end: number): Promise<NumberRange[]> {
  const missing: NumberRange[] = []
  let next = first
  for await (const piece of pieces(records, { gte: numberKey(first) })) {
    for (const [key] of piece) {
      const number = numberOf(key)
      if (number > next) missing.push({ first: next, end: number })
      next = number + 1
    }
  }
  if (next < end) missing.push({ first: next, end })
  return missing
}

/** Takes what the index says of lost records out of it, so that the messages can be stored again. Gives what that was. */
async function forget(index: Database, { first, end }: NumberRange): Promise<Tally> {
  let lost = emptyTally
  const batch: Batch = index.batch()
  for (const range of [pubsubKeyRange, contentKeyRange]) {
    for await (const piece of pieces(index, range)) {
      for (const [key, row] of piece) {
        const { number, bytes } = decodeRow(row)
        if (number < first || number >= end) continue
        batch.del(key)
        if (range === contentKeyRange) continue
        const { hash, timestamp } = decodePlace(placeOf(key))
        batch.del(hashKey(hash))
        lost = withMessage(lost, timestamp, bytes)
      }
    }
  }
  await batch.write({ sync: true })
  return lost
}

/** When lost messages came, by their neighbours: numbers follow arrival. */
async function around(
  pair: Pair,
  { first, end }: NumberRange,
  mark: Tally,
): Promise<{ from: Nanoseconds; to: Nanoseconds }> {
  const [before, after] = await Promise.all([
    pair.records.values({ lt: numberKey(first), reverse: true, limit: 1 }).all(),
    pair.records.values({ gte: numberKey(end), limit: 1 }).all(),
  ])
  const times = [...before, ...after].map((record) => envelopeOf(record)?.message.timestamp)
  const [from = mark.oldest ?? 0n, to = mark.newest ?? from] = times
  return { from: earlier(from, to), to: later(from, to) }
}

/** The filter of a partition, out of its index. */
export async function filterOf(index: Database): Promise<Filter> {
  const filter = new Filter()
  let topic: Buffer | undefined
  for await (const piece of pieces(index, contentKeyRange)) {
    for (const [key] of piece) {
      const content = contentIdOf(key)
      if (topic === undefined || !topic.equals(content)) filter.add(content)
      topic = content
      filter.add(hashBytesOf(placeOf(key)))
    }
  }
  return filter
}

/** Rows of a range, some at a time. */
export async function* pieces(
  database: Database,
  range: KeyRange,
): AsyncGenerator<[Buffer, Buffer][], void, undefined> {
  const iterator = database.iterator({ ...range, highWaterMarkBytes: pieceBytes })
  try {
    for (;;) {
      const piece = await iterator.nextv(pieceRows)
      if (piece.length === 0) return
      yield piece
    }
  } finally {
    await iterator.close()
  }
}
