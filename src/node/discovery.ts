/**
 * How the node finds its peers and is found: our own record, the pool of peers that the sources fill, and the manager
 * that dials from it.
 */
import type { IdentifyResult } from '@libp2p/interface'
import type { Clock } from '../core/time.ts'
import { CurrentRecord } from '../net/discovery/own-record.ts'
import { PeerPool } from '../net/discovery/pool.ts'
import { DialHistory } from '../net/peer-manager/dial-history.ts'
import { PeerManager } from '../net/peer-manager/manager.ts'
import { SavedPeers } from '../net/peer-manager/saved-peers.ts'
import { leastInMesh, type Targets, targetsOf } from '../net/peer-manager/targets.ts'
import type { WantedService } from '../net/peer-manager/wants.ts'
import type { StaticPeers } from '../net/peers.ts'
import type { Settings } from '../settings/table.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { DataFolder } from './data-folder.ts'
import { outerPort, udpEndpoint, withSeen } from './find-by-discv5.ts'
import { type FinderHealth, openFinders } from './finders.ts'
import { type NodeHost, peerCapacity } from './host.ts'
import { type Network, shardNumbers } from './network.ts'
import type { Protocols } from './protocols.ts'
import { describeNode } from './record.ts'
import { capabilitiesOf, managedProtocols } from './service-peers.ts'

export interface DiscoveryParts {
  readonly settings: Settings
  /** The settings in force now: some change while the node runs. */
  readonly running: () => Settings
  readonly folder: DataFolder
  readonly network: Network
  /** Started. */
  readonly host: NodeHost
  readonly protocols: Protocols
  readonly peers: StaticPeers
  readonly clock: Clock
  readonly metrics: Metrics
  readonly log: Log
}

/** What is known of peers, for those who tell an operator. */
export interface PeerBook {
  readonly pool: PeerPool
  readonly history: DialHistory
  readonly manager: PeerManager
}

export interface Discovery extends PeerBook, AsyncDisposable {
  readonly health: readonly FinderHealth[]
  /** Sets the gauges that no event tells. */
  measure(): void
  readonly record: CurrentRecord
}

/** Peers of each service that a node keeps which does not relay: when one fails, another is there. */
const servicePeers = 2

