/** The protocols that the settings switch on, mounted on the host and joined to each other. */
import type { Libp2p } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import type { Archive } from '../archive/archive.ts'
import type { Envelope } from '../core/envelope.ts'
import type { Publisher } from '../core/publisher.ts'
import type { Clock, Milliseconds } from '../core/time.ts'
import { Turns } from '../core/turns.ts'
import { validateMeta } from '../core/validator.ts'
import type { DialRules } from '../net/guards/dial-rules.ts'
import { type Filter, filter } from '../protocols/filter/index.ts'
import { type FilterSettings, filterRates } from '../protocols/filter/limits.ts'
import { lightPush } from '../protocols/lightpush/index.ts'
import { lightPushRates } from '../protocols/lightpush/limits.ts'
import { type MetadataProtocol, metadata } from '../protocols/metadata/index.ts'
import { disconnectGraylisted } from '../protocols/relay/graylist.ts'
import { protectedShards } from '../protocols/relay/protected-shard.ts'
import type { Router } from '../protocols/relay/router.ts'
import { GossipRelay, type Relay } from '../protocols/relay/service.ts'
import { legacyStore, store } from '../protocols/store/index.ts'
import { storeRates, storeTurns } from '../protocols/store/limits.ts'
import { EventStreams } from '../rest/event-streams.ts'
import { MessageCache } from '../rest/message-cache.ts'
import type { Services } from '../rest/view.ts'
import type { Settings } from '../settings/table.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { AdminParts } from './admin.ts'
import { archiveLoss } from './archive.ts'
import type { ClockWatch } from './clock-watch.ts'
import type { HealthParts } from './health.ts'
import { Intake, type Taker } from './intake.ts'
import { type Network, shardNumbers } from './network.ts'
import { NodePublisher } from './publish.ts'
import { ServiceQuotas } from './rates.ts'
import { RestFilter } from './rest-filter.ts'
import { restServices } from './rest-services.ts'
import { ServicePeers, type ServicePeersParts } from './service-peers.ts'
import type { ShardSizes } from './shard-sizes.ts'
import { storeRepair } from './store-repair.ts'

export interface ProtocolParts {
  readonly settings: Settings
  readonly network: Network
  readonly libp2p: Libp2p
  /** Told of the addresses that the operator asks for. */
  readonly rules: Pick<DialRules, 'give'>
  /** Absent when this node does not relay. */
  readonly router?: Router
  /** Absent when this node keeps no messages. */
  readonly archive?: Archive
  readonly clockWatch: ClockWatch
  readonly shardSizes: ShardSizes
  readonly reload: AdminParts['reload']
  readonly book: AdminParts['book']
  readonly clock: Clock
  readonly metrics: Metrics
  readonly log: Log
}

export interface Protocols extends AsyncDisposable {
  readonly health: HealthParts
  /** What REST works on. */
  readonly services: Services
  /** Absent when this node does not relay. */
  readonly relay?: Relay
  /** Absent when this node serves no filter. */
  readonly filter?: Filter | undefined
  readonly servicePeers: ServicePeers
  readonly metadata: MetadataProtocol
  readonly quotas: ServiceQuotas
  /** Follows the topics of the network, once the host has started. */
  start(): void
  /** Full ids of the peers in the gossip meshes of the topics followed. */
  meshPeers(): Iterable<string>
}

/** How long the answer to a publisher waits for our own takers; a group commit on a slow disk takes a tenth of it. */
const settleTimeout: Milliseconds = 5000

/** The parts, and the quotas of all services. */
interface MountParts extends ProtocolParts {
  readonly quotas: ServiceQuotas
}

