/** doctor reads the trees in DNS that the settings name, when one wants it. */
import t from 'tap'
import { checkTrees } from '../../../src/cli/doctor/trees.ts'
import { records, treeOf } from '../../kit/dns-tree.ts'
import { nameServer } from '../../kit/name-server.ts'
import { needs } from '../../kit/tools.ts'
import { examined } from './kit.ts'

t.test('a tree is read when one wants it, and what is wrong with it is told', async (t) => {
  const dnsmasq = needs(t, 'dnsmasq')
  if (dnsmasq === undefined) return
  const tree = treeOf({ records: records(2) })
  const server = await nameServer(t, dnsmasq, tree.zone)
  const look = (cluster: number, lookUp = true, url = tree.url) => {
    const flags = [`--dns-discovery-url=${url}`, `--dns-addrs-name-server=${server.address}`, `--cluster-id=${cluster}`]
    return checkTrees(examined(flags, { lookUp }))
  }
  t.same(await look(66, false), [])
  t.equal(server.asked.length, 0, 'nobody is asked unless one wants it')
  t.match(await look(66), [{ level: 'ok', says: 'the tree at nodes.test names 2 nodes, 2 of cluster 66' }])
  t.match(await look(67), [{ level: 'warn', says: /2 nodes, 0 of cluster 67/ }])
  const stranger = treeOf({ records: [], key: Buffer.alloc(32, 9) }).url
  t.match(await look(66, true, stranger), [{ level: 'fail', says: /is not signed by the key in its URL/ }])
  const [name = ''] = [...tree.zone].find(([, text]) => text.startsWith('enr:')) ?? []
  await server.change(new Map(tree.zone).set(name, 'enrtree-branch:'))
  t.match(await look(66), [{ level: 'warn', says: /1 nodes, 1 of cluster 66; the entry at .* is not the one/ }])
  await server.stop()
  t.match(await look(66), [{ level: 'fail', says: /no TXT record for nodes\.test/ }])
})
