/** Nodes that find each other by discv5, as operators run them. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { multiaddr } from '@multiformats/multiaddr'
import t from 'tap'
import { enrFromText } from '../../src/net/discovery/enr.ts'
import { readRecord } from '../../src/net/discovery/node-record.ts'
import { type UdpEndpoint, withSeen } from '../../src/node/find-by-discv5.ts'
import { complaints } from '../kit/complaints.ts'
import type { Daemon } from '../kit/daemon.ts'
import { networkDaemon, relaying } from '../kit/twins.ts'

/** Nothing but discv5 tells of others. */
const discv5 = [
  '--discv5-discovery=true',
  '--discv5-udp-port=0',
  '--peer-exchange=false',
  '--rendezvous=false',
  '--rest-admin=true',
]

/** Settles when `node` is connected to `other`. */
async function connected(node: Daemon, other: Daemon): Promise<{ multiaddr: string; origin: string }> {
  for (;;) {
    const answer = await fetch(`${node.restUrl}/admin/v1/peers`)
    const peers = (await answer.json()) as { multiaddr: string; origin: string; connected: string }[]
    const found = peers.find((peer) => peer.multiaddr.endsWith(other.peerId) && peer.connected === 'Connected')
    if (found !== undefined) return found
    await setTimeout(200)
  }
}

t.test('two nodes that know a third one alone find each other, and relay', async (t) => {
  const first = await networkDaemon(t, { flags: discv5 })
  const { udp } = readRecord(enrFromText(first.enr))
  t.equal(udp?.address, '127.0.0.1')
  t.ok((udp?.port ?? 0) > 0, 'the record says which port the system gave')

  const flags = [...discv5, `--discv5-bootstrap-node=${first.enr}`]
  const [one, other] = await Promise.all([networkDaemon(t, { flags }), networkDaemon(t, { flags })])
  await relaying(t, one)
  // Whoever was dialled knows of the other by being connected, until discv5 tells it too.
  const origins = await Promise.all([connected(one, other), connected(other, one)])
  t.ok(
    origins.some(({ origin }) => origin === 'Discv5'),
    origins.map(({ origin }) => origin).join(),
  )
  await connected(first, other)
  for (const node of [first, one, other]) t.same(complaints(node), [])
})

t.test('a bootstrap record that cannot be read is said and left out', async (t) => {
  const first = await networkDaemon(t, { flags: discv5 })
  const flags = [...discv5, '--discv5-bootstrap-node=enr:AAAA', `--discv5-bootstrap-node=${first.enr}`]
  const node = await networkDaemon(t, { flags })
  await node.line(({ msg }) => msg === 'discv5-bootstrap-node left out')
  await connected(node, first)
  t.pass('the other one is used')
})

t.test('a node whose UDP port is taken runs without discv5, says so, and has it when the port is free', async (t) => {
  const squatter = createSocket('udp4')
  squatter.bind({ address: '127.0.0.1', port: 0 })
  await once(squatter, 'listening')
  const { port } = squatter.address()
  const node = await networkDaemon(t, { flags: [...discv5, '--rest=true', `--discv5-udp-port=${port}`] })
  const health = async (): Promise<string | undefined> => {
    const answer = await fetch(`${node.restUrl}/health`)
    const { protocolsHealth } = (await answer.json()) as { protocolsHealth: Record<string, string>[] }
    return protocolsHealth.find((entry) => 'Discv5' in entry)?.Discv5
  }
  t.match(await node.line(({ part, msg }) => part === 'discv5' && msg === 'not open, will be tried again'), {
    reason: /EADDRINUSE/,
  })
  t.equal(await health(), 'NOT_READY')
  t.equal(readRecord(enrFromText(node.enr)).udp, undefined, 'its record tells of no port that it has not')
  squatter.close()
  await node.line(({ part, msg }) => part === 'discv5' && msg === 'discv5 listens')
  while ((await health()) !== 'READY') await setTimeout(100)
  const info = (await (await fetch(`${node.restUrl}/debug/v1/info`)).json()) as { enrUri: string }
  t.equal(readRecord(enrFromText(info.enrUri)).udp?.port, port)
})

t.test('what others see is announced first, unless the operator has said better', async (t) => {
  const inner = ['/ip4/10.0.0.7/tcp/60000', '/ip4/10.0.0.7/tcp/8000/ws'].map((address) => multiaddr(address))
  const outer = multiaddr('/ip4/203.0.113.7/tcp/30303')
  const seen: UdpEndpoint = { port: 9000, seen: { address: '198.51.100.9', port: 9000 } }
  t.same(withSeen(inner, seen).map(String), ['/ip4/198.51.100.9/tcp/60000', ...inner.map(String)])
  t.same(withSeen(inner, { port: 9000 }), inner, 'nothing is seen yet')
  t.same(withSeen([outer, ...inner], seen), [outer, ...inner], 'a public address is there already')
})
