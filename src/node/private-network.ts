/**
 * Whether this node is on a private network. Then the private addresses of which strangers tell are those of its peers; on
 * the public network they would have it knock at the doors of its operator's own.
 *
 * That a node has no public address says little: behind the router of a house none has. So the operator's word decides:
 * a private address that he announces (`--nat=extip`), else whether each node and tree that he names as a way into the
 * network is on a private one. Who names none has others come to him, and is the first node of his own network.
 */
import { isIP } from 'node:net'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { hostOf } from '../net/addresses.ts'
import { parseTreeUrl } from '../net/discovery/dns/tree.ts'
import { enrFromText } from '../net/discovery/enr.ts'
import { readRecord } from '../net/discovery/node-record.ts'
import { isPrivate } from '../net/networks.ts'
import type { Settings } from '../settings/table.ts'

type NamedPeers = Pick<
  Settings,
  'staticnode' | 'storenode' | 'filternode' | 'lightpushnode' | 'peerExchangeNode' | 'kadBootstrapNode'
>

export type WaysIn = NamedPeers & Pick<Settings, 'nat' | 'discv5Discovery' | 'discv5BootstrapNode' | 'dnsDiscoveryUrl'>

/** Names that have a meaning inside of a network only: RFC 6761, RFC 6762, RFC 8375, ICANN's `internal`; and those without a dot. */
const innerName = /^[^.]*$|\.(localhost|local|test|internal|lan|home\.arpa)\.?$/i

/** The addresses of the peers that the operator names: where they are is his choice. */
export function namedAddresses(settings: NamedPeers): readonly Multiaddr[] {
  const { staticnode, storenode, filternode, lightpushnode, peerExchangeNode, kadBootstrapNode } = settings
  const texts = [staticnode, storenode, filternode, lightpushnode, peerExchangeNode, kadBootstrapNode].flat()
  return texts.map((text) => multiaddr(text))
}

/**
 * Tells it from our addresses as they are now. What the settings say is looked at once: it holds signatures, and each dial
 * asks.
 */
export function privateNetwork(settings: WaysIn): (own: readonly Multiaddr[]) => boolean {
  const leadsInside = settings.nat.by === 'address' || hostsOf(settings).every(isInner)
  return (own) => leadsInside && own.every((address) => isInner(headOf(address)))
}

/** The hosts that lead into the network. */
function hostsOf(settings: WaysIn): string[] {
  const { discv5Discovery, discv5BootstrapNode, dnsDiscoveryUrl } = settings
  const records = discv5Discovery ? discv5BootstrapNode.flatMap(hostIn) : []
  return [
    ...namedAddresses(settings).map(headOf),
    ...records,
    ...dnsDiscoveryUrl.map((url) => parseTreeUrl(url).domain),
  ]
}

/** None for a record that cannot be read: it is left out, and said, where it would be used. */
function hostIn(record: string): string[] {
  try {
    return [readRecord(enrFromText(record)).udp?.address ?? []].flat()
  } catch {
    return []
  }
}

function headOf(address: Multiaddr): string {
  return hostOf(address) ?? address.getComponents()[0]?.value ?? ''
}

function isInner(host: string): boolean {
  return isIP(host) === 0 ? innerName.test(host) : isPrivate(host)
}