export async function openDiscovery(parts: DiscoveryParts): Promise<Discovery> {
  const { settings, folder, network, host, protocols, peers, clock, metrics, log } = parts
  const { libp2p } = host
  await using opened = new AsyncDisposableStack()
  const capacity = peerCapacity(settings)
  const history = new DialHistory({ capacity: 2 * capacity })
  const pool = new PeerPool({
    self: libp2p.peerId,
    cluster: settings.clusterId,
    capacity,
    takesPrivate: host.isPrivate,
    metrics,
  })
  const relayed = () => shardNumbers(protocols.relay?.topics ?? [])
  const shards = () => (protocols.relay === undefined ? network.shards : relayed())
  const udp = udpEndpoint(settings)
  const addresses = () => withSeen(host.addresses(), udp)
  const describe = () =>
    describeNode({ settings, shards: shards(), addresses: addresses(), udpPort: outerPort(udp, host) })
  const record = await CurrentRecord.open({ privateKey: host.privateKey, describe, file: folder.recordFile, clock })
  opened.defer(() => record.settled())
  const finders = await openFinders({ ...parts, record, pool, history, isPrivate: host.isPrivate, udp })
  opened.use(finders)
  const mesh = () => new Set(protocols.meshPeers())
  const thin = () => thinShards(protocols.relay)
  const manager = opened.use(
    new PeerManager({
      libp2p,
      pool,
      history,
      protocols: managedProtocols,
      targets: () => targetsIn(parts.running()),
      relayed,
      thin,
      shards,
      services: servicesOf(settings),
      shardsOf: (peer) => protocols.metadata.of(peer)?.shards,
      score: (peer) => host.router?.score(peer) ?? 0,
      needed: () => new Set([...mesh(), ...peers.ids()]),
      findMore: () => finders.findMore(),
      metrics,
      log: log.child({ part: 'peers' }),
    }),
  )
  if (settings.peerPersistence) opened.use(await keepPeers(parts, pool, history))
  watch({ parts, record, pool, manager, opened })
  manager.start()
  const kept = opened.move()
  const { health } = finders
  const measure = () => finders.measure()
  return { record, pool, history, manager, health, measure, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

/** The shards that we relay, but with few. */
function thinShards(relay: Protocols['relay']): readonly number[] {
  const topics = [...(relay?.topics ?? [])]
  return shardNumbers(topics.filter((topic) => (relay?.meshPeers(topic) ?? []).length < leastInMesh))
}

/** Brings back the peers of the run before, and keeps those that are met. */
async function keepPeers({ folder, host, log }: DiscoveryParts, pool: PeerPool, history: DialHistory) {
  const saved = await SavedPeers.open({ file: folder.peersFile, pool, log })
  // The last met comes last into the pool: it is the last to be forgotten.
  for (const found of saved.all.toReversed()) if (pool.add(found)) history.recall(found.peerId.toString())
  const watching = new AbortController()
  const { signal } = watching
  const met = ({ detail: { peerId, connection } }: CustomEvent<IdentifyResult>): void => {
    // Whoever comes by himself could fill the list with his own, and be all that we know after a restart.
    if (connection.direction === 'outbound' || history.isFriend(peerId.toString())) saved.met(peerId)
  }
  host.libp2p.addEventListener('peer:identify', met, { signal })
  return {
    async [Symbol.asyncDispose]() {
      watching.abort()
      await saved[Symbol.asyncDispose]()
    },
  }
}

interface Watched extends Pick<Discovery, 'record' | 'pool' | 'manager'> {
  readonly parts: DiscoveryParts
  readonly opened: AsyncDisposableStack
}

/** Follows what the record and the manager depend on. */
function watch({ parts: { host, protocols }, record, pool, manager, opened }: Watched): void {
  const watching = new AbortController()
  opened.defer(() => watching.abort())
  const { signal } = watching
  const { libp2p } = host
  libp2p.addEventListener('self:peer:update', () => record.update(), { signal })
  host.reachability.onChange(() => {
    if (!signal.aborted) record.update()
  })
  const identified = ({ detail }: CustomEvent<IdentifyResult>) => meet(pool, detail)
  libp2p.addEventListener('peer:identify', identified, { signal })
  const topics = protocols.relay?.onTopics(() => {
    record.update()
    manager.lookSoon()
  })
  if (topics !== undefined) opened.use(topics)
}

/** A peer that is connected: where it was dialled, or where it says that it listens. */
function meet(pool: PeerPool, { peerId, connection, listenAddrs, protocols }: IdentifyResult): void {
  const dialled = connection.direction === 'outbound' ? [connection.remoteAddr] : []
  const addresses = [...dialled, ...listenAddrs].map((address) =>
    address.getComponents().some(({ name }) => name === 'p2p') ? address : address.encapsulate(`/p2p/${peerId}`),
  )
  pool.add({ peerId, addresses, source: 'connected', capabilities: capabilitiesOf(protocols) })
}

/** What others have to do for a node that does not relay. */
function servicesOf({ relay }: Settings): ReadonlyMap<WantedService, number> {
  return new Map(relay ? [] : (['store', 'filter', 'lightpush'] as const).map((service) => [service, servicePeers]))
}

function targetsIn(settings: Settings): Targets {
  return targetsOf({ maxConnections: settings.maxConnections, relayShare: relayShareOf(settings) })
}

/** `--max-relay-peers` is the older way to say it. */
function relayShareOf({ maxRelayPeers, maxConnections, relayServiceRatio }: Settings): number {
  if (maxRelayPeers !== undefined) return Math.min(1, maxRelayPeers / maxConnections)
  return relayServiceRatio.relay / 100
}
