/** The words of the statements that read. Which texts there are depends on a handful of shapes, never on a value. */
import type { Direction } from '../../core/query.ts'
import type { Place, Selection } from '../backend.ts'
import { byteaArray, int8Array } from './binary.ts'
import type { Statement, Value } from './pool.ts'
import type { Range } from './windows.ts'

/** Ranges of an index, each in the order of history. */
export interface Lanes {
  readonly column: 'topic_id' | 'pubsub_id'
  readonly ids: readonly Buffer[]
  /** What the ids stand for, and where the row has it. */
  readonly compared: 'content_topic' | 'pubsub_topic'
  readonly topics: readonly Buffer[]
}

/** A walk through history; without lanes it meets every message. */
export interface Walk {
  readonly range: Range
  readonly lanes: Lanes | undefined
  readonly after?: Place
  readonly direction: Direction
}

/** What one statement may give. */
export interface Portion {
  readonly messages: number
  readonly bytes: number
  /** The first message is given whatever its size. */
  readonly atLeastOne: boolean
  readonly includeData: boolean
}

interface Prepared {
  readonly statement: Statement
  readonly values: readonly Value[]
}

/** Words for each direction. A hash of no byte stands before all, one of 33 behind all. */
const ways = {
  forward: { order: 'timestamp, hash', beyond: '>', start: ({ first }: Range) => [first, Buffer.alloc(0)] as const },
  backward: {
    order: 'timestamp desc, hash desc',
    beyond: '<',
    start: ({ last }: Range) => [last, Buffer.alloc(33, 0xff)] as const,
  },
} as const

/** Parameters of a text, numbered as they come. */
class Parameters {
  readonly values: Value[] = []

  add(type: string, value: Value): string {
    this.values.push(value)
    return `$${this.values.length}::${type}`
  }
}

/**
 * The messages of a walk within `window`: timestamp, hash, how many there are up to one beyond the portion, whether it
 * fits into the portion's bytes, pubsub topic, message. The first is there also when it does not fit.
 */
export function walkStatement(schema: string, walk: Walk, window: Range, portion: Portion): Prepared {
  const { lanes, direction } = walk
  const parameters = new Parameters()
  const select = lanes !== undefined && lanes.ids.length > 1 ? selectMerged : selectDirect
  const met = select(schema, walk, window, portion, parameters)
  const name = [select.name, direction, lanes?.column, portion.includeData ? 'data' : 'hashes'].join(' ')
  const text = portion.includeData ? withinBytes(met, direction, portion, parameters) : hashesOnly(met, direction)
  return { statement: { name, text }, values: parameters.values }
}

const columns = 'timestamp, hash, pubsub_topic, message'

/** One range of one index. */
function selectDirect(schema: string, walk: Walk, window: Range, portion: Portion, parameters: Parameters): string {
  const { lanes } = walk
  const conditions = lanes && [
    `${lanes.column} = ${parameters.add('bytea', lanes.ids[0] ?? null)}`,
    `${lanes.compared} = any(${parameters.add('bytea[]', byteaArray(lanes.topics))})`,
  ]
  const names = portion.includeData ? columns : 'timestamp, hash'
  return selectRange(schema, names, conditions ?? [], walk, window, portion, parameters)
}

/** The first of several ranges of an index, merged, and then the messages to them. */
function selectMerged(schema: string, walk: Walk, window: Range, portion: Portion, parameters: Parameters): string {
  const { lanes, direction } = walk
  const ids = parameters.add('bytea[]', byteaArray(lanes?.ids ?? []))
  const lane = selectRange(schema, 'timestamp, hash', [`${lanes?.column} = lane.id`], walk, window, portion, parameters)
  const limit = parameters.add('bigint', portion.messages + 1)
  const keys = `
    select l.timestamp, l.hash from unnest(${ids}) as lane(id) cross join lateral (${lane}) as l
    order by ${ways[direction].order} limit ${limit}`
  if (!portion.includeData) return keys
  const topics = parameters.add('bytea[]', byteaArray(lanes?.topics ?? []))
  return `
    select keys.timestamp, keys.hash, m.pubsub_topic, m.message
    from (${keys}) as keys cross join lateral (${selectOne(schema, window, parameters)}) as m
    where m.${lanes?.compared} = any(${topics})`
}

