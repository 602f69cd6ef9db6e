/** Nodes that find each other by a tree of node records in DNS, as operators run them. */
import { mkdtemp, readFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { enrFromText, enrToText } from '../../src/net/discovery/enr.ts'
import { treeOf } from '../kit/dns-tree.ts'
import { nameServer } from '../kit/name-server.ts'
import { needs } from '../kit/tools.ts'
import { networkDaemon, relaying } from '../kit/twins.ts'

t.test('a node relays with another one that a tree in DNS names, and finds it again when DNS is away', async (t) => {
  const dnsmasq = needs(t, 'dnsmasq')
  if (dnsmasq === undefined) return
  const named = await networkDaemon(t)
  const tree = treeOf({ records: [enrFromText(named.enr)] })
  const server = await nameServer(t, dnsmasq, tree.zone)
  const dataDir = await mkdtemp(path.join(t.testdir(), 'data-'))
  const flags = [`--dns-discovery-url=${tree.url}`, `--dns-addrs-name-server=${server.address}`]
  const node = await networkDaemon(t, { flags, dataDir })
  await relaying(t, node)
  await node.stop()
  const kept = await readFile(path.join(dataDir, 'dns-trees.json'), 'utf8')
  t.ok(kept.includes(enrToText(enrFromText(named.enr))), 'what was read is kept')
  await server.stop()
  // The peers of the run before are another way to it.
  const again = await networkDaemon(t, { flags: [...flags, '--peer-persistence=false'], dataDir })
  await relaying(t, again)
  await again.line(({ msg }) => msg === 'tree of node records not read whole')
  t.pass('it relays')
})

t.test('a tree that is forged does no harm but a warning', async (t) => {
  const dnsmasq = needs(t, 'dnsmasq')
  if (dnsmasq === undefined) return
  const stranger = await networkDaemon(t)
  const records = [enrFromText(stranger.enr)]
  const forged = treeOf({ records, key: Buffer.alloc(32, 9) })
  const server = await nameServer(t, dnsmasq, forged.zone)
  const flags = [`--dns-discovery-url=${treeOf({ records }).url}`, `--dns-addrs-name-server=${server.address}`]
  const node = await networkDaemon(t, { flags: [...flags, '--rest=true', '--rest-admin=true'] })
  const warning = await node.line(({ msg }) => msg === 'tree of node records not read whole')
  t.match(warning, { code: 'dns-tree/forged' })
  t.equal((await fetch(`${node.restUrl}/health`)).status, 200)
  const peers = await (await fetch(`${node.restUrl}/admin/v1/peers`)).text()
  t.notMatch(peers, stranger.peerId)
})