export async function mountProtocols(given: ProtocolParts): Promise<Protocols> {
  await using mounted = new AsyncDisposableStack()
  const parts = { ...given, quotas: new ServiceQuotas(given.settings.rateLimit) }
  const { settings, network, libp2p, router, rules, archive, clockWatch, shardSizes, reload, book, metrics, log } =
    parts
  const subscribers = settings.filter ? mounted.use(await mountFilter(parts)) : undefined
  const cache = new MessageCache(settings.restRelayCacheCapacity)
  const events = mounted.use(new EventStreams())
  const takers = [...takersOf(subscribers, archive), restTaker(cache, events), clockWatch, shardSizes]
  const intake = new Intake({ takers, metrics, log, settleTimeout })
  const relay = mounted.use(mountRelay(parts, intake))
  const publisher = publisherOf(parts, relay, intake)
  // Mounted without relay too: then it says why it cannot.
  if (settings.lightpush) mounted.use(await mountLightPush(parts, publisher))
  if (archive !== undefined) mounted.use(await mountStores(parts, archive))
  const neighbours = mounted.use(await mountMetadata(parts, relay))
  const servicePeers = mounted.use(servicePeersOf(parts))
  const repair = archive && mounted.use(storeRepair({ ...parts, archive, peers: servicePeers }))
  const filterClient = settings.rest ? mounted.use(await openRestFilter(parts, servicePeers)) : undefined
  const admin = { libp2p, rules, router, relay, filter: subscribers, metadata: neighbours, reload, book, log }
  const services = restServices({
    ...parts,
    relay,
    publisher,
    archive,
    cache,
    events,
    servicePeers,
    filterClient,
    admin,
  })
  const kept = mounted.move()
  return {
    health: { ...healthOf(parts, servicePeers), resuming: () => repair?.resuming() },
    services,
    relay,
    filter: subscribers,
    servicePeers,
    metadata: neighbours,
    quotas: parts.quotas,
    start: () => {
      for (const topic of network.followed) relay?.subscribe(topic)
      repair?.start()
    },
    meshPeers: () => new Set([...(relay?.topics ?? [])].flatMap((topic) => relay?.meshPeers(topic) ?? [])),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** Who gets each valid message. The filter queues come first: they never wait. */
function takersOf(subscribers: Filter | undefined, archive: Archive | undefined): readonly Taker[] {
  const queues = subscribers && {
    offer: (envelope: Envelope) => subscribers.deliver(envelope),
    put: (envelope: Envelope) => void subscribers.deliver(envelope),
  }
  return [queues, archive].filter((taker) => taker !== undefined)
}

/** REST takes every message: its cache and its readers know themselves which of them somebody asked for. */
function restTaker(cache: MessageCache, events: EventStreams): Taker {
  const take = (envelope: Envelope): undefined => {
    cache.add(envelope)
    events.publish(envelope)
  }
  return { offer: take, put: take }
}

function mountRelay(parts: ProtocolParts, intake: Intake): (Relay & Disposable) | undefined {
  const { settings, network, router, libp2p, clock, metrics, log } = parts
  if (router === undefined) return undefined
  const guard = protectedShards(network.protectedKeys, clock, (result) =>
    metrics.waku_msg_validator_signed_outcome_total.inc({ result }),
  )
  const relay = new GossipRelay({
    router,
    allowedTopics: network.possible,
    maxMessageBytes: settings.maxMsgSize,
    validators: [validateMeta, guard],
    deliver: (envelope) => intake.deliver(envelope),
    clock,
    metrics,
    log: log.child({ part: 'relay' }),
  })
  disconnectGraylisted({ router, libp2p, log })
  return relay
}

function mountFilter({ settings, libp2p, quotas, metrics, log }: MountParts): Promise<Filter> {
  return filter({
    libp2p,
    settings: filterSettings(settings),
    quota: quotas.of('filter', filterRates),
    metrics,
    log: log.child({ part: 'filter' }),
  })
}

export function filterSettings(settings: Settings): FilterSettings {
  return {
    maxMessageBytes: settings.maxMsgSize,
    maxSubscribers: settings.filterMaxPeersToServe,
    maxCriteria: settings.filterMaxCriteria,
    subscriptionTimeout: settings.filterSubscriptionTimeout,
    queueMessages: settings.filterQueueMessages,
  }
}

function publisherOf({ settings, network, clock }: ProtocolParts, relay: Relay | undefined, intake: Intake): Publisher {
  return new NodePublisher({ relay, intake, sharding: network.sharding, maxMessageBytes: settings.maxMsgSize, clock })
}

function mountLightPush(
  { settings, libp2p, quotas, metrics, log }: MountParts,
  publisher: Publisher,
): Promise<AsyncDisposable> {
  const quota = quotas.of('lightpush', lightPushRates)
  const maxMessageBytes = settings.maxMsgSize
  return lightPush({ libp2p, publisher, maxMessageBytes, quota, metrics, log: log.child({ part: 'lightpush' }) })
}

/** Both versions take their turns together: it is one archive that is asked, and one event loop. */
async function mountStores(parts: MountParts, archive: Archive): Promise<AsyncDisposable> {
  const { settings, libp2p, quotas, metrics, log } = parts
  const turns = new Turns(storeTurns)
  const shared = { libp2p, history: archive, turns, metrics, log: log.child({ part: 'store' }) }
  await using mounted = new AsyncDisposableStack()
  mounted.use(await store({ ...shared, quota: quotas.of('storev3', storeRates) }))
  if (settings.legacyStore) mounted.use(await legacyStore({ ...shared, quota: quotas.of('storev2', storeRates) }))
  return mounted.move()
}

function mountMetadata(parts: ProtocolParts, relay: Relay | undefined): Promise<MetadataProtocol> {
  const { settings, network, libp2p, metrics, log } = parts
  const shards = () => (relay === undefined ? network.shards : shardNumbers(relay.topics))
  return metadata({ libp2p, cluster: settings.clusterId, shards, metrics, log: log.child({ part: 'metadata' }) })
}

function servicePeersOf({ settings, libp2p, rules }: ProtocolParts): ServicePeers {
  return new ServicePeers({ libp2p, named: namedPeers(settings), given: (address) => rules.give(address) })
}

/** The peers that the settings name for each service. */
export function namedPeers(settings: Settings): ServicePeersParts['named'] {
  const { storenode, filternode, lightpushnode, peerExchangeNode } = settings
  const addresses = (texts: readonly string[]) => texts.map((text) => multiaddr(text))
  const stores = addresses(storenode)
  return {
    store: stores,
    legacyStore: stores,
    filter: addresses(filternode),
    lightpush: addresses(lightpushnode),
    sync: [],
    peerExchange: addresses(peerExchangeNode),
    rendezvous: [],
  }
}

function openRestFilter({ settings, network, libp2p, log }: ProtocolParts, peers: ServicePeers): Promise<RestFilter> {
  const { sharding } = network
  return RestFilter.open({
    libp2p,
    peers,
    sharding,
    maxMessageBytes: settings.maxMsgSize,
    log: log.child({ part: 'filter' }),
  })
}

function healthOf({ settings, router, archive }: ProtocolParts, peers: ServicePeers): HealthParts {
  return {
    relayPeers: router && (() => router.peers().length),
    lightpush: settings.lightpush,
    filter: settings.filter,
    store: archive && (() => archiveTrouble(archive)),
    storeLoss: archive && (() => archiveLoss(archive)),
    legacyStore: archive !== undefined && settings.legacyStore,
    peerExchange: settings.peerExchange,
    rendezvous: settings.rendezvous,
    canAsk: (service) => peers.has(service),
  }
}

/** Why the archive is not ready, for health; undefined when it is. */
function archiveTrouble(archive: Archive): string | undefined {
  const status = archive.status()
  if (status.state === 'ready') return undefined
  return status.state === 'degraded' ? `archive degraded: ${status.why}` : 'archive closed'
}
