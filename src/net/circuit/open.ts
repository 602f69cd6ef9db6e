/** What a host needs to dial through circuit relays, to be one, and to be dialled through one. */
import { type CircuitRelayService, circuitRelayServer } from '@libp2p/circuit-relay-v2'
import { dcutr } from '@libp2p/dcutr'
import type { ConnectionGater, PeerId } from '@libp2p/interface'
import type { Libp2pOptions } from 'libp2p'
import type { Metrics } from '../../telemetry/metrics.ts'
import type { TransportGuard } from '../guards/transport.ts'
import type { Inside } from '../inside.ts'
import type { Stack } from '../stack/stack.ts'
import { CircuitGate } from './gate.ts'
import { guardPunching } from './hole-punching.ts'
import { type CircuitLimits, circuitLimits } from './limits.ts'
import { circuitTransport } from './transport.ts'

/** `relay`: peers are dialled through us. `client`: we are dialled through relays. */
export interface CircuitRole {
  readonly as: 'relay' | 'client'
  readonly limits: CircuitLimits
}

export interface Circuit {
  readonly transport: Stack['tcp']
  readonly gate: ConnectionGater
  /** What to listen on: relays that are found. */
  readonly listen: readonly string[]
  readonly services: NonNullable<Libp2pOptions['services']>
  /** Peers that hold a reservation with us. */
  reserved(): readonly PeerId[]
}

export interface CircuitParts {
  readonly role: CircuitRole | undefined
  readonly inside: Inside
  readonly metrics: Metrics
}

export function openCircuit({ role, inside, metrics }: CircuitParts, guard: TransportGuard): Circuit {
  const limits = role?.limits ?? circuitLimits
  let server: CircuitRelayService | undefined
  const reserved = (): PeerId[] => [...(server?.reservations.keys() ?? [])]
  const { factory, isOurRelay } = circuitTransport(guard, limits)
  const gate = new CircuitGate({
    limits,
    connections: (peer) => inside.connections(peer),
    reserved,
    isOurRelay,
    judged: (request, allowed) =>
      metrics.waypost_circuit_requests_total.inc({ request, outcome: allowed ? 'allowed' : 'refused' }),
  })
  const serve = circuitRelayServer(serviceOptions(limits))
  const asRelay: Circuit['services'] = {
    circuitRelay: (components: Parameters<typeof serve>[0]) => {
      server = serve(components)
      return server
    },
  }
  return {
    transport: factory,
    gate,
    listen: role?.as === 'client' ? Array<string>(limits.relays).fill('/p2p-circuit') : [],
    services: { dcutr: guardPunching(dcutr()), ...(role?.as === 'relay' && asRelay) },
    reserved,
  }
}

function serviceOptions(limits: CircuitLimits): Parameters<typeof circuitRelayServer>[0] {
  return {
    maxInboundHopStreams: limits.circuitsPerPeer,
    maxOutboundStopStreams: limits.circuitsPerPeer,
    reservations: {
      maxReservations: limits.reservations,
      reservationTtl: limits.reservationTime,
      defaultDurationLimit: limits.circuitTime,
      defaultDataLimit: BigInt(limits.circuitBytes),
    },
  }
}
