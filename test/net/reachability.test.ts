import { multiaddr } from '@multiformats/multiaddr'
import t from 'tap'
import { readCertificate } from '../../src/net/certificate.ts'
import type { Host } from '../../src/net/host.ts'
import { Inside } from '../../src/net/inside.ts'
import { Reachability } from '../../src/net/reachability.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { Authority } from '../kit/authority.ts'
import { connect, host } from '../kit/host.ts'
import { needs } from '../kit/tools.ts'

/** The announced addresses without the peer id. */
function announced(one: Host): string[] {
  return one.addresses().map((address) => address.toString().replace(/\/p2p\/.*/, ''))
}

function portOf(one: Host): number {
  return Number(/tcp\/(\d+)/.exec(String(one.addresses()[0]))?.[1])
}

/** A router that says `externalAddress`, and maps our port to 1234, and UDP port 9000 to 4321. */
function mapping(one: Host, externalAddress: string) {
  return { externalAddress, ports: new Map([[portOf(one), 1234]]), udpPorts: new Map([[9000, 4321]]) }
}

t.test(
  'an address of the router is announced once two peers that we dialled see us there, and gone with it',
  async (t) => {
    const [one, peer, other] = await Promise.all([
      host(t),
      host(t),
      host(t, { listen: { address: '127.0.0.2', tcpPort: 0 } }),
    ])
    const own = announced(one)
    let changes = 0
    one.reachability.onChange(() => {
      changes += 1
    })
    one.reachability.map(mapping(one, '127.0.0.1'))
    t.same(announced(one), own, 'nobody has seen us there')
    t.equal(one.reachability.udpPort(9000), 9000)
    await connect(one, peer)
    t.same(announced(one), own, 'one may lie')
    const told = new Promise<void>((resolve) => one.reachability.onChange(resolve))
    await connect(one, other)
    await told
    t.same(announced(one), ['/ip4/127.0.0.1/tcp/1234', ...own])
    t.same(
      [9000, 9001].map((port) => one.reachability.udpPort(port)),
      [4321, 9001],
      'with the UDP port of the router',
    )
    one.reachability.map(undefined)
    t.same(announced(one), own)
    t.equal(one.reachability.udpPort(9000), 9000)
    t.equal(changes, 2)
  },
)

t.test('an address that the router made up is never announced', async (t) => {
  const [one, peer, other] = await Promise.all([
    host(t),
    host(t),
    host(t, { listen: { address: '127.0.0.2', tcpPort: 0 } }),
  ])
  const own = announced(one)
  one.reachability.map(mapping(one, '8.8.8.8'))
  const identified = [peer, other].map(
    ({ libp2p: { peerId } }) =>
      new Promise<void>((resolve) =>
        one.libp2p.addEventListener('peer:identify', ({ detail }) => detail.peerId.equals(peerId) && resolve()),
      ),
  )
  await Promise.all([connect(one, peer), connect(one, other)])
  await Promise.all(identified)
  t.same(announced(one), own)
})

t.test('peers that dial us are no witnesses: they say what they like', async (t) => {
  const one = await host(t)
  const own = announced(one)
  one.reachability.map(mapping(one, '127.0.0.1'))
  for (const address of ['127.0.0.1', '127.0.0.2']) {
    const peer = await host(t, { listen: { address, tcpPort: 0 } })
    const identified = new Promise((resolve) => one.libp2p.addEventListener('peer:identify', resolve))
    await connect(peer, one)
    await identified
  }
  t.same(announced(one), own)
})

t.test('what the operator says is announced whatever the router has', async (t) => {
  const one = await host(t, { announce: { externalAddress: '192.0.2.7' } })
  const port = portOf(one)
  one.reachability.map(mapping(one, '8.8.8.8'))
  one.reachability.judged(multiaddr('/ip4/8.8.8.8/tcp/1234'), true)
  t.same(announced(one), [`/ip4/192.0.2.7/tcp/${port}`])
})

