import { generateKeyPair } from '@libp2p/crypto/keys'
import { multiaddr } from '@multiformats/multiaddr'
import t from 'tap'
import { enrToText } from '../../src/net/discovery/enr.ts'
import { signRecord } from '../../src/net/discovery/node-record.ts'
import { privateNetwork, type WaysIn } from '../../src/node/private-network.ts'
import { treeOf } from '../kit/dns-tree.ts'

const nothing: WaysIn = {
  nat: { by: 'any' },
  staticnode: [],
  storenode: [],
  filternode: [],
  lightpushnode: [],
  peerExchangeNode: [],
  kadBootstrapNode: [],
  discv5Discovery: true,
  discv5BootstrapNode: [],
  dnsDiscoveryUrl: [],
}
const home = ['/ip4/127.0.0.1/tcp/60000', '/ip4/192.168.1.5/tcp/60000'].map((address) => multiaddr(address))
const isPrivate = (settings: Partial<WaysIn>, own = home) => privateNetwork({ ...nothing, ...settings })(own)
const tree = (domain: string) => ({ dnsDiscoveryUrl: [treeOf({ records: [], domain }).url] })

async function record(ip: string): Promise<Partial<WaysIn>> {
  const key = await generateKeyPair('secp256k1')
  const content = { addresses: [multiaddr(`/ip4/${ip}/tcp/60000`)], udpPort: 9000, capabilities: [] }
  return { discv5BootstrapNode: [enrToText(signRecord(content, key, 1n))] }
}

t.test('a node behind a router whose ways lead into the public network is not on a private one', async (t) => {
  t.equal(isPrivate({ staticnode: ['/ip4/8.8.4.4/tcp/60000'] }), false)
  t.equal(isPrivate({ staticnode: ['/ip4/192.168.1.7/tcp/60000', '/dns4/node.example.org/tcp/60000'] }), false)
  t.equal(isPrivate(await record('8.8.4.4')), false)
  t.equal(isPrivate(tree('nodes.example.org')), false)
})

t.test('a node whose ways all lead into a private network is on it, and so is one that has none', async (t) => {
  t.equal(isPrivate({}), true)
  t.equal(isPrivate({ staticnode: ['/ip4/192.168.1.7/tcp/60000'] }), true)
  t.equal(isPrivate({ peerExchangeNode: ['/dns4/bootstrap/tcp/60000'] }), true, 'a name of docker')
  t.equal(isPrivate(await record('172.18.0.2')), true)
  t.equal(isPrivate({ ...(await record('8.8.4.4')), discv5Discovery: false }), true, 'a record that is not used')
  t.equal(isPrivate({ discv5BootstrapNode: ['enr:AAAA'] }), true)
  t.equal(isPrivate(tree('nodes.test')), true)
})

t.test('what the node announces decides before that', async (t) => {
  const named = { staticnode: ['/ip4/8.8.4.4/tcp/60000'] }
  t.equal(isPrivate({ ...named, nat: { by: 'address', ip: '192.168.1.5' } }), true)
  t.equal(isPrivate({}, [...home, multiaddr('/ip4/8.8.8.8/tcp/60000')]), false)
  t.equal(isPrivate({}, [multiaddr('/dns4/node.example.org/tcp/443/wss')]), false)
})
