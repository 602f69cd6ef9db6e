import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { multiaddr } from '@multiformats/multiaddr'
import t, { type Test } from 'tap'
import { DialRules } from '../../../src/net/guards/dial-rules.ts'
import { host } from '../../kit/host.ts'

/** What the names lead to. */
const names: Readonly<Record<string, readonly string[]>> = {
  'public.example': ['8.8.4.4', '2001:4860::1'],
  'lan.example': ['192.168.1.1'],
  'loopback.example': ['127.0.0.1', '::1'],
  'both.example': ['8.8.4.4', '10.0.0.1'],
  'mapped.example': ['::ffff:10.0.0.1'],
}

function rulesOf(takesPrivate = false): DialRules {
  return new DialRules({
    takesPrivate: () => takesPrivate,
    resolve: async (name, family) => (names[name] ?? []).filter((ip) => ip.includes(':') === (family === 6)),
  })
}

const { signal } = new AbortController()
const wayOf = async (rules: DialRules, address: string) => String(await rules.wayTo(multiaddr(address), signal))

t.test('a stranger sends us to no private address, by name or without one', async (t) => {
  for (const address of [
    '/ip4/192.168.1.1/tcp/80',
    '/ip6/::1/tcp/80/ws',
    '/ip6/::ffff:10.0.0.1/tcp/80',
    '/dns4/lan.example/tcp/80',
    '/dns/loopback.example/tcp/80/ws',
    '/dns6/loopback.example/tcp/443/wss',
    '/dns4/both.example/tcp/80',
    '/dns6/mapped.example/tcp/80',
    '/dns4/nowhere.example/tcp/80',
    '/ip6zone/eth0/ip6/fe80::1/tcp/80',
    '/unix/%2ftmp%2fsocket',
  ])
    await t.rejects(wayOf(rulesOf(), address), { code: 'net/private-address' }, address)
  t.equal(await wayOf(rulesOf(), '/ip4/8.8.4.4/tcp/80'), '/ip4/8.8.4.4/tcp/80')
})

t.test('the address that was looked at is dialled, and a name stands where TLS proves it', async (t) => {
  const peer = '/p2p/16Uiu2HAkykgaECHswi3YKJ5dMLbq2kPVCo89fcyTd38UcQD6ej5W'
  t.equal(await wayOf(rulesOf(), `/dns4/public.example/tcp/80${peer}`), `/ip4/8.8.4.4/tcp/80${peer}`)
  t.equal(await wayOf(rulesOf(), '/dns6/public.example/tcp/80/ws'), '/ip6/2001:4860::1/tcp/80/ws')
  for (const secure of ['/dns4/public.example/tcp/443/wss', '/dns4/public.example/tcp/443/tls/ws'])
    t.equal(await wayOf(rulesOf(), secure), secure)
})

t.test('what the operator names is dialled wherever it leads, and so is everything on a private network', async (t) => {
  const [address, other] = ['/dns4/lan.example/tcp/80', '/ip4/192.168.1.1/tcp/80']
  const rules = rulesOf()
  rules.name([multiaddr(address)])
  rules.give(multiaddr(other))
  for (const one of [address, other]) t.equal(await wayOf(rules, one), one)
  for (const door of ['/dns4/lan.example/tcp/22', '/ip4/192.168.1.1/tcp/22', '/ip4/192.168.1.1/udp/22/webrtc-direct'])
    await t.rejects(wayOf(rules, door), { code: 'net/private-address' }, 'another door of the same host is not named')
  for (const inner of [`${address}/ws`, `${other}/ws`])
    t.equal(await wayOf(rules, inner), inner, 'by whatever is spoken')
  rules.name([])
  await t.rejects(wayOf(rules, address), { code: 'net/private-address' }, 'it is named no more')
  for (let asked = 0; asked < 1000; asked += 1) rules.give(multiaddr(`/ip4/10.0.${asked >> 8}.${asked & 255}/tcp/80`))
  await t.rejects(wayOf(rules, other), { code: 'net/private-address' }, 'those that were asked for are bounded')
  for (const one of [address, other]) t.equal(await wayOf(rulesOf(true), one), one)
  await t.rejects(wayOf(rulesOf(true), '/unix/%2ftmp%2fsocket'), { code: 'net/private-address' })
})

/** A service on loopback that counts who knocks. */
async function door(t: Test) {
  const knocks = { count: 0 }
  const server = createServer((socket) => {
    knocks.count += 1
    socket.destroy()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { knocks, port: (server.address() as AddressInfo).port }
}

t.test('a host of the public network does not knock where a name of a stranger leads to loopback', async (t) => {
  const { knocks, port } = await door(t)
  const [guarded, free] = [await host(t, { rules: rulesOf() }), await host(t)]
  const addresses = ['/dns4/localhost/tcp', '/ip4/127.0.0.1/tcp'].flatMap((head) => [
    `${head}/${port}`,
    `${head}/${port}/ws`,
  ])
  for (const address of addresses) await t.rejects(guarded.libp2p.dial(multiaddr(address)))
  t.equal(knocks.count, 0)
  for (const address of addresses) await t.rejects(free.libp2p.dial(multiaddr(address)))
  t.equal(knocks.count, addresses.length, 'who has no rules knocks')
})
