/** Peers by the DHT, and how we are found by it: `--kad-discovery`. */
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { mostReachable } from '../net/addresses.ts'
import type { Source } from '../net/discovery/found.ts'
import type { ExtensibleRecord, Service } from '../net/discovery/kad/extensible-record.ts'
import { startKad } from '../net/discovery/kad/node.ts'
import type { Capability } from '../net/discovery/node-record.ts'
import { type ShardSet, shardField, shardsIn } from '../net/discovery/shard-fields.ts'
import { filterSubscribeProtocol } from '../protocols/filter/codec.ts'
import { lightPushProtocol } from '../protocols/lightpush/codec.ts'
import { relayProtocol } from '../protocols/relay/codec.ts'
import { storeProtocol } from '../protocols/store/codec.ts'
import { reconciliationProtocol } from '../protocols/store-sync/codec.ts'
import { withSeen } from './find-by-discv5.ts'
import type { Finder, FinderParts } from './finders.ts'
import { servedBy } from './record.ts'
import { capabilitiesOf } from './service-peers.ts'

const source: Source = 'kad'

/** The service under which each capability stands in our record: the id of its protocol. */
const serviceOf: Readonly<Partial<Record<Capability, string>>> = {
  relay: relayProtocol,
  store: storeProtocol,
  filter: filterSubscribeProtocol,
  lightpush: lightPushProtocol,
  sync: reconciliationProtocol,
}

export async function findByKad(parts: FinderParts): Promise<Finder | undefined> {
  const { settings, host, record, pool, udp, metrics } = parts
  if (!settings.kadDiscovery) return undefined
  await using opened = new AsyncDisposableStack()
  const addresses = (): Multiaddr[] => mostReachable(withSeen(host.addresses(), udp))
  const kad = opened.use(
    await startKad({
      libp2p: host.libp2p,
      privateKey: host.privateKey,
      describe: () => ({
        sequence: record.record.sequence,
        addresses: addresses(),
        services: servicesOf(servedBy(settings), shardsIn(record.record.pairs)),
      }),
      bootstrap: settings.kadBootstrapNode.map((address) => multiaddr(address)),
      found: (theirs) => pool.add(foundIn(theirs)),
      takesPrivate: parts.isPrivate,
      metrics,
      log: parts.log.child({ part: 'kad' }),
    }),
  )
  opened.use(record.onChange(() => kad.changed()))
  const kept = opened.move()
  return {
    findMore: () => kad.findMore(),
    measure: () => kad.measure(),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** What we serve, each by the id of its protocol, and our shards, named and laid out as in a node record. */
export function servicesOf(served: readonly Capability[], shards: ShardSet | undefined): Service[] {
  const services = served.flatMap((capability) => serviceOf[capability] ?? []).map((id) => ({ id }))
  if (shards === undefined) return services
  const [id, data] = shardField(shards)
  return [...services, { id, data }]
}

/** A record that says nothing of shards may be of any cluster: metadata tells, once it is connected. */
export function foundIn({ peerId, addresses, services }: ExtensibleRecord): Parameters<FinderParts['pool']['add']>[0] {
  const ids = services.map(({ id }) => id)
  const fields = new Map(services.flatMap(({ id, data }) => (data === undefined ? [] : [[id, data] as const])))
  const capabilities = new Set(capabilitiesOf(ids))
  if (ids.includes(reconciliationProtocol)) capabilities.add('sync')
  return { peerId, addresses, source, capabilities, shards: shardsIn(fields) }
}
