/** Reading: a selection becomes lanes or look-ups, these a sequence of candidates, and that a slice within its bounds. */
import type { Bounds, Row, Selection, Slice } from '../../../src/archive/backend.ts'
import type { Database } from './database.ts'
import {
  type Candidate,
  decodeContentTopicRow,
  decodeMessageRow,
  placeOrder,
  type Reading,
  type Snapshot,
  walkLanes,
} from './lane.ts'
import {
  contains,
  contentId,
  contentTopicKey,
  contentTopicLane,
  decodeHashRow,
  decodePlace,
  decodeRecord,
  hashKey,
  messageKey,
  messageLane,
  type PlaceRange,
  placeRange,
  pubsubId,
  raised,
} from './layout.ts'

/** Rows that a lane reads at first at the least. */
const minLaneRows = 4

/** Bytes that a lane holds in memory at the least. */
const minLaneBytes = 32 * 1024

/** What is known of a database: the pubsub topics in it, and a place before which there is nothing. */
export interface Extent {
  readonly pubsubIds: readonly Buffer[]
  /** Walks start here: stepping over what was deleted lately costs as much as if it were there. */
  readonly floor: Buffer
}

/** Where a walk reads: the database at one moment. */
interface Source {
  readonly database: Database
  readonly snapshot: Snapshot
  readonly pubsubIds: readonly Buffer[]
}

/** The messages of `selection` at one moment, within `bounds`. */
export async function scan(
  database: Database,
  { pubsubIds, floor }: Extent,
  selection: Selection,
  bounds: Bounds,
): Promise<Slice> {
  const selected = placeRange(selection)
  if (selected === undefined) return { rows: [] }
  const range = raised(selected, floor)
  await using snapshot = database.snapshot()
  const source = { database, snapshot, pubsubIds }
  const { picked, stoppedAt } = await pick(candidates(source, selection, range, bounds), selection, bounds)
  const rows = bounds.includeData ? await withData(source, picked) : picked.map(({ place }) => decodePlace(place))
  return stoppedAt === undefined ? { rows } : { rows, stoppedAt: decodePlace(stoppedAt) }
}

function candidates(
  source: Source,
  selection: Selection,
  range: PlaceRange,
  bounds: Bounds,
): AsyncGenerator<Candidate, void, undefined> {
  if (selection.hashes?.length) return byHash(source, selection, range)
  if (selection.contentTopics?.length) return byContentTopic(source, selection, range, bounds)
  return byPubsubTopic(source, selection, range, bounds)
}

/** Takes candidates until the bounds say stop. */
async function pick(
  walk: AsyncIterable<Candidate>,
  { pubsubTopic }: Selection,
  bounds: Bounds,
): Promise<{ picked: Candidate[]; stoppedAt?: Buffer }> {
  const pubsub = pubsubTopic === undefined ? undefined : pubsubId(pubsubTopic)
  const picked: Candidate[] = []
  let bytes = 0
  let rows = 0
  let last: Buffer | undefined
  for await (const candidate of walk) {
    const wanted = pubsub === undefined || pubsub.equals(candidate.pubsub)
    const size = bounds.includeData ? candidate.bytes : 0
    const isFull = wanted && (picked.length >= bounds.messages || bytes + size > bounds.bytes)
    const isOver = rows >= bounds.rows || (picked.length > 0 && (isFull || bounds.expired()))
    if (isOver && last !== undefined) return { picked, stoppedAt: last }
    if (wanted) {
      picked.push(candidate)
      bytes += size
    }
    last = candidate.place
    rows += 1
  }
  return { picked }
}

/** The messages of some hashes. */
async function* byHash(
  { database, snapshot }: Source,
  { hashes = [], contentTopics = [], direction }: Selection,
  range: PlaceRange,
): AsyncGenerator<Candidate, void, undefined> {
  const wanted = [...new Set(hashes)]
  const rows = await database.getMany(wanted.map(hashKey), { snapshot })
  const found = wanted.flatMap((hash, index) => decodeHashRow(rows[index], hash) ?? [])
  // The hash row of a deleted message stays for a while: what counts is the record.
  const stored = await having(database, snapshot, found, ({ pubsub, place }) => [messageKey(pubsub, place)])
  const ids = contentTopics.map(contentId)
  const about = await having(database, snapshot, stored, ({ place }) => ids.map((id) => contentTopicKey(id, place)))
  const selected = ids.length === 0 ? stored : about
  yield* selected.filter(({ place }) => contains(range, place)).sort(placeOrder(direction))
}

/** Those of `rows` for which one of `keysOf` is there. */
async function having(
  database: Database,
  snapshot: Snapshot,
  rows: readonly Candidate[],
  keysOf: (row: Candidate) => Buffer[],
): Promise<Candidate[]> {
  const keys = rows.map(keysOf)
  const present = await database.hasMany(keys.flat(), { snapshot })
  let next = 0
  return rows.filter((_, index) => {
    const mine = present.slice(next, next + keys[index]!.length)
    next += mine.length
    return mine.includes(true)
  })
}

/** The messages of some content topics: the merge of their lanes, which hold small index rows. */
function byContentTopic(
  { database, snapshot }: Source,
  { contentTopics = [], direction }: Selection,
  range: PlaceRange,
  { messages }: Bounds,
): AsyncGenerator<Candidate, void, undefined> {
  const ranges = [...new Set(contentTopics)].map((topic) => contentTopicLane(contentId(topic), range))
  const rows = laneRows(messages, ranges.length)
  const reading: Reading = { direction, snapshot, rows, bytes: minLaneBytes, values: true }
  return walkLanes(database, ranges, decodeContentTopicRow, reading)
}

/** The messages of one pubsub topic or of all: the lanes of the records themselves. */
function byPubsubTopic(
  { database, snapshot, pubsubIds }: Source,
  { pubsubTopic, direction }: Selection,
  range: PlaceRange,
  { messages, bytes, includeData }: Bounds,
): AsyncGenerator<Candidate, void, undefined> {
  const ids = pubsubTopic === undefined ? pubsubIds : [pubsubId(pubsubTopic)]
  const ranges = ids.map((id) => messageLane(id, range))
  const reading: Reading = {
    direction,
    snapshot,
    rows: laneRows(messages, ranges.length),
    bytes: Math.max(minLaneBytes, Math.ceil(bytes / Math.max(1, ranges.length))),
    values: includeData,
  }
  return walkLanes(database, ranges, decodeMessageRow, reading)
}

/** Rows that a lane reads at first: the page and one further from one lane; of many lanes twice their share. */
function laneRows(messages: number, lanes: number): number {
  return Math.min(messages + 1, Math.max(minLaneRows, Math.ceil((2 * messages) / Math.max(1, lanes))))
}

/** The rows of what was picked, with what is stored of each. */
async function withData({ database, snapshot }: Source, picked: readonly Candidate[]): Promise<Row[]> {
  const missing = picked.filter(({ record }) => record === undefined)
  const keys = missing.map(({ pubsub, place }) => messageKey(pubsub, place))
  const records = keys.length === 0 ? [] : await database.getMany(keys, { snapshot })
  const read = new Map(missing.map((candidate, index) => [candidate, records[index]]))
  return picked.map((candidate) => toRow(candidate.place, candidate.record ?? read.get(candidate)))
}

function toRow(place: Buffer, record: Buffer | undefined): Row {
  const data = record && decodeRecord(record)
  return data === undefined ? decodePlace(place) : { ...decodePlace(place), data }
}
