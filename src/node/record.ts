/** Our node record: who we are, where we are reached, what we serve, which shards we follow (31/WAKU2-ENR). */
import type { PrivateKey } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Clock } from '../core/time.ts'
import { enrToText } from '../net/discovery/enr.ts'
import { signRecord } from '../net/discovery/node-record.ts'
import type { Settings } from '../settings/table.ts'

/** The services that a record tells of, each by its setting. */
const services = {
  relay: 'relay',
  store: 'store',
  filter: 'filter',
  lightpush: 'lightpush',
  storeSync: 'sync',
} as const
type Served = keyof typeof services

export interface RecordParts {
  readonly settings: Pick<Settings, 'clusterId' | Served>
  readonly shards: readonly number[]
  /** What we announce, with real ports. */
  readonly addresses: readonly Multiaddr[]
  readonly privateKey: PrivateKey
  readonly clock: Clock
}

/** The signed record as text. The time in milliseconds is its sequence number: above that of any earlier start. */
export function ownRecord({ settings, shards, addresses, privateKey, clock }: RecordParts): string {
  const served = Object.entries(services) as [Served, (typeof services)[Served]][]
  const capabilities = served.filter(([setting]) => settings[setting]).map(([, capability]) => capability)
  const shardSet = shards.length === 0 ? undefined : { cluster: settings.clusterId, shards }
  const record = signRecord({ addresses, capabilities, shards: shardSet }, privateKey, BigInt(clock()))
  return enrToText(record)
}
