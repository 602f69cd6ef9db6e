/**
 * What is done with a partition that was not closed: records that the index does not know are entered into it, and
 * numbers that are missing are found. LevelDB drops a damaged block of its log without a word; a record that was
 * acknowledged and is not there is a gap, and its message can be stored again.
 */
import { type Envelope, openEnvelope } from '../../core/envelope.ts'
import { hashBytes, type MessageHash } from '../../core/hash.ts'
import type { Gap } from './catalog.ts'
import type { Database } from './database.ts'
import { byContentTopic, byPubsubTopic, contentOfEntry, type Entry, hashOfEntry, numberOfEntry } from './entry.ts'
import { Filter } from './filter.ts'
import type { EntryLane } from './lane.ts'
import { decodeRecord, numberKey, numberOf } from './layout.ts'
import type { Pair } from './pair.ts'
import type { PartitionIndex } from './partition-index.ts'
import { earlier, type KeyRange, later, type TimeRange, timeOf } from './place.ts'
import type { Tally } from './tally.ts'

/** Rows, and bytes of rows, that are in memory at once; between two such pieces others get their turn. */
const pieceRows = 500
const pieceBytes = 4 * 1024 * 1024

/**
 * Makes index and records of `pair` agree, and gives what the partition amounts to. `mark`: what the catalog says was
 * acknowledged. `tell` hears of what is lost, and has to remember it, before the index forgets it. Can be broken off.
 */
export async function recover(pair: Pair, mark: Tally, tell: (gap: Lost) => Promise<void>): Promise<Tally> {
  await replay(pair)
  const end = Math.max(mark.next, pair.index.tally.next)
  const missing = await missingNumbers(pair.records, mark.tail, end)
  for (const gap of await gapsOf(pair, missing, mark)) await tell(gap)
  if (missing.some(({ first }) => first < pair.index.tally.next)) {
    await pair.index.forget((entry) => rangeOf(missing, numberOfEntry(entry)) !== undefined)
  }
  pair.index.skipTo(end)
  return { ...pair.index.tally, tail: end }
}

export type Lost = Omit<Gap, 'partition'>

/** Enters the records that the index does not know. Those that are damaged keep their number, and are not entered. */
async function replay({ records, index }: Pair): Promise<void> {
  for await (const piece of pieces(records, { gte: numberKey(index.tally.next) })) {
    await index.room()
    const found = piece.map(([key, record]) => ({ number: numberOf(key), envelope: envelopeOf(record) }))
    const known = await index.find(found.map(({ envelope }) => envelope?.hash ?? noHash))
    const entered = new Set<MessageHash>()
    for (const [at, { number, envelope }] of found.entries()) {
      // One that is there already was stored again after a write that failed, though not quite.
      if (envelope === undefined || known[at] !== undefined || entered.has(envelope.hash)) continue
      index.enter([envelope], number)
      entered.add(envelope.hash)
    }
    index.skipTo(found.at(-1)!.number + 1)
  }
}

const noHash = '0'.repeat(2 * hashBytes)

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

/** What is lost, and when it came: by the index, or else by the neighbours. */
async function gapsOf(pair: Pair, missing: readonly NumberRange[], mark: Tally): Promise<Lost[]> {
  const known = missing.length === 0 ? new Map<NumberRange, TimeRange>() : await timesOf(pair.index, missing)
  const gaps: Lost[] = []
  for (const range of missing) {
    const times = known.get(range) ?? (await around(pair, range, mark))
    gaps.push({ first: range.first, messages: range.end - range.first, ...times })
  }
  return gaps
}

/** When the messages of ranges came of which the index knows some. */
async function timesOf(index: PartitionIndex, ranges: readonly NumberRange[]): Promise<Map<NumberRange, TimeRange>> {
  const known = new Map<NumberRange, TimeRange>()
  for await (const entry of entriesOf(index.all(byPubsubTopic))) {
    const range = rangeOf(ranges, numberOfEntry(entry))
    if (range === undefined) continue
    const time = timeOf(entry)
    const { from, to } = known.get(range) ?? { from: time, to: time }
    known.set(range, { from: earlier(from, time), to: later(to, time) })
  }
  return known
}

/** When lost messages came, by their neighbours: numbers follow arrival. */
async function around(pair: Pair, { first, end }: NumberRange, mark: Tally): Promise<TimeRange> {
  const [before, after] = await Promise.all([
    pair.records.values({ lt: numberKey(first), reverse: true, limit: 1 }).all(),
    pair.records.values({ gte: numberKey(end), limit: 1 }).all(),
  ])
  const timeIn = ([record]: readonly Buffer[]) => record && envelopeOf(record)?.message.timestamp
  const from = timeIn(before) ?? mark.oldest ?? 0n
  const to = timeIn(after) ?? mark.newest ?? from
  return { from: earlier(from, to), to: later(from, to) }
}

/** The filter of a partition, out of its index. */
export async function filterOf(index: PartitionIndex): Promise<Filter> {
  const filter = new Filter()
  let topic: Buffer | undefined
  for await (const entry of entriesOf(index.all(byContentTopic))) {
    const content = contentOfEntry(entry)
    if (topic === undefined || !topic.equals(content)) filter.add(content)
    topic = content
    filter.add(hashOfEntry(entry))
  }
  return filter
}

/** The entries of some lanes, one lane after the other. */
export async function* entriesOf(lanes: readonly EntryLane[]): AsyncGenerator<Entry, void, undefined> {
  for (const lane of lanes) {
    try {
      for (await lane.fill(); lane.head !== undefined; lane.head === undefined && (await lane.fill())) yield lane.take()
    } finally {
      await lane.close()
    }
  }
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
