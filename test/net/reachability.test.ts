import { multiaddr } from '@multiformats/multiaddr'
import t from 'tap'
import type { Host } from '../../src/net/host.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { connect, host } from '../kit/host.ts'

/** The announced addresses without the peer id. */
function announced(one: Host): string[] {
  return one.addresses().map((address) => address.toString().replace(/\/p2p\/.*/, ''))
}

function portOf(one: Host): number {
  return Number(/tcp\/(\d+)/.exec(String(one.addresses()[0]))?.[1])
}

/** A router that says `externalAddress`, and maps our port to 1234. */
function mapping(one: Host, externalAddress: string) {
  return { externalAddress, ports: new Map([[portOf(one), 1234]]) }
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
    await connect(one, peer)
    t.same(announced(one), own, 'one may lie')
    const told = new Promise<void>((resolve) => one.reachability.onChange(resolve))
    await connect(one, other)
    await told
    t.same(announced(one), ['/ip4/127.0.0.1/tcp/1234', ...own])
    one.reachability.map(undefined)
    t.same(announced(one), own)
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
