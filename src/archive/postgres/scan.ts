/** Reading: a selection becomes statements over a few partitions each, and their rows a slice within its bounds. */
import type { MessageHash } from '../../core/hash.ts'
import type { Direction } from '../../core/query.ts'
import type { Bounds, Place, Row, Selection, Slice } from '../backend.ts'
import { bytesFrom } from './binary.ts'
import { maxTime, minTime, type Span } from './partitions.ts'
import type { Columns, Runner, Statement } from './pool.ts'
import { fetchStatement, type Lanes, lookUpStatement, type Walk, walkStatement } from './select.ts'
import { pubsubId, topicId } from './topics.ts'
import { type Range, rangeOf, windows } from './windows.ts'

/** Where a walk reads. */
export interface Source {
  readonly runner: Runner
  readonly schema: string
  readonly partitions: readonly Span[]
}

/**
 * The messages of `selection` within `bounds`. Each partition is read as it is at one moment, one after the other in the
 * direction of the walk.
 */
export async function scan(source: Source, selection: Selection, bounds: Bounds): Promise<Slice> {
  const range = rangeOf(selection, selection.after?.timestamp)
  if (range === undefined) return { rows: [] }
  if (selection.hashes?.length) return await scanHashes(source, selection, range, bounds)
  const lanes = await lanesOf(source, selection)
  if (lanes?.ids.length === 0) return { rows: [] }
  return await walk(source, { range, lanes, after: selection.after, direction: selection.direction }, bounds)
}

const placesOf = (schema: string): Statement => ({
  name: 'locate',
  text: `select timestamp from ${schema}.messages where hash = $1::bytea and timestamp between $2 and $3 limit 1`,
})

const gravesOf = (schema: string): Statement => ({
  name: 'locate grave',
  text: `select timestamp from ${schema}.graves where hash = $1::bytea`,
})

/** Where a message stands or stood; new ones are found first. */
export async function locate({ runner, schema, partitions }: Source, hash: MessageHash): Promise<Place | undefined> {
  const key = Buffer.from(hash, 'hex')
  for (const { first, last } of windows({ first: minTime, last: maxTime }, partitions, 'backward')) {
    const [row] = await runner.run(placesOf(schema), [key, first, last])
    if (row !== undefined) return { timestamp: BigInt(row[0]!), hash }
  }
  const [row] = await runner.run(gravesOf(schema), [key])
  return row && { timestamp: BigInt(row[0]!), hash }
}

const pubsubIdsOf = (schema: string): Statement => ({ name: 'ids', text: `select id from ${schema}.pubsub_topics` })

/** Undefined: all messages are asked for. */
async function lanesOf(
  { runner, schema }: Source,
  { pubsubTopic, contentTopics }: Selection,
): Promise<Lanes | undefined> {
  const pubsubs = pubsubTopic === undefined ? undefined : [pubsubId(pubsubTopic)]
  if (contentTopics?.length) {
    const ids = pubsubs ?? (await runner.run(pubsubIdsOf(schema))).map(([id = '']) => bytesFrom(id))
    const unique = [...new Set(contentTopics)]
    return {
      column: 'topic_id',
      ids: ids.flatMap((id) => unique.map((topic) => topicId(id, topic))),
      compared: 'content_topic',
      topics: unique.map((topic) => Buffer.from(topic)),
    }
  }
  if (pubsubs === undefined || pubsubTopic === undefined) return undefined
  return { column: 'pubsub_id', ids: pubsubs, compared: 'pubsub_topic', topics: [Buffer.from(pubsubTopic)] }
}

