/** The libp2p host that the settings describe, with the relay router among its services. */
import type { Libp2p, PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { Ping } from '@libp2p/ping'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { Announce, Listen } from '../net/addresses.ts'
import { readCertificate } from '../net/certificate.ts'
import { CertificateWatch } from '../net/certificate-watch.ts'
import { circuitLimits } from '../net/circuit/limits.ts'
import type { CircuitRole } from '../net/circuit/open.ts'
import { DialRules } from '../net/guards/dial-rules.ts'
import { createHost, type Host } from '../net/host.ts'
import { nodeKey, nodeKeyFromHex } from '../net/identity.ts'
import { type HostLimits, hostLimits, MiB, worstCaseMemory } from '../net/limits.ts'
import { isLoopback, Networks } from '../net/networks.ts'
import { type StackPiece, stackPieces, type Tls } from '../net/stack/stack.ts'
import { webRtcCertificate } from '../net/webrtc/certificate.ts'
import { NetworkBytes } from '../protocols/relay/counts.ts'
import { type Router, relayRouter } from '../protocols/relay/router.ts'
import type { StackName } from '../settings/table/peers.ts'
import type { Settings } from '../settings/table.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { certificateFiles, forgeName, prepareCertificate } from './certificate.ts'
import type { DataFolder } from './data-folder.ts'
import type { Network } from './network.ts'
import { namedAddresses, privateNetwork } from './private-network.ts'

export interface HostParts {
  readonly settings: Settings
  readonly folder: DataFolder
  readonly network: Network
  readonly version: string
  readonly metrics: Metrics
  readonly log: Log
}

/** A host, whatever its services, and its router when this node relays. */
export interface NodeHost extends Omit<Host, 'libp2p'> {
  readonly libp2p: Libp2p<{ ping: Ping }>
  readonly router?: Router
  readonly privateKey: PrivateKey
  /** Where strangers may send us. */
  readonly rules: DialRules
  /** True while we are on a private network, or on this machine alone. */
  readonly isPrivate: () => boolean
  /** What the wss listener serves at the start. */
  readonly tls?: Tls | undefined
}

export async function openHost(parts: HostParts): Promise<NodeHost> {
  const { settings, folder, version, metrics, log } = parts
  const privateKey = await readKey(settings, folder)
  const peerId = peerIdFromPrivateKey(privateKey)
  await prepareCertificate(settings, peerId)
  const limits = limitsOf(settings)
  const files = certificateFiles(settings)
  const tls = files && (await readCertificate(files))
  const mebibytes = Math.ceil(worstCaseMemory(limits) / MiB)
  log.info({ connections: limits.connections, mebibytes }, 'memory that peers can take at the worst')
  let own = (): readonly Multiaddr[] => []
  const isPrivateFrom = privateNetwork(settings)
  const isPrivate = (): boolean => isPrivateFrom(own())
  const rules = new DialRules({ takesPrivate: isPrivate })
  rules.name(namedAddresses(settings))
  const options = {
    privateKey,
    rules,
    agent: settings.agentString ?? `waypost/${version}`,
    listen: listenOf(settings),
    announce: announceOf(settings),
    forgeDomain: settings.autoTls ? forgeName(settings, peerId) : undefined,
    tls,
    webRtc: settings.webrtcDirect ? await webRtcCertificate(folder.webRtc) : undefined,
    limits,
    stock: stockPieces(settings.stack),
    circuit: circuitOf(settings),
    autonat: settings.autonat,
    trustedProxies: settings.trustedProxy,
    metrics,
    log: log.child({ part: 'libp2p' }),
  }
  const more = { privateKey, rules, isPrivate, tls }
  if (!settings.relay) {
    const host = await createHost(options)
    own = () => host.addresses()
    return { ...host, ...more }
  }
  const services = { relay: relayRouter(routerOf(parts), options.stock) }
  const host = await createHost<{ relay: Router }>({ ...options, services })
  own = () => host.addresses()
  return { ...host, ...more, libp2p: host.libp2p, router: host.libp2p.services.relay }
}

/** The pieces that are the stock ones. */
function stockPieces(named: readonly StackName[]): ReadonlySet<StackPiece> {
  const pieces = named.flatMap((name) => piecesOf[name])
  return new Set(pieces)
}

const piecesOf: Readonly<Record<StackName, readonly StackPiece[]>> = {
  waypost: [],
  stock: stackPieces,
  'stock-transport': ['transport'],
  'stock-secure-channel': ['secure-channel'],
  'stock-muxer': ['muxer'],
  'stock-router': ['router'],
}

function readKey({ nodekey }: Settings, { keyFile }: DataFolder): Promise<PrivateKey> | PrivateKey {
  return nodekey === undefined ? nodeKey(keyFile) : nodeKeyFromHex(nodekey, '--nodekey')
}

function listenOf(settings: Settings): Listen {
  const { listenAddress, tcpPort, websocketSupport, websocketPort, websocketSecureSupport } = settings
  const websocket = websocketSupport ? { port: websocketPort, secure: websocketSecureSupport } : undefined
  const webRtcPort = settings.webrtcDirect ? settings.webrtcDirectPort : undefined
  return { address: listenAddress, tcpPort, websocket, webRtcPort }
}

function announceOf({ nat, dns4DomainName, extMultiaddr, extMultiaddrOnly }: Settings): Announce {
  return {
    externalAddress: nat.by === 'address' ? nat.ip : undefined,
    domain: dns4DomainName,
    extra: extMultiaddr.map((address) => multiaddr(address)),
    onlyExtra: extMultiaddrOnly,
  }
}

function circuitOf(settings: Settings): CircuitRole | undefined {
  const { relayClient, circuitRelay, circuitRelayReservations, circuitRelayData } = settings
  const limits = { ...circuitLimits, reservations: circuitRelayReservations, circuitBytes: circuitRelayData }
  if (relayClient) return { as: 'client', limits }
  return circuitRelay ? { as: 'relay', limits } : undefined
}

/** Follows the files of the certificate, when there is one. */
export function watchCertificate(
  { tls, renewCertificate }: NodeHost,
  settings: Settings,
  log: Log,
): CertificateWatch | undefined {
  const files = certificateFiles(settings)
  return files && tls && new CertificateWatch({ files, held: tls, renew: renewCertificate, log })
}

/** Of the connections, those that are kept for peers whom this node dials. */
const reservedShare = 0.1

/** A quarter of the connections: four networks have to be bought to fill a node. */
function subnetShare({ maxConnections }: Settings): number {
  return Math.ceil(maxConnections / 4)
}

/** Peers that are remembered for each that may be connected: nwaku's. */
const knownPerConnection = 5

/** Peers that are remembered at the most, those met as well as those heard of. */
export function peerCapacity({ peerStoreCapacity, maxConnections }: Settings): number {
  return peerStoreCapacity ?? knownPerConnection * maxConnections
}

export function limitsOf(settings: Settings): HostLimits {
  return {
    ...hostLimits(settings.maxMsgSize),
    connections: settings.maxConnections,
    knownPeers: peerCapacity(settings),
    connectionsPerAddress: settings.ipColocationLimit,
    connectionsPerSubnet:
      settings.ipColocationLimit === 0 ? 0 : Math.max(settings.ipColocationLimit, subnetShare(settings)),
    reservedConnections: Math.floor(settings.maxConnections * reservedShare),
    pendingConnections: settings.maxPendingConnections,
    openTimeout: settings.openTimeout,
    handshakeTimeout: settings.handshakeTimeout,
    streams: settings.maxStreams,
    streamsPerSecond: settings.maxNewStreams,
  }
}

function routerOf({ settings, network, metrics }: HostParts): Parameters<typeof relayRouter>[0] {
  const proxies = new Networks(settings.trustedProxy)
  const received = new NetworkBytes(metrics, 'gross', 'in')
  return {
    topics: network.possible,
    maxMessageBytes: settings.maxMsgSize,
    colocationLimit: settings.ipColocationLimit,
    sharedAddress: (ip) => isLoopback(ip) || proxies.has(ip),
    onMessage: (topic, bytes) => received.add(topic, bytes),
    onDrop: (reason, count) => metrics.waypost_relay_dropped_total.inc({ reason }, count),
  }
}
