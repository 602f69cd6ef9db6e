/**
 * Which peer is asked for a service: one that the settings name (`--storenode`, `--filternode`, `--lightpushnode`), else
 * a connected one that speaks its protocol. Who speaks what is known from events, so that health can tell at any time.
 */
import type { Libp2p, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { isWaypostError, messageOf, WaypostError } from '../core/errors.ts'
import { shuffled } from '../core/shuffle.ts'
import type { Milliseconds } from '../core/time.ts'
import type { Capability } from '../net/discovery/node-record.ts'
import type { ProtocolsOf } from '../net/peer-manager/contacts.ts'
import { filterSubscribeProtocol } from '../protocols/filter/codec.ts'
import { lightPushProtocol } from '../protocols/lightpush/codec.ts'
import { legacyLightPushProtocol } from '../protocols/lightpush/legacy-codec.ts'
import { peerExchangeProtocol } from '../protocols/peer-exchange/codec.ts'
import { relayProtocols } from '../protocols/relay/codec.ts'
import { rendezvousProtocol } from '../protocols/rendezvous/codec.ts'
import { storeProtocol } from '../protocols/store/codec.ts'
import { legacyStoreProtocol } from '../protocols/store/legacy-codec.ts'
import { reconciliationProtocol } from '../protocols/store-sync/codec.ts'

/** What other nodes do for us, and the protocols by which they do it. */
const protocolsOf = {
  store: [storeProtocol],
  legacyStore: [legacyStoreProtocol, storeProtocol],
  filter: [filterSubscribeProtocol],
  lightpush: [lightPushProtocol, legacyLightPushProtocol],
  sync: [reconciliationProtocol],
  peerExchange: [peerExchangeProtocol],
  rendezvous: [rendezvousProtocol],
} as const satisfies Record<string, readonly string[]>

export type Service = keyof typeof protocolsOf

/** What the peer manager looks for among the protocols of a peer. */
export const managedProtocols: ProtocolsOf = {
  relay: relayProtocols,
  services: {
    store: [storeProtocol],
    filter: [filterSubscribeProtocol],
    lightpush: [lightPushProtocol, legacyLightPushProtocol],
  },
}

/** What a peer does, by the protocols that it speaks. */
export function capabilitiesOf(protocols: readonly string[]): ReadonlySet<Capability> {
  const { relay, services } = managedProtocols
  const all = Object.entries({ relay, ...services }) as [Capability, readonly string[]][]
  return new Set(all.filter(([, ids]) => ids.some((id) => protocols.includes(id))).map(([name]) => name))
}

/** For one question to one peer, dial included: nwaku's REST API waits as long. */
const askTimeout: Milliseconds = 5000

/** Peers that are asked for one answer, one after the other, while each fails. */
const mostAsked = 3

/** For all of them together. */
const failoverTimeout: Milliseconds = 10_000

export interface ServicePeersParts {
  readonly libp2p: Pick<Libp2p, 'dial' | 'getConnections' | 'addEventListener'>
  /** The peers that the settings name for each service. */
  readonly named: Readonly<Record<Service, readonly Multiaddr[]>>
  /** Told of each address that the operator names in a question. */
  readonly given: (address: Multiaddr) => void
}

/** What a question may take. */
export interface AskOptions {
  readonly timeout: Milliseconds
  readonly signal: AbortSignal
}

export interface AskChoice<T> {
  /** Nobody else is asked. */
  readonly peer?: Multiaddr | PeerId | undefined
  /** False: another peer may have a better answer. */
  readonly good?: (answer: T) => boolean
}

export class ServicePeers implements Disposable {
  readonly #parts: ServicePeersParts
  readonly #watching = new AbortController()
  #named: ServicePeersParts['named']
  /** The connected peers, with what each of them serves. */
  readonly #serving = new Map<string, { readonly id: PeerId; readonly services: readonly Service[] }>()

  constructor(parts: ServicePeersParts) {
    this.#parts = parts
    this.#named = parts.named
    const { libp2p } = parts
    const { signal } = this.#watching
    // Not from libp2p's store of peers: there whoever asks us for a service stands as one who serves it.
    libp2p.addEventListener('peer:identify', ({ detail }) => this.#speaks(detail.peerId, detail.protocols), { signal })
    libp2p.addEventListener('peer:disconnect', ({ detail }) => this.#serving.delete(detail.toString()), { signal })
  }

  /** Other peers are named from now on. */
  name(named: ServicePeersParts['named']): void {
    this.#named = named
  }

  /** True when the settings name a peer for it. */
  isNamed(service: Service): boolean {
    return this.#named[service].length > 0
  }

  /** True when there is somebody to ask. */
  has(service: Service): boolean {
    return this.isNamed(service) || this.connected(service).length > 0
  }

  /** The connected peers that serve `service`. */
  connected(service: Service): readonly PeerId[] {
    return [...this.#serving.values()].flatMap(({ id, services }) => (services.includes(service) ? [id] : []))
  }

  /** All who can be asked for `service`: those that the settings name, then those that are connected. */
  candidates(service: Service): readonly (Multiaddr | PeerId)[] {
    const named = this.#named[service]
    const ids = new Set(named.map(idOf))
    return [...named, ...this.connected(service).filter((peer) => !ids.has(peer.toString()))]
  }

  /**
   * Lets `question` ask a peer for `service`: `peer`, or those of its own choice, the next when one fails or gives an
   * answer that is not `good`; the last answer, or the last failure, is what comes of it.
   * Throws `client/no-peer`, `client/unreachable`, `wire/timed-out`, and what the question throws of ours.
   */
  async ask<T>(
    service: Service,
    question: (peer: PeerId, options: AskOptions) => Promise<T>,
    { peer, good = () => true }: AskChoice<T> = {},
  ): Promise<T> {
    const asked = peer === undefined ? this.#choices(service) : [peer]
    const end = performance.now() + failoverTimeout
    for (const [index, one] of asked.entries()) {
      const isLast = index === asked.length - 1 || performance.now() > end
      try {
        const answer = await this.#askOne(service, question, one)
        if (isLast || good(answer)) return answer
      } catch (error) {
        if (isLast || isOurFault(error)) throw error
      }
    }
    throw new WaypostError('client/no-peer', {})
  }

  async #askOne<T>(
    service: Service,
    question: (peer: PeerId, options: AskOptions) => Promise<T>,
    asked: Multiaddr | PeerId,
  ): Promise<T> {
    const signal = AbortSignal.timeout(askTimeout)
    if (!isPeerId(asked)) this.#parts.given(asked)
    try {
      const id = isPeerId(asked) ? asked : (await this.#parts.libp2p.dial(asked, { signal })).remotePeer
      return await question(id, { timeout: askTimeout, signal })
    } catch (error) {
      if (signal.aborted)
        throw new WaypostError('wire/timed-out', { protocol: service, limit: askTimeout }, { cause: error })
      if (isWaypostError(error)) throw error
      throw new WaypostError('client/unreachable', { peer: asked.toString(), why: messageOf(error) }, { cause: error })
    }
  }

  [Symbol.dispose](): void {
    this.#watching.abort()
  }

  /**
   * Those that are named, the connected ones first; where none is named, those that are connected, by chance: whoever
   * comes first does not get all questions. Whoever names nodes may trust no others with his.
   */
  #choices(service: Service): readonly (Multiaddr | PeerId)[] {
    const named = this.#named[service]
    const isOpen = (address: Multiaddr) => this.#serving.get(idOf(address) ?? '')?.services.includes(service)
    const inOrder = [...named.filter(isOpen), ...named.filter((address) => !isOpen(address))]
    return (named.length > 0 ? inOrder : shuffled(this.connected(service))).slice(0, mostAsked)
  }

  #speaks(id: PeerId, protocols: readonly string[]): void {
    const services = serviceNames.filter((name) => protocolsOf[name].some((protocol) => protocols.includes(protocol)))
    // The news may come after the peer has gone.
    const connected = this.#parts.libp2p.getConnections(id).length > 0
    if (connected && services.length > 0) this.#serving.set(id.toString(), { id, services })
    else this.#serving.delete(id.toString())
  }
}

/** Another peer would say the same. */
function isOurFault(error: unknown): boolean {
  if (!isWaypostError(error, 'client/refused')) return false
  const status = Number(error.data.status)
  return status >= 400 && status < 500 && status !== 429
}

const serviceNames = Object.keys(protocolsOf) as readonly Service[]

function isPeerId(peer: Multiaddr | PeerId): peer is PeerId {
  return 'publicKey' in peer
}

/** The id at the end of an address. */
function idOf(address: Multiaddr): string | undefined {
  return address.getComponents().findLast(({ name }) => name === 'p2p')?.value
}
