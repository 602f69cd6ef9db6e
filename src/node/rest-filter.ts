/** Filter for REST: this node as the client of a service node. */
import type { Libp2p, PeerId } from '@libp2p/interface'
import type { Sharding } from '../core/sharding.ts'
import { FilterClient } from '../protocols/filter/client.ts'
import { MessageCache } from '../rest/message-cache.ts'
import type { FilterService } from '../rest/routes/filter.ts'
import type { Log } from '../telemetry/log.ts'
import type { AskOptions, ServicePeers } from './service-peers.ts'

/** Messages that wait to be fetched, of all topics: nwaku's. */
const cacheCapacity = 50

export interface RestFilterParts {
  readonly libp2p: Pick<Libp2p, 'handle' | 'unhandle' | 'dialProtocol' | 'getConnections'>
  readonly peers: ServicePeers
  readonly sharding: Sharding
  readonly maxMessageBytes: number
  readonly log: Log
}

export class RestFilter implements FilterService, AsyncDisposable {
  readonly cache: MessageCache
  readonly sharding: Sharding
  readonly #client: FilterClient
  readonly #parts: RestFilterParts
  /** Who has our subscriptions: asked again as long as it is connected. */
  #peer: PeerId | undefined

  private constructor(parts: RestFilterParts, client: FilterClient, cache: MessageCache) {
    this.#parts = parts
    this.#client = client
    this.cache = cache
    this.sharding = parts.sharding
  }

  /** Takes pushes from now on. */
  static async open(parts: RestFilterParts): Promise<RestFilter> {
    const cache = new MessageCache(cacheCapacity)
    const { libp2p, maxMessageBytes, log } = parts
    const client = await FilterClient.open({ libp2p, maxMessageBytes, log, receive: (envelope) => cache.add(envelope) })
    return new RestFilter(parts, client, cache)
  }

  subscribe(pubsubTopic: string, contentTopics: readonly string[]): Promise<void> {
    return this.#ask((peer, options) => this.#client.subscribe(peer, pubsubTopic, contentTopics, options))
  }

  unsubscribe(pubsubTopic: string, contentTopics: readonly string[]): Promise<void> {
    return this.#ask((peer, options) => this.#client.unsubscribe(peer, pubsubTopic, contentTopics, options))
  }

  unsubscribeAll(): Promise<void> {
    return this.#ask((peer, options) => this.#client.unsubscribeAll(peer, options))
  }

  ping(): Promise<void> {
    return this.#ask((peer, options) => this.#client.ping(peer, options))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]()
  }

  #ask(question: (peer: PeerId, options: AskOptions) => Promise<void>): Promise<void> {
    const { libp2p, peers } = this.#parts
    if (this.#peer !== undefined && libp2p.getConnections(this.#peer).length === 0) this.#peer = undefined
    return peers.ask(
      'filter',
      (peer, options) => {
        this.#peer = peer
        return question(peer, options)
      },
      this.#peer,
    )
  }
}
