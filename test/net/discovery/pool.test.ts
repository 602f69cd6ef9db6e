import { generateKeyPair } from '@libp2p/crypto/keys'
import { multiaddr } from '@multiformats/multiaddr'
import t from 'tap'
import { cluster, peer, pool } from './kit.ts'

t.test('a peer of our cluster is taken, one of another is not', async (t) => {
  const known = await pool()
  t.equal(known.add(await peer()), true)
  t.equal(known.add(await peer({ cluster: cluster + 1 })), false)
  t.equal(known.size, 1)
})

t.test('we are not a peer of ourselves', async (t) => {
  const self = await peer()
  const known = await pool({ self: self.peerId })
  t.equal(known.add(self), false)
  t.equal(known.add(await peer()), true)
})

t.test('a later record takes the place of an earlier one, and an earlier one does not', async (t) => {
  const key = await generateKeyPair('secp256k1')
  const known = await pool()
  const at = (port: number, sequence: bigint) => peer({ key, sequence, address: `/ip4/127.0.0.1/tcp/${port}` })
  known.add(await at(4001, 5n))
  known.add(await at(4002, 4n))
  const [before] = known.all
  t.match(before?.addresses.map(String), [/tcp\/4001/])
  known.add(await at(4003, 6n))
  const [after] = known.all
  t.match(after?.addresses.map(String), [/tcp\/4003/])
  t.equal(known.size, 1)
})

t.test('a peer that moved to another cluster is forgotten, and not by an earlier record', async (t) => {
  const key = await generateKeyPair('secp256k1')
  const known = await pool()
  const of = (cluster: number, sequence: bigint) => peer({ key, cluster, sequence })
  known.add(await of(cluster, 5n))
  t.equal(known.add(await of(cluster + 1, 4n)), false)
  t.equal(known.size, 1, 'it was there before')
  t.equal(known.add(await of(cluster + 1, 6n)), false)
  t.equal(known.size, 0)
})

t.test('what nobody signed does not take the place of a record', async (t) => {
  const signed = await peer()
  const known = await pool()
  known.add(signed)
  known.add({ ...signed, record: undefined, shards: undefined, source: 'connected' })
  t.equal(known.get(signed.peerId)?.record, signed.record)
})

t.test('on the public network addresses of private ones are left out', async (t) => {
  const known = await pool({ takesPrivate: () => false })
  t.equal(known.add(await peer({ address: '/ip4/192.168.1.2/tcp/4000' })), false)
  t.equal(known.add(await peer({ address: '/ip4/127.0.0.1/tcp/4000' })), false)
  t.equal(known.add(await peer({ address: '/ip4/8.8.4.4/tcp/4000' })), true)
  t.equal(known.add(await peer({ address: '/dns4/node.example.org/tcp/4000' })), true)
})

t.test('addresses that cannot be dialled, or lead to any number of others, are left out', async (t) => {
  const known = await pool()
  const found = await peer()
  const at = (...addresses: string[]) => ({ ...found, addresses: addresses.map((address) => multiaddr(address)) })
  for (const address of [
    '/ip4/8.8.4.4/tcp/0',
    '/ip4/8.8.4.4/udp/4000/quic-v1',
    '/dnsaddr/node.example.org',
    '/dnsaddr/node.example.org/tcp/4000',
    '/ip6zone/eth0/ip6/fe80::1/tcp/4000',
    '/unix/%2ftmp%2fsocket',
  ])
    t.equal(known.add(at(address)), false, address)
  t.equal(known.add(at('/ip4/8.8.4.4/tcp/0', '/dns4/node.example.org/tcp/443/wss')), true)
  t.same(known.get(found.peerId)?.addresses.map(String), ['/dns4/node.example.org/tcp/443/wss'])
})

t.test('a peer has few addresses on one host: nobody has us try the ports of a third', async (t) => {
  const known = await pool()
  const found = await peer()
  const ports = Array.from({ length: 12 }, (_, index) => multiaddr(`/ip4/8.8.4.4/tcp/${4000 + index}`))
  known.add({ ...found, addresses: [...ports, multiaddr('/ip4/8.8.8.8/tcp/4000')] })
  const hosts = known.get(found.peerId)?.addresses.map((address) => address.getComponents()[0]?.value)
  t.same(hosts, ['8.8.4.4', '8.8.4.4', '8.8.4.4', '8.8.4.4', '8.8.8.8'])
})

t.test('the pool is bounded: the one heard of longest ago goes', async (t) => {
  const known = await pool({ capacity: 2 })
  const [first, second, third] = [await peer(), await peer(), await peer()]
  known.add(first)
  known.add(second)
  known.add(first)
  known.add(third)
  t.equal(known.size, 2)
  t.equal(known.get(second.peerId), undefined)
  t.ok(known.get(first.peerId), 'it was heard of again')
})

t.test('peers made up by one who tells of many push out no others than those that came the same way', async (t) => {
  const known = await pool({ capacity: 10 })
  const [named, table] = [await peer({ source: 'dns' }), await peer({ source: 'discv5' })]
  for (const found of [named, table]) known.add(found)
  const told = await Promise.all(Array.from({ length: 30 }, () => peer({ source: 'peer-exchange' })))
  for (const found of told) known.add(found)
  t.equal(known.size, 10)
  t.ok(known.get(named.peerId) && known.get(table.peerId))
  t.equal(told.filter(({ peerId }) => known.get(peerId)).length, 8)
  t.ok(known.get(told.at(-1)?.peerId ?? ''), 'the latest of them are there')
})

t.test('a peer that is heard of by another way counts as one of that way, and nowhere twice', async (t) => {
  const known = await pool({ capacity: 2 })
  const bare = { ...(await peer({ source: 'connected' })), record: undefined }
  known.add(bare)
  known.add({ ...bare, source: 'dns' })
  const [first, second] = [await peer({ source: 'connected' }), await peer({ source: 'connected' })]
  for (const found of [first, second]) known.add(found)
  t.ok(known.get(bare.peerId) && known.get(second.peerId))
  t.equal(known.get(first.peerId), undefined)
})

t.test('listeners hear of each peer that is taken, and of no other', async (t) => {
  const known = await pool()
  const heard: string[] = []
  const listening = known.onFound(({ peerId }) => heard.push(peerId.toString()))
  const taken = await peer()
  known.add(taken)
  known.add(await peer({ cluster: cluster + 1 }))
  listening[Symbol.dispose]()
  known.add(await peer())
  t.same(heard, [taken.peerId.toString()])
})