t.test(
  'an address that peers cannot dial is not announced, one that they can dial is, and the state says so',
  async (t) => {
    const metrics = createMetrics()
    const one = await host(t, { metrics })
    const own = announced(one)
    const shown = async () => (await metrics.waypost_reachability.get()).values.find(({ value }) => value === 1)?.labels
    t.same(await shown(), { state: 'unknown' })
    one.reachability.map(mapping(one, '8.8.8.8'))
    const outer = multiaddr('/ip4/8.8.8.8/tcp/1234')
    one.reachability.judged(outer, true)
    t.same(announced(one), ['/ip4/8.8.8.8/tcp/1234', ...own])
    t.same(await shown(), { state: 'public' })
    one.reachability.judged(outer, false)
    t.same(announced(one), own)
    t.same(await shown(), { state: 'private' })
  },
)

t.test('no peer judges a private address', async (t) => {
  const one = await host(t)
  const own = announced(one)
  one.reachability.judged(multiaddr(own[0] ?? ''), false)
  t.same(announced(one), own)
})

/** What a node announces whose listeners are at `listening`. */
function reachability(listening: readonly string[], more: Partial<ConstructorParameters<typeof Reachability>[0]> = {}) {
  const inside = Object.assign(new Inside(), { listening: () => listening.map((address) => multiaddr(address)) })
  const made = new Reachability({ announce: {}, inside, metrics: createMetrics(), log: silentLog(), ...more })
  return Object.assign(made, { texts: () => made.announced().map(String) })
}

t.test(
  'peers who cannot dial wss by its address say nothing about it, those who cannot dial its host do',
  async (t) => {
    const found = reachability(['/ip4/203.0.113.7/tcp/1/tls/ws', '/ip4/203.0.113.7/tcp/2'])
    found.judged(multiaddr('/ip4/203.0.113.7/tcp/1/tls/ws'), false)
    t.same(found.texts(), ['/ip4/203.0.113.7/tcp/1/wss', '/ip4/203.0.113.7/tcp/2'])
    found.judged(multiaddr('/ip4/203.0.113.7/tcp/2'), false)
    t.same(found.texts(), [])
  },
)

t.test('wss is announced by its name at the forge while the certificate is good for it, and not without', async (t) => {
  if (needs(t, 'openssl') === undefined) return
  const forgeDomain = 'k5.forge.example'
  const authority = new Authority(t.testdir())
  const certificate = (name: string, days: number) => readCertificate(authority.issue({ name, days }))
  let now = Date.now()
  const listening = ['/ip4/203.0.113.7/tcp/1/tls/ws', '/ip4/192.168.1.2/tcp/1/tls/ws', '/ip4/203.0.113.7/tcp/2']
  const found = reachability(listening, { forgeDomain, clock: () => now })
  const plain = ['/ip4/203.0.113.7/tcp/2']
  const name = '/dns4/203-0-113-7.k5.forge.example/tcp/1/wss'
  let changes = 0
  found.onChange(() => {
    changes += 1
  })
  t.same(found.texts(), plain)
  t.same(found.forgeNames().map(String), [name], 'what a certificate is needed for')
  found.serves(await certificate('*.k6.forge.example', 9))
  t.same(found.texts(), plain, 'the certificate is for another name')
  found.serves(await certificate(`*.${forgeDomain}`, 9))
  t.same(found.texts(), [...plain, name])
  t.same(found.public().map(String), [...plain, name])
  t.equal(changes, 1)
  now += 10 * 24 * 3_600_000
  t.same(found.texts(), plain, 'it has ended')
})

t.test('a domain that the operator told stands for TCP, the address that he told is named for wss', async (t) => {
  const announce = { domain: 'node.example', externalAddress: '203.0.113.9' }
  const found = reachability(['/ip4/10.0.0.2/tcp/1/tls/ws', '/ip4/10.0.0.2/tcp/2'], { announce, forgeDomain: 'k5.f' })
  t.same(found.texts(), ['/dns4/node.example/tcp/2'])
  t.same(found.forgeNames().map(String), ['/dns4/203-0-113-9.k5.f/tcp/1/wss'])
})
