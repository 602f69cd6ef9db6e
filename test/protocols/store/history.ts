/** A history in memory that keeps the contract of `Query`: small enough to be seen to be right. */
import { type Envelope, sealEnvelope } from '../../../src/core/envelope.ts'
import { WaypostError } from '../../../src/core/errors.ts'
import type { Page, Query } from '../../../src/core/query.ts'
import type { History } from '../../../src/protocols/store/service.ts'

export const pubsubTopic = '/waku/2/rs/1/4'
export const contentTopic = '/app/1/chat/proto'

export class Remembered implements History {
  readonly #envelopes: Envelope[]

  constructor(envelopes: readonly Envelope[]) {
    this.#envelopes = envelopes.toSorted(inOrder)
  }

  /** In the order of a forward query. */
  get hashes(): string[] {
    return this.#envelopes.map(({ hash }) => hash)
  }

  async query(query: Query): Promise<Page> {
    const { direction, limit, includeData } = query
    const found = this.#after(query).filter((envelope) => matches(envelope, query))
    const messages = found.slice(0, limit).map(({ hash, pubsubTopic, bytes }) => ({
      hash,
      ...(includeData && { data: { pubsubTopic, bytes } }),
    }))
    const cursor = found.length > limit ? messages.at(-1)?.hash : undefined
    return { messages: direction === 'forward' ? messages : messages.reverse(), cursor }
  }

  /** What comes after the cursor, in the direction of the query. */
  #after({ cursor, direction }: Query): Envelope[] {
    const all = direction === 'forward' ? this.#envelopes : this.#envelopes.toReversed()
    const place = all.findIndex(({ hash }) => hash === cursor)
    if (cursor !== undefined && place === -1) throw new WaypostError('archive/unknown-cursor', { cursor })
    return all.slice(place + 1)
  }
}

function inOrder(one: Envelope, other: Envelope): number {
  const [a, b] = [one.message.timestamp ?? 0n, other.message.timestamp ?? 0n]
  if (a !== b) return a < b ? -1 : 1
  return one.hash < other.hash ? -1 : 1
}

function matches({ hash, message, ...envelope }: Envelope, query: Query): boolean {
  const { contentTopics = [], hashes = [], start, end } = query
  const timestamp = message.timestamp ?? 0n
  return (
    (query.pubsubTopic === undefined || envelope.pubsubTopic === query.pubsubTopic) &&
    (contentTopics.length === 0 || contentTopics.includes(message.contentTopic)) &&
    (hashes.length === 0 || hashes.includes(hash)) &&
    (start === undefined || timestamp >= start) &&
    (end === undefined || timestamp <= end)
  )
}

/** `count` messages, `together` of them with each timestamp from 1000 on. */
export function messages(count: number, together = 1): Envelope[] {
  return Array.from({ length: count }, (_, index) =>
    sealEnvelope(
      pubsubTopic,
      {
        payload: Buffer.from(`message ${index}`),
        contentTopic,
        timestamp: 1000n + BigInt(Math.floor(index / together)),
      },
      0,
    ),
  )
}
