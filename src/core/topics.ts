/**
 * Topics and shards: 23/WAKU2-TOPICS and RELAY-SHARDING,
 * https://github.com/waku-org/specs/blob/c5fe03e5166e/standards/core/relay-sharding.md
 */
import { hash as digest } from 'node:crypto'
import { WaypostError } from './errors.ts'

/** Shards in one cluster: RELAY-SHARDING. */
export const shardsPerCluster = 1024

/** A shard of a cluster: what a pubsub topic names. */
export interface Shard {
  readonly cluster: number
  readonly shard: number
}

/** The parts of `/[generation/]application/version/name/encoding`. */
export interface ContentTopic {
  readonly generation: number
  readonly application: string
  readonly version: string
  readonly name: string
  readonly encoding: string
}

const pubsubTopicForm = /^\/waku\/2\/rs\/(\d{1,5})\/(\d{1,5})$/

/** `/waku/2/rs/<cluster>/<shard>`. */
export function pubsubTopicOf({ cluster, shard }: Shard): string {
  return `/waku/2/rs/${cluster}/${shard}`
}

/** The shard that a pubsub topic names, or undefined when it is not of that form. Both numbers fit 16 bits. */
export function parsePubsubTopic(topic: string): Shard | undefined {
  const match = pubsubTopicForm.exec(topic)
  if (match === null) return undefined
  const cluster = Number(match[1])
  const shard = Number(match[2])
  return cluster <= 0xffff && shard <= 0xffff ? { cluster, shard } : undefined
}

/** The shard that a pubsub topic names. Throws `topic/bad-pubsub-topic`. */
export function shardOf(topic: string): Shard {
  const shard = parsePubsubTopic(topic)
  if (shard === undefined) throw new WaypostError('topic/bad-pubsub-topic', { topic: shown(topic) })
  return shard
}

/** Takes a content topic apart. Throws `topic/bad-content-topic` with nwaku's wording, for which scripts look. */
export function parseContentTopic(topic: string): ContentTopic {
  if (!topic.startsWith('/')) throw bad(topic, `invalid format: content-topic '${shown(topic)}' must start with slash`)
  const parts = topic.slice(1).split('/')
  if (parts.length === 4) return named(topic, 0, parts)
  if (parts.length === 5) return named(topic, generationOf(topic, parts[0] ?? ''), parts.slice(1))
  throw bad(
    topic,
    'invalid format: Invalid content topic structure. Expected either /<application>/<version>/<topic-name>/<encoding> or /<gen>/<application>/<version>/<topic-name>/<encoding>',
  )
}

function named(topic: string, generation: number, parts: readonly string[]): ContentTopic {
  const [application = '', version = '', name = '', encoding = ''] = parts
  if (application === '') throw bad(topic, 'missing part: application')
  if (version === '') throw bad(topic, 'missing part: version')
  if (name === '') throw bad(topic, 'missing part: topic-name')
  if (encoding === '') throw bad(topic, 'missing part: encoding')
  return { generation, application, version, name, encoding }
}

function generationOf(topic: string, text: string): number {
  if (text === '') throw bad(topic, 'missing part: generation')
  if (!/^\d{1,9}$/.test(text)) throw bad(topic, 'invalid format: generation should be a numeric value')
  return Number(text)
}

function bad(topic: string, why: string): WaypostError {
  return new WaypostError('topic/bad-content-topic', { topic: shown(topic), why })
}

/** Characters of a peer's topic in an error at the most: it goes into the log, and back to the peer. */
const maxShownCharacters = 200

function shown(topic: string): string {
  return topic.length > maxShownCharacters ? `${topic.slice(0, maxShownCharacters)}...` : topic
}

/**
 * The shard of a content topic in a network of `shardCount` shards (autosharding, generation 0): the last eight bytes
 * of sha256(application | version), big-endian, modulo the number of shards. Throws `topic/bad-content-topic`.
 */
export function autoshard(contentTopic: string, shardCount: number): number {
  const { generation, application, version } = parseContentTopic(contentTopic)
  if (generation > 0) throw bad(contentTopic, 'Generation > 0 are not supported yet')
  const bytes = digest('sha256', application + version, 'buffer')
  return Number(bytes.readBigUInt64BE(24) % BigInt(shardCount))
}
