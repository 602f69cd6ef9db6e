/** The words of the statements that read. Which texts there are depends on a handful of shapes, never on a value. */
import type { Direction } from '../../core/query.ts'
import type { Place, Selection } from '../backend.ts'
import { byteaArray, int8Array } from './binary.ts'
import type { Statement, Value } from './pool.ts'
import { pubsubId, topicId, topicIdBytes } from './topics.ts'
import type { Range } from './windows.ts'

/**
 * Ranges of an index, each in the order of history: of a pubsub topic, of content topics on a pubsub topic, or of content
 * topics on each pubsub topic that there is.
 */
export type Lanes =
  | { readonly pubsubTopic: string; readonly contentTopics?: undefined }
  | { readonly pubsubTopic?: string; readonly contentTopics: readonly string[] }

/** A walk through history; without lanes it meets every message. */
export interface Walk {
  readonly range: Range
  readonly lanes: Lanes | undefined
  readonly after?: Place
  readonly direction: Direction
}

/** What one statement is to give of a walk. */
export interface Step extends Walk {
  readonly rows: number
  /** Messages up to this length come along, of longer ones their place. Undefined: no message does. */
  readonly inlineBytes: number | undefined
}

export interface Prepared {
  readonly statement: Statement
  readonly values: readonly Value[]
}

/** Words for each direction. A hash of no byte stands before all, one of 33 behind all. */
const ways = {
  forward: {
    order: 'asc',
    beyond: '>',
    until: '<=',
    start: ({ first }: Range) => [first, Buffer.alloc(0)] as const,
    end: ({ last }: Range) => last,
  },
  backward: {
    order: 'desc',
    beyond: '<',
    until: '>=',
    start: ({ last }: Range) => [last, Buffer.alloc(33, 0xff)] as const,
    end: ({ first }: Range) => first,
  },
} as const

function inOrder(direction: Direction, ...columns: readonly string[]): string {
  return `order by ${columns.map((column) => `${column} ${ways[direction].order}`).join(', ')}`
}

/** Parameters of a text, numbered as they come. */
class Parameters {
  readonly values: Value[] = []

  add(type: string, value: Value): string {
    this.values.push(value)
    return `$${this.values.length}::${type}`
  }
}

/**
 * The messages of a step, in its order: timestamp, hash, length, whether it has the topics and not just their digests;
 * where messages are to come along, also pubsub topic and message.
 */
export function walkStatement(schema: string, step: Step): Prepared {
  const parameters = new Parameters()
  const { lanes, direction, inlineBytes } = step
  const many = lanes === undefined || isOne(lanes) ? undefined : lanes
  const text =
    many === undefined ? selectOneLane(schema, step, parameters) : selectMerged(schema, step, many, parameters)
  const name = `walk ${many === undefined ? 'one' : 'many'} ${shapeOf(lanes, inlineBytes)} ${direction}`
  return { statement: { name, text }, values: parameters.values }
}

function isOne({ pubsubTopic, contentTopics }: Lanes): boolean {
  return contentTopics === undefined || (contentTopics.length === 1 && pubsubTopic !== undefined)
}

/** What of the criteria shows in a text. */
function shapeOf({ pubsubTopic, contentTopics }: Topics = {}, inlineBytes: number | undefined): string {
  const topics = [pubsubTopic !== undefined && 'pubsub', contentTopics?.length && 'content'].filter(Boolean)
  return [...topics, inlineBytes === undefined ? 'places' : 'messages'].join(' ')
}

/** One range of one index. */
function selectOneLane(schema: string, step: Step, parameters: Parameters): string {
  const lane = step.lanes && laneOf(step.lanes, parameters)
  const range = selectRange(schema, '*', lane, step, parameters)
  const given = givenOf(step.lanes, step.inlineBytes, parameters)
  return `select ${given} from (${range}) as met ${inOrder(step.direction, ...keyOf(lane))}`
}

/** A column that has an index, and an id in it, both in SQL. */
interface Lane {
  readonly column: 'pubsub_id' | 'topic_id'
  readonly id: string
}

/** The columns of the index that has a lane, or all messages. */
function keyOf(lane: Lane | undefined): readonly string[] {
  return [...(lane === undefined ? [] : [lane.column]), 'timestamp', 'hash']
}

/** The one range of lanes that are one. */
function laneOf({ pubsubTopic = '', contentTopics }: Lanes, parameters: Parameters): Lane {
  const pubsub = pubsubId(pubsubTopic)
  const [contentTopic] = contentTopics ?? []
  return contentTopic === undefined
    ? { column: 'pubsub_id', id: parameters.add('bytea', pubsub) }
    : { column: 'topic_id', id: parameters.add('bytea', topicId(pubsub, contentTopic)) }
}

/** The first of several ranges of an index, merged, and then the messages to them. */
function selectMerged(schema: string, step: Step, lanes: Lanes, parameters: Parameters): string {
  const { range, direction, rows, inlineBytes } = step
  const lane = selectRange(schema, 'timestamp, hash', { column: 'topic_id', id: 'lane.id' }, step, parameters)
  const keys = `
    select l.timestamp, l.hash
    from (${selectLanes(schema, lanes, parameters)}) as lane cross join lateral (${lane}) as l
    ${inOrder(direction, 'timestamp', 'hash')} limit ${parameters.add('bigint', rows)}`
  const one = selectOne(schema, range, givenOf(lanes, inlineBytes, parameters), parameters)
  return `select met.* from (${keys}) as keys cross join lateral (${one}) as met ${inOrder(direction, 'keys.timestamp', 'keys.hash')}`
}

