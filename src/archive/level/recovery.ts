/**
 * What is done with a partition that was not closed: records that the index does not know are entered into it, and
 * numbers that are missing are found. LevelDB drops a damaged block of its log without a word; a record that was
 * acknowledged and is not there is a gap, and its message can be stored again.
 */
import { type Envelope, openEnvelope } from '../../core/envelope.ts'
import { minus, storedBytes } from '../backend.ts'
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
import { decodePlace, earlier, type KeyRange, later, type TimeRange, timeOf } from './place.ts'
import { decodeTally, emptyTally, encodeTally, type Tally, withMessage } from './tally.ts'

/** Rows, and bytes of rows, that are in memory at once; between two such pieces others get their turn. */
const pieceRows = 500
const pieceBytes = 4 * 1024 * 1024

/**
 * Makes index and records of `pair` agree, and gives what the partition amounts to. `mark`: what the catalog says was
 * acknowledged. `tell` hears of what is lost, and has to remember it, before the index forgets it. Can be broken off.
 */
export async function recover(pair: Pair, mark: Tally, tell: (gap: Lost) => Promise<void>): Promise<Tally> {
  const indexed = decodeTally(await pair.index.get(tallyKey)) ?? emptyTally
  const replayed = await replay(pair, indexed)
  const end = Math.max(mark.next, replayed.next)
  const missing = await missingNumbers(pair.records, Math.min(mark.tail, indexed.tail), end)
  for (const gap of await gapsOf(pair, missing, mark)) await tell(gap)
  const tally = { ...(await forget(pair.index, missing, replayed)), next: end, tail: end }
  await pair.index.put(tallyKey, encodeTally(tally), { sync: true })
  return tally
}

export type Lost = Omit<Gap, 'partition'>

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

function isIn(ranges: readonly NumberRange[], number: number): boolean {
  return rangeOf(ranges, number) !== undefined
}

/** The range that a number is in, of some that are in order. */
function rangeOf(ranges: readonly NumberRange[], number: number): NumberRange | undefined {
  let [low, high] = [0, ranges.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ranges[middle]!.end <= number) low = middle + 1
    else high = middle
  }
  const range = ranges[low]
  return range !== undefined && range.first <= number ? range : undefined
}

/** What is lost, and when it came: by the rows of the index, or else by the neighbours. */
async function gapsOf(pair: Pair, missing: readonly NumberRange[], mark: Tally): Promise<Lost[]> {
  const known = new Map<NumberRange, TimeRange>()
  for await (const rows of rowsOf(pair.index, pubsubKeyRange, missing)) {
    for (const [key, row] of rows) {
      // `rowsOf` gives only rows that are in a range.
      const range = rangeOf(missing, decodeRow(row).number)!
      const time = timeOf(placeOf(key))
      const { from, to } = known.get(range) ?? { from: time, to: time }
      known.set(range, { from: earlier(from, time), to: later(to, time) })
    }
  }
  const gaps: Lost[] = []
  for (const range of missing) {
    const times = known.get(range) ?? (await around(pair, range, mark))
    gaps.push({ first: range.first, messages: range.end - range.first, ...times })
  }
  return gaps
}

/**
 * Takes what the index says of lost records out of it, so that the messages can be stored again. Gives what is left of
 * `tally`, which stands beside the rows at any moment.
 */
async function forget(index: Database, missing: readonly NumberRange[], tally: Tally): Promise<Tally> {
  let left = tally
  for (const range of [contentKeyRange, pubsubKeyRange]) {
    for await (const rows of rowsOf(index, range, missing)) {
      const batch: Batch = index.batch()
      for (const [key] of rows) batch.del(key)
      if (range === pubsubKeyRange) {
        for (const [key] of rows) batch.del(hashKey(decodePlace(placeOf(key)).hash))
        const sizes = rows.map(([, row]) => storedBytes(decodeRow(row).bytes))
        left = { ...left, ...minus(left, { messages: rows.length, bytes: sizes.reduce((sum, size) => sum + size, 0) }) }
        batch.put(tallyKey, encodeTally(left))
      }
      await batch.write()
    }
  }
  return left
}

/** The rows of a lane that lead to records of these numbers, some at a time. */
async function* rowsOf(index: Database, lane: KeyRange, numbers: readonly NumberRange[]) {
  if (numbers.length === 0) return
  for await (const piece of pieces(index, lane)) {
    const rows = piece.filter(([, row]) => isIn(numbers, decodeRow(row).number))
    if (rows.length > 0) yield rows
  }
}

/** When lost messages came, by their neighbours: numbers follow arrival. */
async function around(pair: Pair, { first, end }: NumberRange, mark: Tally): Promise<TimeRange> {
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
