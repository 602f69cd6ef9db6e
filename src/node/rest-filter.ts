/**
 * Filter for REST: this node as the client of a service node. When that node goes, or has forgotten us, another one gets
 * our subscriptions, so that whoever subscribed by REST need not know.
 */
import type { Libp2p, PeerId } from '@libp2p/interface'
import { messageOf } from '../core/errors.ts'
import type { Sharding } from '../core/sharding.ts'
import { type Milliseconds, type Schedule, systemSchedule } from '../core/time.ts'
import { backoff } from '../net/backoff.ts'
import { FilterClient } from '../protocols/filter/client.ts'
import { MessageCache } from '../rest/message-cache.ts'
import type { FilterService } from '../rest/routes/filter.ts'
import type { Log } from '../telemetry/log.ts'
import type { AskOptions, ServicePeers } from './service-peers.ts'

/** Messages that wait to be fetched, of all topics: nwaku's. */
const cacheCapacity = 50

/** How often the service node is asked whether it still knows us: service nodes forget after five minutes. */
const pingInterval: Milliseconds = 60_000

/** Between two attempts to find another service node. */
const retries = { first: 500, most: 30_000 }

/** Content topics of one request: the field's limit. */
const topicsAtOnce = 100

export interface RestFilterParts {
  readonly libp2p: Pick<Libp2p, 'handle' | 'unhandle' | 'dialProtocol' | 'getConnections' | 'addEventListener'>
  readonly peers: ServicePeers
  readonly sharding: Sharding
  readonly maxMessageBytes: number
  readonly log: Log
  readonly schedule?: Schedule
}

export class RestFilter implements FilterService, AsyncDisposable {
  readonly cache: MessageCache
  readonly sharding: Sharding
  readonly #client: FilterClient
  readonly #parts: RestFilterParts
  readonly #schedule: Schedule
  readonly #stop = new AbortController()
  /** What was subscribed to: content topics by pubsub topic. */
  readonly #wanted = new Map<string, Set<string>>()
  /** Who has our subscriptions: asked again as long as it is connected. */
  #peer: PeerId | undefined
  /** Takes back what is to be done next: a ping, or another attempt. */
  #cancel: () => void = () => {}
  #failures = 0

  private constructor(parts: RestFilterParts, client: FilterClient, cache: MessageCache) {
    this.#parts = parts
    this.#client = client
    this.#schedule = parts.schedule ?? systemSchedule
    this.cache = cache
    this.sharding = parts.sharding
    const { signal } = this.#stop
    const left = ({ detail }: CustomEvent<PeerId>): void => {
      if (this.#peer?.equals(detail)) this.#moveOnIn(retries.first)
    }
    parts.libp2p.addEventListener('peer:disconnect', left, { signal })
  }

  /** Takes pushes from now on. */
  static async open(parts: RestFilterParts): Promise<RestFilter> {
    const cache = new MessageCache(cacheCapacity)
    const { libp2p, maxMessageBytes, log } = parts
    const client = await FilterClient.open({ libp2p, maxMessageBytes, log, receive: (envelope) => cache.add(envelope) })
    return new RestFilter(parts, client, cache)
  }

  async subscribe(pubsubTopic: string, contentTopics: readonly string[]): Promise<void> {
    await this.#ask((peer, options) => this.#client.subscribe(peer, pubsubTopic, contentTopics, options))
    const wanted = this.#wanted.get(pubsubTopic) ?? new Set()
    this.#wanted.set(pubsubTopic, wanted)
    for (const topic of contentTopics) wanted.add(topic)
    this.#pingLater()
  }

  async unsubscribe(pubsubTopic: string, contentTopics: readonly string[]): Promise<void> {
    const wanted = this.#wanted.get(pubsubTopic)
    for (const topic of contentTopics) wanted?.delete(topic)
    if (wanted?.size === 0) this.#wanted.delete(pubsubTopic)
    await this.#ask((peer, options) => this.#client.unsubscribe(peer, pubsubTopic, contentTopics, options))
  }

  async unsubscribeAll(): Promise<void> {
    this.#wanted.clear()
    await this.#ask((peer, options) => this.#client.unsubscribeAll(peer, options))
  }

  ping(): Promise<void> {
    return this.#ask((peer, options) => this.#client.ping(peer, options))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#cancel()
    await this.#client[Symbol.asyncDispose]()
  }

  /** Asks the node that has our subscriptions, or one that shall have them. */
  #ask(question: (peer: PeerId, options: AskOptions) => Promise<void>): Promise<void> {
    const { libp2p, peers } = this.#parts
    if (this.#peer !== undefined && libp2p.getConnections(this.#peer).length === 0) this.#peer = undefined
    const asked = async (peer: PeerId, options: AskOptions): Promise<void> => {
      await question(peer, options)
      this.#peer = peer
    }
    return peers.ask('filter', asked, { peer: this.#peer })
  }

  #pingLater(): void {
    this.#later(pingInterval, () => this.#pingOnce())
  }

  #moveOnIn(delay: Milliseconds): void {
    this.#peer = undefined
    this.#later(delay, () => this.#moveOn())
  }

  /** One thing at a time is to be done later. */
  #later(delay: Milliseconds, work: () => Promise<void>): void {
    this.#cancel()
    if (this.#stop.signal.aborted || this.#wanted.size === 0) return
    this.#cancel = this.#schedule(() => void work(), delay)
  }

  async #pingOnce(): Promise<void> {
    try {
      await this.ping()
      this.#pingLater()
    } catch (error) {
      this.#parts.log.debug({ reason: messageOf(error) }, 'filter node does not know us any more')
      await this.#moveOn()
    }
  }

  /** Gives what was subscribed to to a service node, another one if there is one. */
  async #moveOn(): Promise<void> {
    this.#peer = undefined
    try {
      for (const [pubsubTopic, topics] of this.#wanted)
        for (const some of inPieces([...topics], topicsAtOnce))
          await this.#ask((peer, options) => this.#client.subscribe(peer, pubsubTopic, some, options))
      this.#failures = 0
      this.#pingLater()
    } catch (error) {
      this.#parts.log.debug({ reason: messageOf(error) }, 'no filter node takes our subscriptions')
      this.#failures += 1
      this.#moveOnIn(backoff(this.#failures, retries))
    }
  }
}

function* inPieces<Item>(items: readonly Item[], size: number): Generator<Item[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size)
}
