/**
 * Store resume (`--store-resume`): a store that was away fetches what it missed from other stores before it calls itself
 * ready. It goes through time from its newest message to now, at any store that answers, and with the next one from the
 * same moment on when that one fails.
 *
 * A node without anybody to ask must not wait for ever: after `patience` it is ready, and goes on trying.
 */
import type { Libp2p, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Archive } from '../archive/archive.ts'
import { timestampWindow } from '../archive/eligibility.ts'
import { type Envelope, openEnvelope } from '../core/envelope.ts'
import { messageOf } from '../core/errors.ts'
import { maxPageMessages, type StoredMessage } from '../core/query.ts'
import {
  type Clock,
  type Milliseconds,
  type Nanoseconds,
  type Schedule,
  systemSchedule,
  toMilliseconds,
  toNanoseconds,
} from '../core/time.ts'
import type { Validator } from '../core/validator.ts'
import { StoreClient } from '../protocols/store/client.ts'
import type { Log } from '../telemetry/log.ts'

/** How far back is looked at the most: nwaku's six hours. */
const furthest: Milliseconds = 6 * 3_600_000

/** From a failure of all stores to the next try. */
const retryAfter: Milliseconds = 2000

/** How long a node that fetches nothing is not ready. */
const patience: Milliseconds = 60_000

export interface StoreResumeParts {
  readonly libp2p: Pick<Libp2p, 'dialProtocol' | 'dial'>
  readonly archive: Pick<Archive, 'put' | 'query'>
  /** Stores to ask, the best first. */
  readonly peers: () => readonly (Multiaddr | PeerId)[]
  readonly pubsubTopics: readonly string[]
  readonly maxMessageBytes: number
  /** Judges a message of history. */
  readonly judge: Validator
  readonly clock: Clock
  readonly schedule?: Schedule
  readonly log: Log
}

/** What is missing of one pubsub topic: from `next` to the end. */
interface Gap {
  readonly pubsubTopic: string
  readonly start: Nanoseconds
  readonly end: Nanoseconds
  next: Nanoseconds
}

export class StoreResume implements AsyncDisposable {
  readonly #parts: StoreResumeParts
  readonly #client: StoreClient
  readonly #ending = new AbortController()
  #gaps: Gap[] = []
  #state: 'waiting' | 'fetching' | 'done' | 'late' = 'waiting'
  #stored = 0
  #work: Promise<void> = Promise.resolve()
  #cancelRetry = () => {}
  #cancelPatience = () => {}

  constructor(parts: StoreResumeParts) {
    this.#parts = parts
    this.#client = new StoreClient(parts)
  }

  /** How far it has come, in words, as long as the node is not ready because of it. */
  progress(): string | undefined {
    if (this.#state === 'done' || this.#state === 'late') return undefined
    if (this.#state === 'waiting') return 'looking for a store that has what was missed'
    return `fetching what was missed: ${Math.floor(this.#share() * 100)} %, ${this.#stored} messages so far`
  }

  /** Begins. Does not throw. */
  start(): void {
    this.#bePatient()
    this.#work = this.#run()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort(new Error('the node stops'))
    this.#cancelRetry()
    this.#cancelPatience()
    await this.#work
  }

  async #run(): Promise<void> {
    const { log, schedule = systemSchedule } = this.#parts
    try {
      if (this.#gaps.length === 0) this.#gaps = await this.#missing()
      await this.#fetchAll()
      this.#cancelPatience()
      this.#state = 'done'
      log.info({ messages: this.#stored }, 'store resumed')
    } catch (error) {
      if (this.#ending.signal.aborted) return
      log.debug({ reason: messageOf(error) }, 'no store has what was missed')
      this.#cancelRetry = schedule(() => {
        this.#work = this.#run()
      }, retryAfter)
    }
  }

  /** Waits for the next piece; without one, the node becomes ready. */
  #bePatient(): void {
    const { log, schedule = systemSchedule } = this.#parts
    this.#cancelPatience()
    this.#cancelPatience = schedule(() => {
      this.#state = 'late'
      log.warn({ after: patience }, 'store resume found nobody to ask: ready without what was missed')
    }, patience)
  }

