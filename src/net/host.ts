/**
 * The node's libp2p: who it is, where it listens, what it announces, and how it stops.
 *
 * Protocols are mounted between `createHost` and `start`, so that the first peer that connects finds them all.
 */
import { type Identify, identify } from '@libp2p/identify'
import type { Libp2p, PrivateKey, ServiceMap } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { type Ping, ping } from '@libp2p/ping'
import type { Multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2pOptions } from 'libp2p'
import { messageOf, WaypostError } from '../core/errors.ts'
import type { Log } from '../telemetry/log.ts'
import { type Announce, announcedAddresses, type Listen, listenAddresses } from './addresses.ts'
import type { HostLimits } from './limits.ts'
import { libp2pLogger } from './stack/logger.ts'
import { stockStack, type Tls } from './stack/stock.ts'
import { stopLibp2p } from './stop.ts'

/** The services of libp2p that every host has. */
export type BaseServices = { readonly identify: Identify; readonly ping: Ping }

/** Makers of further services from libp2p's components, as `gossipsub()` returns one. */
export type ServiceFactories<S extends ServiceMap> = NonNullable<Libp2pOptions<S>['services']>

export interface HostOptions<S extends ServiceMap = BaseServices> {
  readonly privateKey: PrivateKey
  /** What identify tells peers that we are: `waypost/<version>`. */
  readonly agent: string
  readonly listen: Listen
  readonly announce?: Announce
  /** For a secure WebSocket listener. */
  readonly tls?: Tls | undefined
  readonly limits: HostLimits
  readonly services?: ServiceFactories<S>
  readonly log: Log
}

export interface Host<S extends ServiceMap = BaseServices> extends AsyncDisposable {
  readonly libp2p: Libp2p<S & BaseServices>
  /** Opens the listeners and starts the services. Throws `net/address-in-use` or `net/cannot-listen`. */
  start(): Promise<void>
  /** What we announce, each address ending in `/p2p/<our id>`: with real ports once started. */
  addresses(): Multiaddr[]
}

/** A node that does not listen yet. Disposing of it resets all streams, closes all connections and frees the ports. */
export async function createHost<S extends ServiceMap = BaseServices>(options: HostOptions<S>): Promise<Host<S>> {
  const libp2p = await createLibp2p<S & BaseServices>(libp2pOptions(options))
  return {
    libp2p,
    start: () => startLibp2p(libp2p),
    addresses: () => libp2p.getMultiaddrs(),
    [Symbol.asyncDispose]: () => stopLibp2p(libp2p, options.log),
  }
}

function libp2pOptions<S extends ServiceMap>(options: HostOptions<S>): Libp2pOptions<S & BaseServices> {
  const { privateKey, agent, listen, announce = {}, limits, log } = options
  const stack = stockStack({ limits, tls: options.tls })
  let listening: () => Multiaddr[] = () => []
  const services = {
    identify: identify(),
    ping: ping(),
    ...options.services,
    // Not a service: libp2p keeps from its announce filter what the listeners really have.
    listeners: (components: { transportManager: { getAddrs(): Multiaddr[] } }) => {
      listening = () => components.transportManager.getAddrs()
      return {}
    },
  }
  const peer = `/p2p/${peerIdFromPrivateKey(privateKey)}`
  return {
    start: false,
    privateKey,
    nodeInfo: { name: 'waypost', userAgent: agent },
    addresses: {
      listen: listenAddresses(listen),
      announceFilter: () => announcedAddresses(listening(), announce).map((address) => address.encapsulate(peer)),
    },
    transports: [stack.tcp, stack.websockets],
    connectionEncrypters: [stack.secureChannel],
    streamMuxers: [...stack.muxers],
    connectionManager: connectionLimits(limits),
    // Private and loopback addresses are dialled too: fleets and test suites live there.
    connectionGater: { denyDialMultiaddr: () => false },
    logger: libp2pLogger(log),
    // Spreading a mapped type loses which names it has.
    services: services as unknown as ServiceFactories<S & BaseServices>,
  }
}

function connectionLimits({ connections, pendingConnections, handshakeTimeout }: HostLimits) {
  return {
    maxConnections: connections,
    maxIncomingPendingConnections: pendingConnections,
    inboundConnectionThreshold: Number.POSITIVE_INFINITY,
    inboundUpgradeTimeout: handshakeTimeout,
  }
}

async function startLibp2p<S extends ServiceMap>(libp2p: Libp2p<S>): Promise<void> {
  try {
    await libp2p.start()
  } catch (error) {
    throw listenError(error) ?? error
  }
}

/** libp2p puts the system's errors into one text: `listen EADDRINUSE: address already in use 127.0.0.1:60000`. */
function listenError(error: unknown): WaypostError | undefined {
  const [, code, address] = /listen (E[A-Z]+): [^\n]*?(\S+:\d+)\s/.exec(`${messageOf(error)}\n`) ?? []
  if (code === undefined || address === undefined) return undefined
  if (code === 'EADDRINUSE') return new WaypostError('net/address-in-use', { address }, { cause: error })
  return new WaypostError('net/cannot-listen', { address, why: code }, { cause: error })
}
