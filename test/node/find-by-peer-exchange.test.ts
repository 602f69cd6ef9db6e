/** A node that knows one other by name finds the rest by it. */
import t from 'tap'
import { enrFromText } from '../../src/net/discovery/enr.ts'
import { treeOf } from '../kit/dns-tree.ts'
import { nameServer } from '../kit/name-server.ts'
import { needs } from '../kit/tools.ts'
import { networkDaemon, relaying } from '../kit/twins.ts'

t.test('a node that has only the name of one to ask relays with those of whom it tells', async (t) => {
  const dnsmasq = needs(t, 'dnsmasq')
  if (dnsmasq === undefined) return
  const far = await networkDaemon(t)
  const tree = treeOf({ records: [enrFromText(far.enr)] })
  const { address } = await nameServer(t, dnsmasq, tree.zone)
  // It does not relay, so whoever relays with somebody relays with the one that is far.
  const teller = await networkDaemon(t, {
    flags: [`--dns-discovery-url=${tree.url}`, `--dns-addrs-name-server=${address}`, '--relay=false'],
  })
  await teller.line(({ msg }) => msg === 'tree of node records read')
  const node = await networkDaemon(t, { flags: [`--peer-exchange-node=${teller.tcp}`, '--rest=true'] })
  await relaying(t, node)
  const health = (await (await fetch(`${node.restUrl}/health`)).json()) as { protocolsHealth: Record<string, string>[] }
  t.ok(health.protocolsHealth.some((entry) => entry['Peer Exchange'] === 'READY'))
  const off = await networkDaemon(t, { flags: ['--peer-exchange=false', '--rest=true'] })
  const other = (await (await fetch(`${off.restUrl}/health`)).json()) as { protocolsHealth: Record<string, string>[] }
  t.ok(other.protocolsHealth.some((entry) => entry['Peer Exchange'] === 'NOT_MOUNTED'))
})
