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
import type { Metrics } from '../telemetry/metrics.ts'
import { type Announce, type Listen, listenAddresses } from './addresses.ts'
import { expiryOf } from './certificate.ts'
import { type Circuit, type CircuitRole, openCircuit } from './circuit/open.ts'
import { Budget } from './guards/budget.ts'
import type { DialRules } from './guards/dial-rules.ts'
import { Gate, type GateLimits } from './guards/gate.ts'
import { type Guard, guardStack } from './guards/stack.ts'
import { Traffic, type TrafficTotals } from './guards/traffic.ts'
import type { DialStep } from './guards/transport.ts'
import { guardWebRtc, webRtcLimits } from './guards/webrtc.ts'
import { Inside } from './inside.ts'
import { boundKnownPeers } from './known-peers.ts'
import type { HostLimits } from './limits.ts'
import { autonat } from './nat/autonat.ts'
import { Networks } from './networks.ts'
import { Reachability } from './reachability.ts'
import { libp2pLogger } from './stack/logger.ts'
import { openStack, type Stack, type StackPiece, type Tls } from './stack/stack.ts'
import { stopLibp2p } from './stop.ts'
import type { WebRtcCertificate } from './webrtc/certificate.ts'
import { webRtcTransport } from './webrtc/transport.ts'

/** The services of libp2p that every host has. */
export type BaseServices = { readonly identify: Identify; readonly ping: Ping }

/** Makers of further services from libp2p's components, as `gossipsub()` returns one. */
export type ServiceFactories<S extends ServiceMap> = NonNullable<Libp2pOptions<S>['services']>

export interface HostOptions<S extends ServiceMap = BaseServices> {
  readonly privateKey: PrivateKey
  /** What identify tells peers that we are: `waypost/<version>`. */
  readonly agent: string
  /** Absent: it dials and is not dialled. */
  readonly listen?: Listen
  readonly announce?: Announce
  /** Our name at a forge: see `Reachability`. */
  readonly forgeDomain?: string | undefined
  /** For a secure WebSocket listener. */
  readonly tls?: Tls | undefined
  /** For a listener of WebRTC-direct. */
  readonly webRtc?: WebRtcCertificate | undefined
  readonly limits: HostLimits
  /** The pieces of the stack that are not our own; none unless given. */
  readonly stock?: ReadonlySet<StackPiece> | undefined
  /** What we do with circuit relays beside dialling through them; absent: nothing. */
  readonly circuit?: CircuitRole | undefined
  /** Has peers try our addresses, and tries theirs (AutoNAT v2). */
  readonly autonat?: boolean | undefined
  /** Where strangers may send us; absent: everywhere. */
  readonly rules?: DialRules | undefined
  /** Networks of reverse proxies in CIDR form: no limit for their addresses, and X-Forwarded-For is believed. */
  readonly trustedProxies?: readonly string[]
  readonly services?: ServiceFactories<S>
  readonly log: Log
  readonly metrics: Metrics
}

export interface Host<S extends ServiceMap = BaseServices> extends AsyncDisposable {
  readonly libp2p: Libp2p<S & BaseServices>
  /** Opens the listeners and starts the services. Throws `net/address-in-use` or `net/cannot-listen`. */
  start(): Promise<void>
  /** What we announce, each address ending in `/p2p/<our id>`: with real ports once started. */
  addresses(): Multiaddr[]
  /** How others reach us, and what they say about it. */
  readonly reachability: Reachability
  /** Serves another certificate to those who connect from now on, on the same port; connections stay. */
  renewCertificate(tls: Tls): void
  /** Peers that hold a reservation with us as their circuit relay. */
  reservations(): number
  /** Bytes over the sockets of peers since the start. */
  traffic(): TrafficTotals
  /** Peers remembered, connected or not. */
  knownPeers(): number
  /** Other limits for newcomers from now on; connections stay, unless there are more than `connections`. */
  changeLimits(limits: GateLimits): void
}

/**
 * A node that does not listen yet. Disposing of it resets all streams, closes all connections and frees the ports.
 * Throws `net/bad-network`.
 */
