/**
 * What a Waku node says about itself in its node record: 31/WAKU2-ENR and RELAY-SHARDING.
 * https://github.com/waku-org/specs/blob/master/standards/core/enr.md
 *
 * The key of a record is the node key, so the record also tells the peer id. A field that does not parse is as if it
 * were not there; the others still count, as in nwaku.
 */
import { publicKeyFromRaw } from '@libp2p/crypto/keys'
import type { PeerId, PrivateKey } from '@libp2p/interface'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import type { Multiaddr } from '@multiformats/multiaddr'
import { isWaypostError, WaypostError } from '../../core/errors.ts'
import { mostReachable } from '../addresses.ts'
import {
  addressesIn,
  multiaddrsField,
  otherAddresses,
  type SocketAddress,
  socketFields,
  udpIn,
} from './address-fields.ts'
import { type Enr, signEnr } from './enr.ts'
import { type ShardSet, shardField, shardsIn } from './shard-fields.ts'

/** What a node serves, by the bit of the field `waku2`. */
const capabilities = ['relay', 'store', 'filter', 'lightpush', 'sync', 'mix'] as const
export type Capability = (typeof capabilities)[number]

/** What we say about ourselves. */
export interface OwnRecord {
  /** What we announce, the best first. */
  readonly addresses: readonly Multiaddr[]
  /** The port of our discv5, when it runs. */
  readonly udpPort?: number | undefined
  readonly capabilities: Iterable<Capability>
  readonly shards?: ShardSet | undefined
}

/** What a record says. */
export interface NodeRecord {
  readonly sequence: bigint
  readonly peerId: PeerId
  readonly capabilities: ReadonlySet<Capability>
  readonly shards: ShardSet | undefined
  /** Each ends in `/p2p/<its id>`; first what stands in `ip` and `tcp`. */
  readonly addresses: readonly Multiaddr[]
  /** Where its discv5 is. */
  readonly udp: SocketAddress | undefined
}

/**
 * Our signed record. `sequence` must be above that of any record that we gave out before: the time in milliseconds will
 * do. Addresses that do not fit into 300 bytes are left out, the last first; and in the end, for an IPv6 address beside
 * the bits of 64 shards or more, the port of discv5: without it the record is short enough.
 */
export function signRecord(own: OwnRecord, key: PrivateKey, sequence: bigint): Enr {
  const addresses = mostReachable(own.addresses)
  const fields = [
    ...socketFields(addresses, own.udpPort),
    capabilityField(own.capabilities),
    ...(own.shards === undefined ? [] : [shardField(own.shards)]),
  ]
  const others = otherAddresses(addresses)
  for (let count = others.length; ; count -= 1) {
    try {
      return signEnr(new Map([...fields, ...multiaddrsField(others.slice(0, count))]), key.raw, sequence)
    } catch (error) {
      if (!isWaypostError(error, 'enr/too-large')) throw error
      if (count > 0) continue
      if (own.udpPort === undefined) throw error
      return signRecord({ ...own, udpPort: undefined }, key, sequence)
    }
  }
}

/** What a record says. Throws `enr/malformed` when its key is none. */
export function readRecord({ sequence, publicKey, pairs }: Enr): NodeRecord {
  const peerId = peerIdOf(publicKey)
  return {
    sequence,
    peerId,
    capabilities: capabilitiesIn(pairs.get('waku2')),
    shards: shardsIn(pairs),
    addresses: addressesIn(pairs, peerId),
    udp: udpIn(pairs),
  }
}

function peerIdOf(publicKey: Uint8Array): PeerId {
  try {
    return peerIdFromPublicKey(publicKeyFromRaw(publicKey))
  } catch (error) {
    throw new WaypostError('enr/malformed', { why: 'its key is not of the curve' }, { cause: error })
  }
}

function capabilityField(served: Iterable<Capability>): readonly ['waku2', Uint8Array] {
  return [
    'waku2',
    Buffer.of([...served].reduce((bits, capability) => bits | (1 << capabilities.indexOf(capability)), 0)),
  ]
}

/** go-waku writes the byte as a number, so that 0 is no byte at all. */
function capabilitiesIn(field: Uint8Array | undefined): ReadonlySet<Capability> {
  const bits = field?.length === 1 ? (field[0] ?? 0) : 0
  return new Set(capabilities.filter((_, bit) => (bits & (1 << bit)) !== 0))
}
