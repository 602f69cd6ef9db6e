/** Peer exchange as @waku/sdk asks for it: a browser's light client finds further nodes by the first one. */
import t from 'tap'
import { enrFromText } from '../../src/net/discovery/enr.ts'
import { treeOf } from '../kit/dns-tree.ts'
import { nameServer } from '../kit/name-server.ts'
import { join, lightClient } from '../kit/sdk.ts'
import { needs } from '../kit/tools.ts'
import { networkDaemon } from '../kit/twins.ts'

t.test('@waku/sdk finds the nodes that ours found, and connects with them', async (t) => {
  const dnsmasq = needs(t, 'dnsmasq')
  if (dnsmasq === undefined) return
  const fleet = await Promise.all([networkDaemon(t), networkDaemon(t)])
  const tree = treeOf({ records: fleet.map(({ enr }) => enrFromText(enr)) })
  const { address } = await nameServer(t, dnsmasq, tree.zone)
  const flags = [`--dns-discovery-url=${tree.url}`, `--dns-addrs-name-server=${address}`]
  const node = await networkDaemon(t, { flags: [...flags, '--log-level=debug'] })
  await node.line(({ msg }) => msg === 'tree of node records read')
  const client = await lightClient(t, undefined, { peerExchange: true })
  const wanted = new Set(fleet.map(({ peerId }) => peerId))
  const met = new Promise<void>((resolve) => {
    client.libp2p.addEventListener('peer:connect', ({ detail }) => {
      wanted.delete(detail.toString())
      if (wanted.size === 0) resolve()
    })
  })
  await join(client, node)
  await met
  t.same([...wanted], [])
})
