/** Reading: a selection becomes statements over a few partitions each, and their rows a slice within its bounds. */
import type { MessageHash } from '../../core/hash.ts'
import type { Direction } from '../../core/query.ts'
import type { Bounds, Place, Row, Selection, Slice } from '../backend.ts'
import { bigintFrom, booleanFrom, bytesFrom, hexFrom, numberFrom, textFrom } from './binary.ts'
import { maxTime, minTime, type Span } from './partitions.ts'
import type { Runner, Statement } from './pool.ts'
import { fetchStatement, type Lanes, lookUpStatement, type Prepared, type Walk, walkStatement } from './select.ts'
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
  const { after, direction } = selection
  return await walk(source, { range, lanes: lanesOf(selection), after, direction }, bounds)
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
    if (row !== undefined) return { timestamp: bigintFrom(row[0]), hash }
  }
  const [row] = await runner.run(gravesOf(schema), [key])
  return row && { timestamp: bigintFrom(row[0]), hash }
}

/** Undefined: all messages are asked for. */
function lanesOf({ pubsubTopic, contentTopics }: Selection): Lanes | undefined {
  if (contentTopics?.length) return { pubsubTopic, contentTopics: [...new Set(contentTopics)] }
  return pubsubTopic === undefined ? undefined : { pubsubTopic }
}

/** A message that a statement met. */
interface Met extends Place {
  readonly bytes: number
  /** It has the topics asked for, and not just digests like theirs. */
  readonly matches: boolean
  /** Absent when it was not asked for, or is too large to come along. */
  readonly data: Row['data']
}

async function walk(source: Source, walk: Walk, bounds: Bounds): Promise<Slice> {
  const met: Met[] = []
  let most = Math.min(bounds.messages, bounds.rows)
  let left = bounds.bytes
  for (const window of windows(walk.range, source.partitions, walk.direction)) {
    const last = met.at(-1)
    const isLate = bounds.expired()
    if (isLate && last !== undefined) return { rows: await filled(source, met, bounds), stoppedAt: placeOf(last) }
    if (isLate) most = 1
    // One more, to know whether that is all.
    const rows = most + 1 - met.length
    const step = { ...walk, range: window, rows, inlineBytes: inline(bounds, left, rows) }
    const found = await ask(source, walkStatement(source.schema, step))
    met.push(...found)
    if (bounds.includeData) left -= bytesOf(found)
    if (met.length > most || (left < 0 && met.length > 1)) break
  }
  return await sliceOf(source, met, most, bounds)
}

/** What the hashes of a query lead to: a few messages, looked up, then cut to the page. */
async function scanHashes(source: Source, selection: Selection, range: Range, bounds: Bounds): Promise<Slice> {
  const { direction, after } = selection
  const found = await lookUp(source, selection, range, bounds)
  const ahead = found.filter((place) => after === undefined || isBehind(place, after, direction))
  const most = bounds.expired() ? 1 : Math.min(bounds.messages, bounds.rows)
  return await sliceOf(source, ahead.toSorted(placeOrder(direction)), most, bounds)
}

/** New messages are found first, and what is found is not looked for again. */
async function lookUp(source: Source, selection: Selection, range: Range, bounds: Bounds): Promise<Met[]> {
  const wanted = new Set(selection.hashes)
  const met: Met[] = []
  const inlineBytes = inline(bounds, bounds.bytes, wanted.size)
  for (const window of windows(range, source.partitions, 'backward')) {
    if (wanted.size === 0) break
    const found = await ask(source, lookUpStatement(source.schema, [...wanted], selection, window, inlineBytes))
    for (const { hash } of found) wanted.delete(hash)
    met.push(...found)
  }
  return met.filter(({ matches }) => matches)
}

/** Length up to which messages come along with their places: `rows` of them take no more than `bytes`. */
function inline({ includeData }: Bounds, bytes: number, rows: number): number | undefined {
  return includeData ? Math.max(0, Math.floor(bytes / rows)) : undefined
}

async function ask({ runner }: Source, { statement, values }: Prepared): Promise<Met[]> {
  return (await runner.run(statement, values)).map(([timestamp, hash, bytes, matches, pubsubTopic, message]) => ({
    timestamp: bigintFrom(timestamp),
    hash: hexFrom(hash),
    bytes: numberFrom(bytes),
    matches: booleanFrom(matches),
    data: message ? { pubsubTopic: textFrom(pubsubTopic), bytes: message } : undefined,
  }))
}

/** The first of `met` that fit into a page, `most` at the most. */
async function sliceOf(source: Source, met: readonly Met[], most: number, bounds: Bounds): Promise<Slice> {
  const picked = cut(met, most, bounds)
  const rows = await filled(source, picked, bounds)
  const last = picked.at(-1)
  return last !== undefined && picked.length < met.length ? { rows, stoppedAt: placeOf(last) } : { rows }
}

function cut(met: readonly Met[], most: number, { includeData, bytes }: Bounds): readonly Met[] {
  let left = bytes
  const end = met.findIndex((message, index) => {
    if (includeData) left -= message.bytes
    return index >= most || (index > 0 && left < 0)
  })
  return end < 0 ? met : met.slice(0, end)
}

function bytesOf(met: readonly Met[]): number {
  return met.reduce((sum, { bytes }) => sum + bytes, 0)
}

/** The rows to what was met. Large messages are fetched; what was deleted since is left out. */
async function filled(source: Source, met: readonly Met[], { includeData }: Bounds): Promise<Row[]> {
  const matching = met.filter(({ matches }) => matches)
  if (!includeData) return matching.map(placeOf)
  const fetched = await fetchData(
    source,
    matching.filter(({ data }) => data === undefined),
  )
  return matching.flatMap((message) => {
    const data = message.data ?? fetched.get(message.hash)
    return data === undefined ? [] : [{ ...placeOf(message), data }]
  })
}

async function fetchData({ runner, schema }: Source, places: readonly Place[]): Promise<Map<string, Row['data']>> {
  if (places.length === 0) return new Map()
  const { statement, values } = fetchStatement(schema, places)
  const rows = await runner.run(statement, values)
  return new Map(
    rows.map(([hash, pubsubTopic, message]) => [
      hexFrom(hash),
      { pubsubTopic: textFrom(pubsubTopic), bytes: bytesFrom(message) },
    ]),
  )
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