/** The message at a place of `keys`. With its limit it is looked up; a join may be made by reading whole partitions. */
function selectOne(schema: string, window: Range, parameters: Parameters): string {
  return `
    select pubsub_topic, content_topic, message from ${schema}.messages as one
    where one.timestamp = keys.timestamp and one.hash = keys.hash and ${between('one.timestamp', window, parameters)}
    limit 1`
}

function selectRange(
  schema: string,
  names: string,
  conditions: readonly string[],
  { after, direction }: Walk,
  window: Range,
  { messages }: Portion,
  parameters: Parameters,
): string {
  const { order, beyond, start } = ways[direction]
  const [timestamp, hash] = after === undefined ? start(window) : [after.timestamp, Buffer.from(after.hash, 'hex')]
  const place = `(${parameters.add('bigint', timestamp)}, ${parameters.add('bytea', hash)})`
  const all = [...conditions, between('timestamp', window, parameters), `(timestamp, hash) ${beyond} ${place}`]
  const limit = parameters.add('bigint', messages + 1)
  return `select ${names} from ${schema}.messages where ${all.join(' and ')} order by ${order} limit ${limit}`
}

function between(column: string, { first, last }: Range, parameters: Parameters): string {
  return `${column} between ${parameters.add('bigint', first)} and ${parameters.add('bigint', last)}`
}

function withinBytes(
  met: string,
  direction: Direction,
  { bytes, atLeastOne }: Portion,
  parameters: Parameters,
): string {
  const fits = `(total <= ${parameters.add('bigint', Math.max(0, bytes))} or (nth = 1 and ${parameters.add('boolean', String(atLeastOne))}))`
  return `
    select timestamp, encode(hash, 'hex'), found, ${fits} as fits, pubsub_topic, case when ${fits} then message end
    from (
      select ${columns}, row_number() over w as nth, count(*) over () as found,
             sum(octet_length(message)) over w as total
      from (${met}) as met
      window w as (order by ${ways[direction].order})
    ) as numbered
    where nth = 1 or ${fits}
    order by nth`
}

function hashesOnly(met: string, direction: Direction): string {
  return `
    select timestamp, encode(hash, 'hex'), count(*) over () as found, true from (${met}) as met
    order by ${ways[direction].order}`
}

/** Timestamp, hash and length of the messages that have one of `hashes` and match the other criteria. */
export function lookUpStatement(
  schema: string,
  hashes: readonly string[],
  { pubsubTopic, contentTopics }: Selection,
  window: Range,
): Prepared {
  const parameters = new Parameters()
  const keys = byteaArray(hashes.map((hash) => Buffer.from(hash, 'hex')))
  const conditions = [
    `hash = any(${parameters.add('bytea[]', keys)})`,
    between('timestamp', window, parameters),
    ...(pubsubTopic === undefined ? [] : [`pubsub_topic = ${parameters.add('bytea', Buffer.from(pubsubTopic))}`]),
    ...(contentTopics?.length ? [`content_topic = any(${parameters.add('bytea[]', texts(contentTopics))})`] : []),
  ]
  const text = `
    select timestamp, encode(hash, 'hex'), octet_length(message)
    from ${schema}.messages where ${conditions.join(' and ')}`
  const name = `look up${pubsubTopic === undefined ? '' : ' pubsub'}${contentTopics?.length ? ' content' : ''}`
  return { statement: { name, text }, values: parameters.values }
}

/** What is stored at some places, in the columns of `walkStatement`. */
export function fetchStatement(schema: string, places: readonly Place[]): Prepared {
  const timestamps = places.map(({ timestamp }) => timestamp)
  const parameters = new Parameters()
  const keys = `unnest(${parameters.add('int8[]', int8Array(timestamps))}, ${parameters.add(
    'bytea[]',
    byteaArray(places.map(({ hash }) => Buffer.from(hash, 'hex'))),
  )}) as keys(timestamp, hash)`
  const sorted = timestamps.toSorted((a, b) => (a < b ? -1 : 1))
  const window = { first: sorted[0] ?? 0n, last: sorted.at(-1) ?? 0n }
  const text = `
    select keys.timestamp, encode(keys.hash, 'hex'), 1, true, m.pubsub_topic, m.message
    from ${keys} cross join lateral (${selectOne(schema, window, parameters)}) as m`
  return { statement: { name: 'fetch', text }, values: parameters.values }
}

function texts(topics: readonly string[]): Buffer {
  return byteaArray(topics.map((topic) => Buffer.from(topic)))
}