export async function createHost<S extends ServiceMap = BaseServices>(options: HostOptions<S>): Promise<Host<S>> {
  const { limits, tls, stock = new Set(), rules, trustedProxies = [], log, metrics } = options
  const refused = (guard: Guard): void => metrics.waypost_connections_refused_total.inc({ guard })
  const gate = new Gate(limits, new Networks(trustedProxies), refused)
  const budget = new Budget(limits.bufferedBytes, () => refused('memory'))
  const traffic = new Traffic()
  const dial = (step: DialStep): void => metrics[dialMetrics[step]].inc()
  const inside = new Inside()
  const stack = guardStack(openStack({ limits, tls }, stock), { gate, budget, traffic, rules, dial, limits, refused })
  const udpGate = new Gate(webRtcLimits(limits), new Networks([]), refused)
  const webRtc =
    options.webRtc === undefined
      ? undefined
      : guardWebRtc(await webRtcTransport(options.webRtc, limits), {
          gate: udpGate,
          budget,
          traffic,
          dial,
          limits,
          refused,
        })
  const circuit = openCircuit({ role: options.circuit, inside, metrics }, { gate, budget, traffic, dial, limits })
  const { announce = {}, forgeDomain } = options
  const reachability = new Reachability({ announce, forgeDomain, inside, metrics, log })
  reachability.serves(tls)
  const libp2p = await createLibp2p<S & BaseServices>(
    libp2pOptions(options, stack, { inside, reachability, circuit, webRtc }),
  )
  reachability.watch(libp2p)
  // libp2p tells its listeners (`self:peer:update`) when the addresses that it keeps of us change.
  reachability.onChange(() => void rememberOwn(libp2p, reachability.announced()))
  const away = boundKnownPeers({ libp2p, capacity: limits.knownPeers })
  showExpiry(tls, metrics)
  return {
    libp2p,
    async start() {
      await startLibp2p(libp2p)
      reachability.started()
    },
    addresses: () => libp2p.getMultiaddrs(),
    reachability,
    reservations: () => circuit.reserved().length,
    renewCertificate: (tls) => {
      inside.renewCertificate(tls)
      reachability.serves(tls)
      showExpiry(tls, metrics)
    },
    changeLimits(limits) {
      gate.change(limits)
      udpGate.change(webRtcLimits(limits))
      inside.limitConnections(limits.connections)
    },
    traffic: () => traffic.totals(),
    knownPeers: () => away() + libp2p.getPeers().length,
    async [Symbol.asyncDispose]() {
      reachability[Symbol.dispose]()
      await stopLibp2p(libp2p, log)
      gate.shut()
      udpGate.shut()
      budget[Symbol.dispose]()
    },
  }
}

async function rememberOwn<S extends ServiceMap>(libp2p: Libp2p<S>, multiaddrs: Multiaddr[]): Promise<void> {
  await libp2p.peerStore.patch(libp2p.peerId, { multiaddrs }).catch(() => {})
}

const dialMetrics = {
  begun: 'libp2p_total_dial_attempts_total',
  connected: 'libp2p_successful_dials_total',
  failed: 'libp2p_failed_dials_total',
} as const

/** A gauge that nobody sets is 0, which would say that the certificate ended in 1970. */
function showExpiry(tls: Tls | undefined, metrics: Metrics): void {
  const { waypost_certificate_expiry_timestamp_seconds: gauge } = metrics
  if (tls === undefined) gauge.remove()
  else gauge.set(expiryOf(tls))
}

function autonatOf(reachability: Reachability, metrics: Metrics): ReturnType<typeof autonat> {
  return autonat({
    judged: (address, reachable) => reachability.judged(address, reachable),
    asked: (allowed) => metrics.waypost_autonat_requests_total.inc({ outcome: allowed ? 'allowed' : 'refused' }),
  })
}

interface HostPieces {
  readonly inside: Inside
  readonly reachability: Reachability
  readonly circuit: Circuit
  readonly webRtc: Stack['tcp'] | undefined
}

function libp2pOptions<S extends ServiceMap>(
  { privateKey, agent, listen, limits, autonat: asksPeers, services, metrics, log }: HostOptions<S>,
  { tcp, websockets, secureChannel, muxers }: Stack,
  { inside, reachability, circuit, webRtc }: HostPieces,
): Libp2pOptions<S & BaseServices> {
  const peer = `/p2p/${peerIdFromPrivateKey(privateKey)}`
  return {
    start: false,
    privateKey,
    nodeInfo: { name: 'waypost', userAgent: agent },
    addresses: {
      listen: [...(listen === undefined ? [] : listenAddresses(listen)), ...circuit.listen],
      announceFilter: () => reachability.announced().map((address) => address.encapsulate(peer)),
    },
    transports: [tcp, websockets, ...(webRtc === undefined ? [] : [webRtc]), circuit.transport],
    connectionEncrypters: [secureChannel],
    streamMuxers: [...muxers],
    connectionManager: connectionLimits(limits),
    // It pings everybody every ten seconds and parts at the first silence; keep-alive.ts is gentler with phones.
    connectionMonitor: { enabled: false },
    // Which addresses are dialled, the rules decide: fleets and test suites live on private networks too.
    connectionGater: { denyDialMultiaddr: () => false, ...circuit.gate },
    logger: libp2pLogger(log),
    // Names and types of a mapped type are lost when it is spread.
    services: {
      identify: identify(),
      ping: ping(),
      inside: inside.attach,
      ...circuit.services,
      ...(asksPeers && { autonat: autonatOf(reachability, metrics) }),
      ...services,
    } as unknown as ServiceFactories<S & BaseServices>,
  }
}

/** The gate before the listeners, not libp2p, decides on newcomers. */
function connectionLimits({ connections, handshakeTimeout }: HostLimits) {
  return {
    maxConnections: connections,
    maxIncomingPendingConnections: Number.POSITIVE_INFINITY,
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
