/** Known peers, counted and sorted by what they serve: the two questions of `/admin/v1/peers` that look at them together. */
import type { KnownPeer, ShardPeers } from './admin.ts'

const codec = {
  relay: '/vac/waku/relay/2.0.0',
  filterSubscribe: '/vac/waku/filter-subscribe/2.0.0-beta1',
  filterPush: '/vac/waku/filter-push/2.0.0-beta1',
  store: '/vac/waku/store-query/3.0.0',
  legacyStore: '/vac/waku/store/2.0.0-beta4',
  lightPush: '/vac/waku/lightpush/3.0.0',
  legacyLightPush: '/vac/waku/lightpush/2.0.0-beta1',
  peerExchange: '/vac/waku/peer-exchange/2.0.0-alpha1',
  reconciliation: '/vac/waku/reconciliation/1.0.0',
  transfer: '/vac/waku/transfer/1.0.0',
} as const

/** Protocols that make a peer a service peer, in nwaku's order. */
const services: readonly string[] = [
  codec.relay,
  codec.filterSubscribe,
  codec.store,
  codec.legacyStore,
  codec.legacyLightPush,
  codec.lightPush,
  codec.peerExchange,
  codec.reconciliation,
  codec.transfer,
]

/** Protocols that are counted, in nwaku's order. */
const counted: readonly string[] = [
  codec.relay,
  codec.filterSubscribe,
  codec.filterPush,
  codec.store,
  codec.legacyStore,
  codec.lightPush,
  codec.legacyLightPush,
  codec.peerExchange,
  codec.reconciliation,
]

/** The peers that serve something, each with the services that it has, ordered by the first of these. */
export function servicePeers(peers: readonly KnownPeer[]): readonly KnownPeer[] {
  return peers
    .map((peer) => ({ ...peer, protocols: services.filter((service) => peer.protocols.includes(service)) }))
    .filter(({ protocols }) => protocols.length > 0)
    .sort((one, other) => rank(one) - rank(other))
}

function rank({ protocols: [first = ''] }: KnownPeer): number {
  return services.indexOf(first)
}

type Counts = Readonly<Record<string, number>>

/** How many peers there are, by what they are. The names are nwaku's. */
export function countPeers(
  peers: readonly KnownPeer[],
  relay: readonly ShardPeers[],
  mesh: readonly ShardPeers[],
): Readonly<Record<string, Counts>> {
  const connected = peers.filter((peer) => peer.connected).length
  return {
    Sum: { 'Total peers': peers.length },
    'By Connectedness': {
      Connected: connected,
      NotConnected: peers.length - connected,
      CannotConnect: 0,
      CanConnect: 0,
    },
    'Relay peers': countShards(relay, 'Total relay peers'),
    'Mesh peers': countShards(mesh, 'Total mesh peers'),
    'By Protocols': Object.fromEntries(counted.map((name) => [name, countOf(peers, name)])),
  }
}

/**
 * By shard; `total` is how many peers these are together, a peer of two shards once. nwaku 0.37 gives the number of
 * shards instead, which its own tests and others' do not expect.
 */
function countShards(shards: readonly ShardPeers[], total: string): Counts {
  const all = new Set(shards.flatMap(({ peers }) => peers.map(({ peerId }) => peerId)))
  return { ...Object.fromEntries(shards.map(({ shard, peers }) => [shard, peers.length])), [total]: all.size }
}

function countOf(peers: readonly KnownPeer[], protocol: string): number {
  return peers.filter(({ protocols }) => protocols.includes(protocol)).length
}
