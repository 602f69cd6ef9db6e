/** What REST works on: relay with its cache, light push, history, administration; each absent when this node does not have it. */
import type { Libp2p } from '@libp2p/interface'
import type { Archive } from '../archive/archive.ts'
import type { Published, Publisher } from '../core/publisher.ts'
import type { Clock } from '../core/time.ts'
import type { Relay } from '../protocols/relay/service.ts'
import type { EventStreams } from '../rest/event-streams.ts'
import type { MessageCache } from '../rest/message-cache.ts'
import type { LightPushService } from '../rest/routes/lightpush.ts'
import type { RelayService } from '../rest/routes/relay.ts'
import type { Services } from '../rest/view.ts'
import type { Settings } from '../settings/table.ts'
import type { Log } from '../telemetry/log.ts'
import { Admin, type AdminParts } from './admin.ts'
import type { Network } from './network.ts'
import type { RestFilter } from './rest-filter.ts'
import { OwnLightPush, RemoteLightPush } from './rest-light-push.ts'
import { RestStore } from './rest-store.ts'
import type { ServicePeers } from './service-peers.ts'

export interface RestParts {
  readonly settings: Settings
  readonly network: Network
  readonly relay: Relay | undefined
  readonly publisher: Publisher
  readonly archive: Archive | undefined
  readonly cache: MessageCache
  readonly events: EventStreams
  readonly admin: AdminParts
  readonly libp2p: Pick<Libp2p, 'dialProtocol'>
  readonly servicePeers: ServicePeers
  readonly filterClient: RestFilter | undefined
  readonly clock: Clock
  readonly log: Log
}

export function restServices(parts: RestParts): Services {
  const { settings, relay, archive, admin, libp2p, servicePeers: peers } = parts
  return {
    relay: relay && relayService(relay, parts),
    lightpush: lightPushService(parts),
    filter: parts.filterClient,
    store: new RestStore({ libp2p, peers, archive, maxMessageBytes: settings.maxMsgSize }),
    admin: settings.restAdmin ? new Admin(admin) : undefined,
  }
}

function lightPushService({
  settings,
  relay,
  publisher,
  libp2p,
  servicePeers: peers,
  clock,
}: RestParts): LightPushService {
  const own = new OwnLightPush(publisher)
  const remote = new RemoteLightPush({ libp2p, peers, maxMessageBytes: settings.maxMsgSize, clock })
  const chosen = (): LightPushService => (relay !== undefined && !peers.isNamed('lightpush') ? own : remote)
  return { publish: (message, pubsubTopic) => chosen().publish(message, pubsubTopic) }
}

/** What the settings follow can be fetched from the start, as in nwaku. */
function relayService(relay: Relay, parts: RestParts): RelayService {
  const { settings, network, cache, events } = parts
  for (const topic of network.followed) cache.subscribePubsubTopic(topic)
  for (const topic of settings.contentTopic) cache.subscribeContentTopic(topic)
  return {
    sharding: network.sharding,
    configured: new Set(network.followed),
    topics: relay.topics,
    subscribe: (topic) => relay.subscribe(topic),
    unsubscribe: (topic) => relay.unsubscribe(topic),
    publish: (message, pubsubTopic) => publish(message, pubsubTopic, parts),
    cache,
    events,
  }
}

/** nwaku says OK to whoever publishes, also when nobody has the message: then at least the log says it. */
async function publish(
  message: Uint8Array,
  pubsubTopic: string,
  { publisher, archive, log }: RestParts,
): Promise<Published> {
  const published = await publisher.publish(message, pubsubTopic, 'rest')
  if (published.outcome === 'no-peers' && archive === undefined)
    log.warn({ hash: published.envelope.hash }, 'message published by rest reached nobody and is not stored')
  return published
}
