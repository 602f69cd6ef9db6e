/**
 * The transport over circuit relays: dials peers through one, and with listeners reserves places with relays, so that
 * others reach us through them. Connections over it have the bounds that sockets have.
 */
import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import type { PeerId, Transport } from '@libp2p/interface'
import { boundedUpgrader, type TransportGuard, told } from '../guards/transport.ts'
import type { Stack } from '../stack/stack.ts'
import type { CircuitLimits } from './limits.ts'

export interface CircuitTransport {
  readonly factory: Stack['tcp']
  /** True for a relay that we hold a reservation with. */
  isOurRelay(relay: PeerId): boolean
}

/** What the library keeps in its transport, and shows to nobody. */
interface Reservations {
  readonly reservationStore?: { hasReservation(peer: PeerId): boolean }
}

export function circuitTransport(guard: TransportGuard, limits: CircuitLimits): CircuitTransport {
  const make = circuitRelayTransport({
    maxInboundStopStreams: limits.inboundPerRelay,
    // libp2p asks here too when we are the relay.
    maxOutboundStopStreams: limits.circuitsPerPeer,
  })
  let reservations: Reservations['reservationStore']
  return {
    factory(components) {
      const upgrader = boundedUpgrader(components.upgrader, guard)
      const transport: Transport = make(Object.create(components, { upgrader: { value: upgrader } }))
      reservations = (transport as Reservations).reservationStore
      const dial = transport.dial.bind(transport)
      transport.dial = (address, options) => told(dial(address, options), guard.dial)
      return transport
    },
    isOurRelay: (relay) => reservations?.hasReservation(relay) ?? false,
  }
}