/** The ids of content topics; on every pubsub topic there is, the server makes them, by the rule of `topicId`. */
function selectLanes(schema: string, { pubsubTopic, contentTopics = [] }: Lanes, parameters: Parameters): string {
  if (pubsubTopic === undefined)
    return `
      select substr(sha256(p.id || c.topic), 1, ${topicIdBytes}) as id
      from ${schema}.pubsub_topics as p cross join unnest(${parameters.add('bytea[]', texts(contentTopics))}) as c(topic)`
  const pubsub = pubsubId(pubsubTopic)
  const ids = contentTopics.map((topic) => topicId(pubsub, topic))
  return `select id from unnest(${parameters.add('bytea[]', byteaArray(ids))}) as c(id)`
}

/** The message at a place of `keys`. With its limit it is looked up; a join may be made by reading whole partitions. */
function selectOne(schema: string, range: Range, given: string, parameters: Parameters): string {
  return `
    select ${given} from ${schema}.messages as one
    where one.timestamp = keys.timestamp and one.hash = keys.hash and ${within(range, parameters)}
    limit 1`
}

/**
 * The range of one lane, or of all. It is told as one of the index on the lane's column, in its order: of an equality and
 * the order of time the server may make a walk through all that is not on the lane.
 */
function selectRange(
  schema: string,
  names: string,
  lane: Lane | undefined,
  { range, after, direction, rows }: Step,
  parameters: Parameters,
): string {
  const { beyond, until, start, end } = ways[direction]
  const [timestamp, hash] = after === undefined ? start(range) : [after.timestamp, Buffer.from(after.hash, 'hex')]
  const place = `${parameters.add('bigint', timestamp)}, ${parameters.add('bytea', hash)}`
  const conditions =
    lane === undefined
      ? [`(timestamp, hash) ${beyond} (${place})`]
      : [
          `(${lane.column}, timestamp, hash) ${beyond} (${lane.id}, ${place})`,
          `(${lane.column}, timestamp) ${until} (${lane.id}, ${parameters.add('bigint', end(range))})`,
        ]
  return `
    select ${names} from ${schema}.messages
    where ${[...conditions, within(range, parameters)].join(' and ')}
    ${inOrder(direction, ...keyOf(lane))} limit ${parameters.add('bigint', rows)}`
}

/** Tells the server also which partitions it may leave alone. */
function within({ first, last }: Range, parameters: Parameters): string {
  return `timestamp between ${parameters.add('bigint', first)} and ${parameters.add('bigint', last)}`
}

/** The columns of a message that is met. */
function givenOf(topics: Topics | undefined, inlineBytes: number | undefined, parameters: Parameters): string {
  const place = `timestamp, hash, octet_length(message), ${topicsMatch(topics, parameters)}`
  if (inlineBytes === undefined) return place
  const isShort = `octet_length(message) <= ${parameters.add('integer', inlineBytes)}`
  return `${place}, pubsub_topic, case when ${isShort} then message end as message`
}

type Topics = Pick<Selection, 'pubsubTopic' | 'contentTopics'>

function topicsMatch({ pubsubTopic, contentTopics }: Topics = {}, parameters: Parameters): string {
  const conditions = [
    ...(pubsubTopic === undefined ? [] : [`pubsub_topic = ${parameters.add('bytea', Buffer.from(pubsubTopic))}`]),
    ...(contentTopics?.length ? [`content_topic = any(${parameters.add('bytea[]', texts(contentTopics))})`] : []),
  ]
  return conditions.length === 0 ? 'true' : `(${conditions.join(' and ')})`
}

/** The messages that have one of `hashes`, in the columns of `walkStatement`. */
export function lookUpStatement(
  schema: string,
  hashes: readonly string[],
  topics: Topics,
  range: Range,
  inlineBytes: number | undefined,
): Prepared {
  const parameters = new Parameters()
  const wanted = parameters.add('bytea[]', byteaArray(hashes.map((hash) => Buffer.from(hash, 'hex'))))
  const text = `
    select met.* from unnest(${wanted}) as wanted(hash) cross join lateral (
      select ${givenOf(topics, inlineBytes, parameters)} from ${schema}.messages as one
      where one.hash = wanted.hash and ${within(range, parameters)}
      limit 1
    ) as met`
  return { statement: { name: `look up ${shapeOf(topics, inlineBytes)}`, text }, values: parameters.values }
}

/** What is stored at some places: hash, pubsub topic, message. */
export function fetchStatement(schema: string, places: readonly Place[]): Prepared {
  const timestamps = places.map(({ timestamp }) => timestamp)
  const parameters = new Parameters()
  const keys = `unnest(${parameters.add('int8[]', int8Array(timestamps))}, ${parameters.add(
    'bytea[]',
    byteaArray(places.map(({ hash }) => Buffer.from(hash, 'hex'))),
  )}) as keys(timestamp, hash)`
  const sorted = timestamps.toSorted((a, b) => (a < b ? -1 : 1))
  const range = { first: sorted[0] ?? 0n, last: sorted.at(-1) ?? 0n }
  const text = `
    select met.* from ${keys}
    cross join lateral (${selectOne(schema, range, 'one.hash, pubsub_topic, message', parameters)}) as met`
  return { statement: { name: 'fetch', text }, values: parameters.values }
}

function texts(topics: readonly string[]): Buffer {
  return byteaArray(topics.map((topic) => Buffer.from(topic)))
}
