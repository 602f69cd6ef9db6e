/** Our trees in DNS, as @waku/discovery reads them: an EIP-1459 client that we did not write. */
import { Resolver } from 'node:dns/promises'
import { DnsNodeDiscovery } from '@waku/discovery'
import t from 'tap'
import { readRecord } from '../../src/net/discovery/node-record.ts'
import { records, treeOf } from '../kit/dns-tree.ts'
import { nameServer } from '../kit/name-server.ts'
import { needs } from '../kit/tools.ts'

/** So many that @waku/discovery finds all of them: it looks ten times. */
const fleet = records(5)

/** The names of DNS over HTTPS are beyond loopback; the same questions go to our name server. */
function discoveryAt(address: string): DnsNodeDiscovery {
  const resolver = new Resolver()
  resolver.setServers([address])
  return new DnsNodeDiscovery({ resolveTXT: async (name) => (await resolver.resolveTxt(name)).flat() })
}

async function found(discovery: DnsNodeDiscovery, url: string): Promise<string[]> {
  const peers: string[] = []
  for await (const { peerInfo } of discovery.getNextPeer([url]))
    peers.push(`${peerInfo?.id} at ${peerInfo?.multiaddrs.join(' ')}`)
  return peers.sort()
}

t.test('@waku/discovery finds the nodes of our tree, and none under another key', async (t) => {
  const dnsmasq = needs(t, 'dnsmasq')
  if (dnsmasq === undefined) return
  const tree = treeOf({ records: fleet })
  const { address } = await nameServer(t, dnsmasq, tree.zone)
  const nodes = fleet.map(readRecord)
  const peers = nodes.map(({ peerId, addresses }) => `${peerId} at ${addresses.join(' ')}`)
  t.same(await found(discoveryAt(address), tree.url), peers.sort())
  const stranger = treeOf({ records: fleet, key: Buffer.alloc(32, 9) })
  t.same(await found(discoveryAt(address), stranger.url), [])
})
