/** Peers to be found, with records that they signed. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { type Found, foundIn, type Source } from '../../../src/net/discovery/found.ts'
import { type Capability, signRecord } from '../../../src/net/discovery/node-record.ts'
import { PeerPool, type PoolOptions } from '../../../src/net/discovery/pool.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'

export const cluster = 66

export interface PeerOptions {
  readonly key?: PrivateKey
  readonly address?: string
  readonly shards?: readonly number[]
  readonly cluster?: number
  readonly capabilities?: readonly Capability[]
  readonly sequence?: bigint
  readonly source?: Source
}

/** A relay of shard 0 of the cluster, unless `options` say otherwise. */
export async function peer(options: PeerOptions = {}): Promise<Found> {
  const { key = await generateKeyPair('secp256k1'), address = '/ip4/127.0.0.1/tcp/4000', shards = [0] } = options
  const { capabilities = ['relay'], sequence = 1n, source = 'discv5' } = options
  const shardSet = { cluster: options.cluster ?? cluster, shards }
  const addresses = [multiaddr(address)]
  return foundIn(signRecord({ addresses, capabilities, shards: shardSet }, key, sequence), source)
}

/** A pool of the cluster, on loopback. */
export async function pool(options: Partial<PoolOptions> = {}): Promise<PeerPool> {
  const self = peerIdFromPrivateKey(await generateKeyPair('secp256k1'))
  return new PeerPool({ self, cluster, capacity: 100, takesPrivate: () => true, metrics: createMetrics(), ...options })
}
