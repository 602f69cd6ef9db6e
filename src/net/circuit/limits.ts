/**
 * What a node gives to strangers as a circuit relay, and takes from one.
 * https://github.com/libp2p/specs/blob/master/relay/circuit-v2.md
 */
import type { Milliseconds } from '../../core/time.ts'
import { MiB } from '../limits.ts'
import type { Rate } from '../quota.ts'

export interface CircuitLimits {
  /** Peers that hold a reservation at the same time: nim-libp2p's. */
  readonly reservations: number
  /** Of them, those from one owner of addresses. */
  readonly reservationsPerOwner: number
  /** How long a reservation lasts unless it is renewed: what go-libp2p and nim-libp2p give. */
  readonly reservationTime: Milliseconds
  /** Connections that are relayed at the same time, by all. */
  readonly circuits: number
  /** Connections that one peer may have relayed at the same time. */
  readonly circuitsPerPeer: number
  /** How often one owner of addresses may ask for a connection, and all together. */
  readonly circuitRate: { readonly perPeer: Rate; readonly total: Rate }
  /** How long a relayed connection may last: go-libp2p's. It is there to find a direct way, or to ask something small. */
  readonly circuitTime: Milliseconds
  /** Bytes that a relayed connection may carry, both ways together. Others give 128 KiB; a store page may be larger. */
  readonly circuitBytes: number
  /** Connections that come to us through one relay at the same time, and through all. */
  readonly inboundPerRelay: number
  readonly inbound: number
  /** Relays that a node behind a router reserves a place with. */
  readonly relays: number
  /** Addresses of relays that are announced. */
  readonly addresses: number
}

const minute: Milliseconds = 60_000

export const circuitLimits: CircuitLimits = {
  reservations: 128,
  reservationsPerOwner: 4,
  reservationTime: 60 * minute,
  circuits: 64,
  circuitsPerPeer: 8,
  circuitRate: { perPeer: { volume: 30, period: minute }, total: { volume: 300, period: minute } },
  circuitTime: 2 * minute,
  circuitBytes: MiB,
  inboundPerRelay: 32,
  inbound: 64,
  relays: 2,
  addresses: 8,
}
