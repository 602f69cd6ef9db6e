/** What REST works on: relay with its cache, light push, history, administration; each absent when this node does not have it. */
import type { Archive } from '../archive/archive.ts'
import type { Publisher } from '../core/publisher.ts'
import type { Relay } from '../protocols/relay/service.ts'
import type { EventStreams } from '../rest/event-streams.ts'
import type { MessageCache } from '../rest/message-cache.ts'
import type { RelayService } from '../rest/routes/relay.ts'
import type { Services } from '../rest/view.ts'
import type { Settings } from '../settings/table.ts'
import { Admin, type AdminParts } from './admin.ts'
import type { Network } from './network.ts'

export interface RestParts {
  readonly settings: Settings
  readonly network: Network
  readonly relay: Relay | undefined
  readonly publisher: Publisher
  readonly archive: Archive | undefined
  readonly cache: MessageCache
  readonly events: EventStreams
  readonly admin: AdminParts
}

export function restServices(parts: RestParts): Services {
  const { settings, relay, publisher, archive, admin } = parts
  return {
    relay: relay && relayService(relay, parts),
    lightpush: relay && { publish: (message, pubsubTopic) => publisher.publish(message, pubsubTopic, 'rest') },
    store: archive,
    admin: settings.restAdmin ? new Admin(admin) : undefined,
  }
}

/** What the settings follow can be fetched from the start, as in nwaku. */
function relayService(relay: Relay, { settings, network, publisher, cache, events }: RestParts): RelayService {
  for (const topic of network.followed) cache.subscribePubsubTopic(topic)
  for (const topic of settings.contentTopic) cache.subscribeContentTopic(topic)
  return {
    sharding: network.sharding,
    configured: new Set(network.followed),
    topics: relay.topics,
    subscribe: (topic) => relay.subscribe(topic),
    unsubscribe: (topic) => relay.unsubscribe(topic),
    publish: (message, pubsubTopic) => publisher.publish(message, pubsubTopic, 'rest'),
    cache,
    events,
  }
}
