/** What our node record says: where we are reached, what we serve, which shards we follow (31/WAKU2-ENR). */
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Capability, OwnRecord } from '../net/discovery/node-record.ts'
import type { Settings } from '../settings/table.ts'

/** The services that a record tells of, each by its setting. */
const services = {
  relay: 'relay',
  store: 'store',
  filter: 'filter',
  lightpush: 'lightpush',
  storeSync: 'sync',
} as const satisfies Record<string, Capability>
type Served = keyof typeof services

export interface Described {
  readonly settings: Pick<Settings, 'clusterId' | Served>
  readonly shards: readonly number[]
  /** What we announce, with real ports. */
  readonly addresses: readonly Multiaddr[]
  /** Of our discv5, when it runs. */
  readonly udpPort?: number | undefined
}

export function describeNode({ settings, shards, addresses, udpPort }: Described): OwnRecord {
  const capabilities = servedBy(settings)
  const shardSet = shards.length === 0 ? undefined : { cluster: settings.clusterId, shards }
  return { addresses, udpPort, capabilities, shards: shardSet }
}

/** What a node of these settings does for others. */
export function servedBy(settings: Pick<Settings, Served>): Capability[] {
  const served = Object.keys(services) as Served[]
  return served.filter((setting) => settings[setting]).map((setting) => services[setting])
}
