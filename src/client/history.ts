/**
 * What stores hold, the oldest first. Where one fails, the next goes on: not by the cursor, which only a store that has that
 * very message understands, but from the time of the last message, without those of that time that were told already.
 */
import type { Libp2p, PeerId } from '@libp2p/interface'
import { messageOf, WaypostError } from '../core/errors.ts'
import type { MessageHash } from '../core/hash.ts'
import { decodeMessage } from '../core/message.ts'
import { maxPageMessages, maxQueryTopics, type Query, type StoredMessage } from '../core/query.ts'
import type { Nanoseconds } from '../core/time.ts'
import type { Carried, Topics } from '../messaging/network.ts'
import { StoreClient } from '../protocols/store/client.ts'
import { storeProtocol } from '../protocols/store/codec.ts'
import { isBusy, pause } from './busy.ts'
import { merged } from './merged.ts'
import type { Nodes } from './nodes.ts'
import { inPieces } from './topic-sets.ts'

/** Pages of one store for one question: a million messages. One that goes on for ever is left. */
const maxPages = 10_000

/** Pauses in a row for stores that are asked too often. */
const mostPauses = 5

/** Messages of the same nanosecond that are remembered, so that the next store does not tell them again. */
const maxSameTime = 10_000

export interface HistoryParts {
  readonly libp2p: Pick<Libp2p, 'dialProtocol'>
  readonly nodes: Pick<Nodes, 'find' | 'failed'>
  readonly maxMessageBytes: number
  /** Aborted at the end. */
  readonly signal: AbortSignal
}

/** Throws `messaging/no-network` when no store answers to the end. */
export async function* history(
  parts: HistoryParts,
  { pubsubTopic, contentTopics }: Topics,
  from: Nanoseconds,
  to: Nanoseconds,
): AsyncGenerator<Carried> {
  const pieces = [...inPieces([...new Set(contentTopics)], maxQueryTopics)]
  yield* merged(pieces.map((some) => new Reading(parts, { pubsubTopic, contentTopics: some }, from, to).messages()))
}

/** One question to one store after the other. */
class Reading {
  readonly #parts: HistoryParts
  readonly #client: StoreClient
  readonly #topics: Topics
  readonly #wanted: ReadonlySet<string>
  readonly #to: Nanoseconds
  /** The time of the last message told, at first where to begin; and those of that time. */
  #from: Nanoseconds
  readonly #told = new Set<MessageHash>()
  /** Since something was told. */
  #pauses = 0

  constructor(parts: HistoryParts, topics: Topics, from: Nanoseconds, to: Nanoseconds) {
    this.#parts = parts
    this.#client = new StoreClient(parts)
    this.#topics = topics
    this.#wanted = new Set(topics.contentTopics)
    this.#from = from
    this.#to = to
  }

  async *messages(): AsyncGenerator<Carried> {
    const failed = new Set<string>()
    let why = 'no node that keeps messages is connected'
    for (;;) {
      const peer = await this.#parts.nodes.find('store', failed)
      if (peer === undefined) throw new WaypostError('messaging/no-network', { why })
      try {
        return yield* this.#ask(peer)
      } catch (error) {
        why = `${peer}: ${messageOf(error)}`
        this.#parts.nodes.failed('store', peer)
        if (isBusy(error) && this.#pauses < mostPauses) await pause(this.#pauses++, this.#parts.signal)
        else failed.add(peer.toString())
      }
    }
  }

  async *#ask(peer: PeerId): AsyncGenerator<Carried> {
    let pages = 0
    for await (const { messages } of this.#client.pages(peer, this.#query(), { signal: this.#parts.signal })) {
      for (const stored of messages) {
        const carried = this.#take(stored)
        if (carried !== undefined) yield carried
      }
      pages += 1
      if (pages === maxPages) throw bad(`it has more than ${maxPages} pages`)
    }
  }

  #query(): Query {
    const range = { start: this.#from, end: this.#to }
    return { ...this.#topics, ...range, direction: 'forward', limit: maxPageMessages, includeData: true }
  }

  /** Undefined for what was told already, and for what was not asked for. Throws when it is older than what was told. */
  #take({ hash, data }: StoredMessage): Carried | undefined {
    if (data === undefined || data.pubsubTopic !== this.#topics.pubsubTopic) return undefined
    const message = decodeMessage(data.bytes)
    const carried = { pubsubTopic: data.pubsubTopic, message }
    if (!this.#wanted.has(message.contentTopic)) return undefined
    // A store sorts what has no time by when it came, which it does not tell.
    if (!message.timestamp) return carried
    if (message.timestamp > this.#to) return undefined
    if (message.timestamp < this.#from) throw bad('its messages are not in the order of their time')
    return this.#isNew(hash, message.timestamp) ? carried : undefined
  }

  #isNew(hash: MessageHash, timestamp: Nanoseconds): boolean {
    if (timestamp > this.#from) this.#told.clear()
    this.#from = timestamp
    if (this.#told.has(hash)) return false
    this.#pauses = 0
    if (this.#told.size < maxSameTime) this.#told.add(hash)
    return true
  }
}

function bad(why: string): WaypostError {
  return new WaypostError('client/bad-answer', { protocol: storeProtocol, why })
}