async function walk({ runner, schema, partitions }: Source, walk: Walk, bounds: Bounds): Promise<Slice> {
  const rows: Row[] = []
  let { bytes } = bounds
  for (const window of windows(walk.range, partitions, walk.direction)) {
    const last = rows.at(-1)
    const late = bounds.expired()
    if (late && last !== undefined) return { rows, stoppedAt: placeOf(last) }
    const messages = late ? 1 : Math.min(bounds.messages, bounds.rows) - rows.length
    const portion = { messages, bytes, atLeastOne: last === undefined, includeData: bounds.includeData }
    const { statement, values } = walkStatement(schema, walk, window, portion)
    const met = (await runner.run(statement, values)).map(foundRow)
    const taken = met.filter(({ fits }) => fits).slice(0, messages)
    rows.push(...taken.map(({ row }) => row))
    bytes -= taken.reduce((sum, { row }) => sum + (row.data?.bytes.length ?? 0), 0)
    const stoppedAt = rows.at(-1)
    if ((met[0]?.found ?? 0) > taken.length && stoppedAt !== undefined) return { rows, stoppedAt: placeOf(stoppedAt) }
  }
  return { rows }
}

/** What the hashes of a query lead to: a few messages, looked up, then cut to the page. */
async function scanHashes(source: Source, selection: Selection, range: Range, bounds: Bounds): Promise<Slice> {
  const { direction, after } = selection
  const found = await lookUp(source, selection, range)
  const ahead = found.filter((place) => after === undefined || isBehind(place, after, direction))
  const picked = cut(ahead.toSorted(placeOrder(direction)), bounds)
  const rows = bounds.includeData ? await withData(source, picked) : picked.map(placeOf)
  const last = picked.at(-1)
  return last !== undefined && picked.length < ahead.length ? { rows, stoppedAt: placeOf(last) } : { rows }
}

interface Sized extends Place {
  readonly bytes: number
}

/** New messages are found first, and what is found is not looked for again. */
async function lookUp({ runner, schema, partitions }: Source, selection: Selection, range: Range): Promise<Sized[]> {
  const wanted = new Set(selection.hashes)
  const found: Sized[] = []
  for (const window of windows(range, partitions, 'backward')) {
    if (wanted.size === 0) break
    const { statement, values } = lookUpStatement(schema, [...wanted], selection, window)
    for (const [timestamp = '', hash = '', bytes] of await runner.run(statement, values)) {
      found.push({ timestamp: BigInt(timestamp), hash, bytes: Number(bytes) })
      wanted.delete(hash)
    }
  }
  return found
}

/** The first of `places` that fit into a page. */
function cut(places: readonly Sized[], { includeData, messages, bytes, rows, expired }: Bounds): Sized[] {
  const most = expired() ? 1 : Math.min(messages, rows)
  let left = bytes
  const end = places.findIndex((place, index) => {
    if (includeData) left -= place.bytes
    return index >= most || (index > 0 && left < 0)
  })
  return end < 0 ? [...places] : places.slice(0, end)
}

/** What is stored at some places; what was deleted since is left out. */
async function withData({ runner, schema }: Source, places: readonly Place[]): Promise<Row[]> {
  if (places.length === 0) return []
  const { statement, values } = fetchStatement(schema, places)
  const rows = (await runner.run(statement, values)).map(foundRow)
  const data = new Map(rows.map(({ row }) => [row.hash, row.data]))
  return places.filter(({ hash }) => data.has(hash)).map((place) => ({ ...placeOf(place), data: data.get(place.hash) }))
}

/** A row of `walkStatement` or `fetchStatement`. */
function foundRow([timestamp = '', hash = '', found, fits, pubsubTopic, message]: Columns) {
  const place = { timestamp: BigInt(timestamp), hash }
  const data =
    typeof message === 'string' && typeof pubsubTopic === 'string'
      ? { pubsubTopic: bytesFrom(pubsubTopic).toString(), bytes: bytesFrom(message) }
      : undefined
  const row: Row = data === undefined ? place : { ...place, data }
  return { row, found: Number(found), fits: fits === 't' }
}

function placeOf({ timestamp, hash }: Place): Place {
  return { timestamp, hash }
}

function isBehind(place: Place, after: Place, direction: Direction): boolean {
  return placeOrder(direction)(place, after) > 0
}

function placeOrder(direction: Direction): (a: Place, b: Place) => number {
  const step = direction === 'forward' ? 1 : -1
  return (a, b) => {
    if (a.timestamp !== b.timestamp) return a.timestamp < b.timestamp ? -step : step
    return a.hash < b.hash ? -step : a.hash > b.hash ? step : 0
  }
}
