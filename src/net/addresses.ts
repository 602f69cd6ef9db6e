/**
 * Where the node listens, and what it tells others about how to reach it, with nwaku's flags: `--nat=extip:IP`,
 * `--dns4-domain-name`, `--ext-multiaddr`, `--ext-multiaddr-only`.
 */
import { isIP, isIPv4 } from 'node:net'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { isLoopback, isPrivate } from './networks.ts'

export interface Listen {
  /** IP address to bind: `0.0.0.0` is all interfaces. */
  readonly address: string
  /** Port 0 takes a free one. */
  readonly tcpPort: number
  readonly websocket?: {
    readonly port: number
    /** With a certificate the port speaks wss, and only that, as in nwaku. */
    readonly secure: boolean
  }
  /** UDP, for WebRTC-direct. */
  readonly webRtcPort?: number | undefined
}

export interface Announce {
  /** Our address as others see it: `--nat=extip:IP`. */
  readonly externalAddress?: string | undefined
  /** A name that resolves to us; stands in for the IP address: `--dns4-domain-name`. */
  readonly domain?: string | undefined
  /** Further addresses: `--ext-multiaddr`. */
  readonly extra?: readonly Multiaddr[] | undefined
  /** Announce the further addresses and no others: `--ext-multiaddr-only`. */
  readonly onlyExtra?: boolean | undefined
}

/** The addresses to listen on. */
export function listenAddresses({ address, tcpPort, websocket, webRtcPort }: Listen): string[] {
  const host = `/${isIPv4(address) ? 'ip4' : 'ip6'}/${address}`
  const addresses = [`${host}/tcp/${tcpPort}`]
  if (websocket !== undefined) addresses.push(`${host}/tcp/${websocket.port}${websocket.secure ? '/tls/ws' : '/ws'}`)
  if (webRtcPort !== undefined) addresses.push(`${host}/udp/${webRtcPort}/webrtc-direct`)
  return addresses
}

/** What the node found, beside the addresses of its listeners. */
export interface Found {
  /** Those that a router maps to the listeners. */
  readonly mapped?: readonly Multiaddr[]
  /** Those at relays. */
  readonly relayed?: readonly Multiaddr[]
  /** The name of a wss address, where each IP address has its own; undefined: it is not announced. */
  readonly wssName?: ((address: Multiaddr) => Multiaddr | undefined) | undefined
}

/**
 * The addresses to announce, from those that the listeners have (with real ports, one for each interface) and what was
 * found: without `/p2p/<our id>`, those that more people can reach first.
 */
export function announcedAddresses(
  listening: readonly Multiaddr[],
  announce: Announce,
  { mapped = [], relayed = [], wssName }: Found = {},
): Multiaddr[] {
  const extra = announce.extra ?? []
  if (announce.onlyExtra) return unique(extra)
  const own = listening.map(withWss)
  const ofRouter = mapped.map(withWss)
  const named = wssName === undefined ? [] : namesOf([...ofRouter, ...own], announce, wssName)
  const isPlain = (address: Multiaddr) => wssName === undefined || !isWss(address)
  const seen = own.filter(isPlain).map((address) => asSeenOutside(address, announce))
  const isTold = announce.domain !== undefined || announce.externalAddress !== undefined
  const found = isTold ? seen : [...ofRouter.filter(isPlain), ...seen]
  return unique([...[...found, ...named, ...relayed].sort((one, other) => reach(one) - reach(other)), ...extra])
}

/** Names of wss addresses. A domain that the operator told has no part in them. */
function namesOf(
  addresses: readonly Multiaddr[],
  { externalAddress }: Announce,
  wssName: NonNullable<Found['wssName']>,
): Multiaddr[] {
  return addresses.filter(isWss).flatMap((address) => wssName(asSeenOutside(address, { externalAddress })) ?? [])
}

/** The external name or address in place of the interface's: so listeners on several interfaces become one address. */
function asSeenOutside(address: Multiaddr, { domain, externalAddress }: Announce): Multiaddr {
  const [host, ...port] = address.getComponents()
  if (host === undefined) return address
  if (domain !== undefined && !isWebRtc(address)) return multiaddr(`/dns4/${domain}`).encapsulate(multiaddr(port))
  if (externalAddress === undefined) return address
  return multiaddr(`/${isIPv4(externalAddress) ? 'ip4' : 'ip6'}/${externalAddress}`).encapsulate(multiaddr(port))
}

/** The addresses that most people can reach: where there is a public one, those of private networks are left out. */
export function mostReachable(addresses: readonly Multiaddr[]): Multiaddr[] {
  const best = Math.min(...addresses.map(reach))
  return addresses.filter((address) => reach(address) === best)
}

/** The IP address at the head of an address; undefined for a name. */
export function hostOf(address: Multiaddr): string | undefined {
  const host = address.getComponents()[0]?.value
  return host === undefined || isIP(host) === 0 ? undefined : host
}

/** 0 for what everybody can reach, 1 for a private network's, 2 for this machine's. */
function reach(address: Multiaddr): number {
  const host = hostOf(address)
  if (host === undefined) return 0
  if (isLoopback(host)) return 2
  return isPrivate(host) ? 1 : 0
}

/** The fleets and their clients write `/wss` for what js-libp2p writes `/tls/ws`. */
export function withWss(address: Multiaddr): Multiaddr {
  return multiaddr(address.toString().replace('/tls/ws', '/wss'))
}

/** True for secure WebSocket, in either spelling. */
export function isWss(address: Multiaddr): boolean {
  return /\/(wss|tls\/ws)\b/.test(address.toString())
}

/** Browsers take WebRTC-direct by an IP address only. */
export function isWebRtc(address: Multiaddr): boolean {
  return address.getComponents().some(({ name }) => name === 'webrtc-direct')
}

function unique(addresses: readonly Multiaddr[]): Multiaddr[] {
  return [...new Map(addresses.map((address) => [address.toString(), address])).values()]
}
