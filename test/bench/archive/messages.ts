/** The history that every subject of the archive bench stores: always the same, made piece by piece. */
import { createCipheriv, hash } from 'node:crypto'
import { type Envelope, sealEnvelope } from '../../../src/core/envelope.ts'

const payloadBytes = 1024
const topics = 200
const shards = 4
const rareMessages = 100

/** A millisecond between two messages. */
const step = 1_000_000n

export const rareTopic = '/bench/1/rare/proto'

/** Few topics have most of the messages, as conversations do: the n-th has a share of about 1/n. */
export const contentTopics: readonly string[] = Array.from(
  { length: topics },
  (_, index) => `/bench/1/topic-${index}/proto`,
)

/** What there is of it to ask for. */
export class History {
  readonly messages: number

  constructor(messages: number) {
    this.messages = messages
  }

  /** Envelopes from `first` on, `count` of them or those that are left. */
  slice(first: number, count: number): Envelope[] {
    const left = Math.max(0, Math.min(count, this.messages - first))
    return Array.from({ length: left }, (_, index) => this.envelope(first + index))
  }

  envelope(index: number): Envelope {
    const rank = Math.floor(topics ** share(index)) - 1
    const isRare = index % Math.max(1, Math.floor(this.messages / rareMessages)) === 0
    const contentTopic = isRare ? rareTopic : (contentTopics[rank] ?? rareTopic)
    return sealEnvelope(
      pubsubTopicOf(contentTopic),
      { payload: noise(index), contentTopic, timestamp: timeOf(index) },
      0,
    )
  }

  /** A time within it. */
  someTime(): bigint {
    return timeOf(Math.floor(Math.random() * this.messages))
  }

  someHash(): string {
    return this.envelope(Math.floor(Math.random() * this.messages)).hash
  }
}

export function timeOf(index: number): bigint {
  return 1_700_000_000_000_000_000n + BigInt(index) * step
}

export function pubsubTopicOf(contentTopic: string): string {
  return `/waku/2/rs/1/${contentTopic.length % shards}`
}

/** One of those that have most. */
export function denseTopic(): string {
  return contentTopics[Math.floor(Math.random() * 10)] ?? rareTopic
}

/** A number from 0 to 1 that belongs to `index`. */
function share(index: number): number {
  return hash('sha256', `share ${index}`, 'buffer').readUInt32BE() / 2 ** 32
}

const zeros = Buffer.alloc(payloadBytes)
const key = Buffer.alloc(32, 7)

/** A payload as encryption leaves it: nothing of it can be compressed. */
function noise(index: number): Buffer {
  const nonce = Buffer.alloc(16)
  nonce.writeBigUInt64BE(BigInt(index))
  return createCipheriv('aes-256-ctr', key, nonce).update(zeros)
}
