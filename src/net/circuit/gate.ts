/**
 * Who may use us as a circuit relay, and whom a relay may bring to us. A relayed connection has no socket of its own, so
 * the gate before the listeners (`guards/gate.ts`) never sees it.
 */
import type { Connection, ConnectionGater, PeerId } from '@libp2p/interface'
import { hostOf } from '../addresses.ts'
import { isLoopback, ownerOf } from '../networks.ts'
import { Quota } from '../quota.ts'
import { isRelayed } from './address.ts'
import type { CircuitLimits } from './limits.ts'

/** What somebody asked of us. */
export type CircuitRequest = 'reserve' | 'connect' | 'accept'

export interface CircuitGateParts {
  readonly limits: CircuitLimits
  /** All connections, or those with one peer. */
  readonly connections: (peer?: PeerId) => readonly Connection[]
  /** Peers that hold a reservation with us. */
  readonly reserved: () => Iterable<PeerId>
  /** True for a relay that we hold a reservation with. */
  readonly isOurRelay: (relay: PeerId) => boolean
  readonly judged: (request: CircuitRequest, allowed: boolean) => void
}

type Gater = Required<
  Pick<
    ConnectionGater,
    'denyInboundRelayReservation' | 'denyOutboundRelayedConnection' | 'denyInboundRelayedConnection'
  >
>

/** The protocol of a relayed connection between the relay and the peer that is behind it. */
const stopProtocol = '/libp2p/circuit/relay/0.2.0/stop'

export class CircuitGate implements Gater {
  readonly #parts: CircuitGateParts
  readonly #rate: Quota

  constructor(parts: CircuitGateParts) {
    this.#parts = parts
    this.#rate = new Quota(parts.limits.circuitRate)
  }

  /** `peer` wants to be dialled through us. */
  readonly denyInboundRelayReservation = (peer: PeerId): boolean => {
    const { limits, reserved } = this.#parts
    const owner = this.#ownerOf(peer)
    const others = [...reserved()].filter((other) => !other.equals(peer) && this.#ownerOf(other) === owner)
    return this.#deny('reserve', owner === undefined || others.length < limits.reservationsPerOwner)
  }

  /** `source` wants to be brought to `target`, which holds a reservation. */
  readonly denyOutboundRelayedConnection = (source: PeerId, target: PeerId): boolean => {
    const { limits, connections } = this.#parts
    const open = connections().flatMap(circuitsOf).length
    const ofTarget = connections(target).flatMap(circuitsOf).length
    const hasRoom = open < limits.circuits && ofTarget < limits.circuitsPerPeer
    return this.#deny('connect', hasRoom && this.#rate.take(this.#ownerOf(source) ?? source.toString()))
  }

  /** `relay` brings `peer` to us. What `peer` it is, only the handshake that follows proves. */
  readonly denyInboundRelayedConnection = (relay: PeerId): boolean => {
    const { limits, connections, isOurRelay } = this.#parts
    const brought = connections().filter(
      ({ direction, remoteAddr }) => direction === 'inbound' && isRelayed(remoteAddr),
    )
    const bySame = brought.filter(({ remoteAddr }) => remoteAddr.toString().includes(`/p2p/${relay}/p2p-circuit`))
    const hasRoom = brought.length < limits.inbound && bySame.length < limits.inboundPerRelay
    return this.#deny('accept', isOurRelay(relay) && hasRoom)
  }

  #deny(request: CircuitRequest, allowed: boolean): boolean {
    this.#parts.judged(request, allowed)
    return !allowed
  }

  /** Whose share a peer uses up; undefined for this machine, and for one that is not connected. */
  #ownerOf(peer: PeerId): string | undefined {
    const [connection] = this.#parts.connections(peer)
    const host = connection && hostOf(connection.remoteAddr)
    return host === undefined || isLoopback(host) ? undefined : ownerOf(host)
  }
}

/** The relayed connections that go on over `connection` from us to the peer behind us. */
function circuitsOf({ streams }: Connection): unknown[] {
  return streams.filter(({ protocol, direction }) => protocol === stopProtocol && direction === 'outbound')
}
