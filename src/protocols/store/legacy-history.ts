/**
 * History in the terms of store version 2, on top of history as it is kept. Decision 0015 says how a cursor of version 2
 * finds its message, and what happens when it does not.
 */
import { WaypostError } from '../../core/errors.ts'
import type { MessageHash } from '../../core/hash.ts'
import { type LegacyCursor, type LegacyPage, type LegacyQuery, legacyDigest } from '../../core/legacy-query.ts'
import { decodeMessage } from '../../core/message.ts'
import { maxPageMessages, type Page, type Query, type StoredMessage } from '../../core/query.ts'
import type { Nanoseconds } from '../../core/time.ts'
import type { History } from './service.ts'

type Data = NonNullable<StoredMessage['data']>

/** Pages that are read for one cursor at the most: 1000 messages of one nanosecond on one shard. */
const maxPagesForCursor = 10

/** Bits of the hash that the store time of a cursor carries: half a second, in nanoseconds. */
const markBits = 29

export class LegacyHistory {
  readonly #history: History

  constructor(history: History) {
    this.#history = history
  }

  /** The page that `query` asks for. Throws `store/bad-query` for a cursor that is none, and what the history throws. */
  async query({ cursor, ...query }: LegacyQuery): Promise<LegacyPage> {
    const from = cursor === undefined ? {} : await this.#from(cursor, query)
    const page = await this.#history.query({ ...query, ...from, includeData: true })
    return {
      messages: page.messages.flatMap(({ data }) => (data === undefined ? [] : [data.bytes])),
      cursor: page.cursor === undefined ? undefined : await this.#cursorAt(page.cursor, page),
    }
  }

  /** Where the page after `cursor` begins: behind its message or, when that is deleted, at its time. */
  async #from(cursor: LegacyCursor, { direction, start, end }: LegacyQuery): Promise<Partial<Query>> {
    check(cursor)
    const hash = await this.#find(cursor, direction)
    if (hash !== undefined) return { cursor: hash }
    const { senderTime } = cursor
    if (direction === 'forward') return { start: start === undefined || start < senderTime ? senderTime : start }
    return { end: end === undefined || end > senderTime ? senderTime : end }
  }

  /**
   * The message that `cursor` names: of those with its topic, time and digest the one that it marks, else the first;
   * undefined when there is none. Throws `store/bad-query` when there are too many to look through.
   */
  async #find(named: LegacyCursor, direction: Query['direction']): Promise<MessageHash | undefined> {
    const { pubsubTopic, senderTime, storeTime } = named
    const at = { pubsubTopic, start: senderTime, end: senderTime, direction, limit: maxPageMessages, includeData: true }
    let first: MessageHash | undefined
    let cursor: MessageHash | undefined
    for (let pages = 0; pages < maxPagesForCursor; pages += 1) {
      const page: Page = await this.#history.query({ ...at, cursor })
      const alike = inDirection(page, direction).filter(({ data }) => data && isNamed(data, named))
      const marked = alike.find(({ hash }) => storeTimeOf(senderTime, hash) === storeTime)
      if (marked !== undefined) return marked.hash
      first ??= alike[0]?.hash
      cursor = page.cursor
      if (cursor === undefined) return first
    }
    throw bad('too many messages have the time of the cursor')
  }

  /** A page that found nothing in its time ends at a message that is not in it, and need not be of its topics. */
  async #cursorAt(hash: MessageHash, { messages }: Page): Promise<LegacyCursor | undefined> {
    const data = messages.find((message) => message.hash === hash)?.data ?? (await this.#read(hash))
    if (data === undefined) return undefined
    const message = decodeMessage(data.bytes)
    const senderTime = message.timestamp ?? 0n
    const { pubsubTopic } = data
    return { pubsubTopic, senderTime, storeTime: storeTimeOf(senderTime, hash), digest: legacyDigest(message) }
  }

  async #read(hash: MessageHash): Promise<Data | undefined> {
    const page = await this.#history.query({ hashes: [hash], direction: 'forward', limit: 1, includeData: true })
    return page.messages[0]?.data
  }
}

/** nwaku's conditions, and its words. Throws `store/bad-query`. */
function check({ pubsubTopic, senderTime, storeTime, digest }: LegacyCursor): void {
  if (pubsubTopic === '') throw bad('empty pubsubTopic')
  if (senderTime === 0n) throw bad('invalid senderTime')
  if (storeTime === 0n) throw bad('invalid storeTime')
  if (digest.every((byte) => byte === 0)) throw bad('empty digest')
}

function inDirection({ messages }: Page, direction: Query['direction']): readonly StoredMessage[] {
  return direction === 'forward' ? messages : messages.toReversed()
}

function isNamed({ bytes }: Data, { digest }: LegacyCursor): boolean {
  return legacyDigest(decodeMessage(bytes)).equals(digest)
}

/**
 * When a message was stored is not kept. What stands in its place, a moment after the message's own time, tells
 * messages apart that have one digest: it carries the first bits of the hash.
 */
function storeTimeOf(senderTime: Nanoseconds, hash: MessageHash): Nanoseconds {
  const mark = Number.parseInt(hash.slice(0, 8), 16) >>> (32 - markBits)
  return BigInt.asIntN(64, senderTime + BigInt(mark))
}

function bad(why: string): WaypostError {
  return new WaypostError('store/bad-query', { why })
}
