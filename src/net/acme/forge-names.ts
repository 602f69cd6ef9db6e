/**
 * The names that a peer has at a forge (AutoTLS): one for its peer id, and below it one for each of its IP addresses,
 * which resolves to that address: `203-0-113-7.<peer id>.libp2p.direct`.
 * https://github.com/ipshipyard/p2p-forge#handled-dns-records
 */
import { isIPv4 } from 'node:net'
import type { PeerId } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { hostOf } from '../addresses.ts'
import { canonical, isPrivate } from '../networks.ts'

/** `<peer id>.<forge>`, the peer id as a CID in base 36: capitals mean nothing in DNS. */
export function forgeDomain(peerId: PeerId, forge: string): string {
  return `k${BigInt(`0x${Buffer.from(peerId.toCID().bytes).toString('hex')}`).toString(36)}.${forge}`
}

/** A wss address of ours by its name below `domain`; undefined for one that not everybody could reach. */
export function forgeAddress(address: Multiaddr, domain: string): Multiaddr | undefined {
  const host = hostOf(address)
  if (host === undefined || isPrivate(host)) return undefined
  const family = isIPv4(canonical(host)) ? 'dns4' : 'dns6'
  const [, ...rest] = address.getComponents()
  return multiaddr(`/${family}/${labelOf(host)}.${domain}`).encapsulate(multiaddr(rest))
}

/** All groups of an IPv6 address, so that none ends with a dash, which no name may. */
function labelOf(host: string): string {
  return canonical(host).replace(/[.:]/g, '-')
}