  /** The time from our newest message of each topic, as far back as is looked, to now. */
  async #missing(): Promise<Gap[]> {
    const { pubsubTopics, clock } = this.#parts
    const end = toNanoseconds(clock())
    return Promise.all(
      pubsubTopics.map(async (pubsubTopic) => {
        const newest = await this.#newest(pubsubTopic)
        const earliest = end - toNanoseconds(furthest)
        const start = newest === undefined || newest < earliest ? earliest : newest
        return { pubsubTopic, start, end, next: start }
      }),
    )
  }

  /** From when on messages may be missing: those around the newest may have come in another order. */
  async #newest(pubsubTopic: string): Promise<Nanoseconds | undefined> {
    const asked = { pubsubTopic, direction: 'backward', limit: 1, includeData: true } as const
    const { messages } = await this.#parts.archive.query(asked)
    const timestamp = messages[0]?.data && opened(messages[0]).message.timestamp
    return timestamp === undefined ? undefined : timestamp - toNanoseconds(timestampWindow)
  }

  async #fetchAll(): Promise<void> {
    for (const gap of this.#gaps) if (gap.next < gap.end) await this.#fetch(gap)
  }

  /** Fetches a gap from the first store that has an answer for all of it. Throws the last one's error. */
  async #fetch(gap: Gap): Promise<void> {
    const { peers, log } = this.#parts
    let failure: unknown = new Error('no store is known')
    for (const peer of peers()) {
      try {
        return await this.#fetchFrom(peer, gap)
      } catch (error) {
        this.#ending.signal.throwIfAborted()
        failure = error
        log.debug({ peer: peer.toString(), reason: messageOf(error) }, 'a store failed while we resumed')
      }
    }
    throw failure
  }

  async #fetchFrom(peer: Multiaddr | PeerId, gap: Gap): Promise<void> {
    const { pubsubTopic, end } = gap
    const { signal } = this.#ending
    const asked = { pubsubTopic, start: gap.next, end, direction: 'forward', limit: maxPageMessages } as const
    for await (const { messages } of this.#client.pages(peer, { ...asked, includeData: true }, { signal })) {
      this.#state = this.#state === 'late' ? 'late' : 'fetching'
      for (const timestamp of await Promise.all(messages.map((message) => this.#keep(message, gap))))
        if (timestamp !== undefined && timestamp > gap.next) gap.next = timestamp
      if (this.#state === 'fetching') this.#bePatient()
    }
    gap.next = end
  }

  /** Stores a message that is of this gap and passes; its timestamp says how far we have come. Throws when it cannot. */
  async #keep(message: StoredMessage, { pubsubTopic, start, end }: Gap): Promise<Nanoseconds | undefined> {
    const envelope = opened(message)
    const { timestamp } = envelope.message
    if (envelope.pubsubTopic !== pubsubTopic || timestamp === undefined || timestamp < start || timestamp > end)
      return undefined
    if ((await this.#judge(envelope)) && (await this.#parts.archive.put(envelope, 'history')) === 'stored')
      this.#stored += 1
    return timestamp
  }

  async #judge(envelope: Envelope): Promise<boolean> {
    const { maxMessageBytes, judge } = this.#parts
    return envelope.bytes.length <= maxMessageBytes && (await judge(envelope)).result === 'accept'
  }

  /** How much of the time is covered. */
  #share(): number {
    const all = this.#gaps.reduce((sum, { start, end }) => sum + toMilliseconds(end - start), 0)
    const done = this.#gaps.reduce((sum, { start, next }) => sum + toMilliseconds(next - start), 0)
    return all === 0 ? 1 : done / all
  }
}

/** A message that a store gave, with its data: the client has checked that. */
function opened({ data }: StoredMessage): Envelope {
  if (data === undefined) throw new Error('a message came without its data')
  return openEnvelope(data.pubsubTopic, data.bytes, 0)
}
