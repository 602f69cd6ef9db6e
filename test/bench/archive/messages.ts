/** The messages that every subject of the archive bench stores: always the same. Pure. */
import { createCipheriv, hash } from 'node:crypto'
import { type Envelope, sealEnvelope } from '../../../src/core/envelope.ts'

const payloadBytes = 1024
const topics = 200
const shards = 4

/** Messages of the rare topic, however long the history is. */
export const rareMessages = 100

export const rareTopic = '/bench/1/rare/proto'

/** Few topics have most of the messages, as conversations do: the n-th has a share of about 1/n. */
export const contentTopics: readonly string[] = Array.from(
  { length: topics },
  (_, index) => `/bench/1/topic-${index}/proto`,
)

/** A stretch of history: its messages are a millisecond apart. */
export interface Stretch {
  readonly messages: number
  /** How long before the present of the bench it began. */
  readonly daysAgo: number
}

const present = 1_700_000_000_000_000_000n
const day = 86_400_000_000_000n
const step = 1_000_000n

/** Messages of 20 s: gossip brings them in any order within that time. */
export const disorder = 20_000

export function timeOf({ daysAgo }: Stretch, index: number): bigint {
  return present - BigInt(daysAgo) * day + BigInt(index) * step
}

export function makeEnvelope(stretch: Stretch, index: number): Envelope {
  const isRare = index % Math.max(1, Math.floor(stretch.messages / rareMessages)) === 0
  const contentTopic = isRare ? rareTopic : (contentTopics[rankOf(index)] ?? rareTopic)
  const message = { payload: noise(index), contentTopic, timestamp: timeOf(stretch, index) }
  return sealEnvelope(pubsubTopicOf(contentTopic), message, 0)
}

export function pubsubTopicOf(contentTopic: string): string {
  return `/waku/2/rs/66/${contentTopic.length % shards}`
}

/** One of those that have most. */
export function denseTopic(): string {
  return contentTopics[Math.floor(Math.random() * 10)] ?? rareTopic
}

function rankOf(index: number): number {
  const share = hash('sha256', `share ${index}`, 'buffer').readUInt32BE() / 2 ** 32
  return Math.floor(topics ** share) - 1
}

const zeros = Buffer.alloc(payloadBytes)
const key = Buffer.alloc(32, 7)

/** A payload as encryption leaves it: nothing of it can be compressed. */
function noise(index: number): Buffer {
  const nonce = Buffer.alloc(16)
  nonce.writeBigUInt64BE(BigInt(index))
  return createCipheriv('aes-256-ctr', key, nonce).update(zeros)
}
