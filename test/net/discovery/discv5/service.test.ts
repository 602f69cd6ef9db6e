import t from 'tap'
import { enrToText } from '../../../../src/net/discovery/enr.ts'
import { readRecord } from '../../../../src/net/discovery/node-record.ts'
import { discv5Node, metricValue } from '../../../kit/discv5.ts'
import { until } from '../../../kit/until.ts'

const shard = (...shards: number[]) => ({ cluster: 16, shards })

t.test('a record that changed is fetched by those who know the node, and told on', async (t) => {
  const first = await discv5Node(t, { address: '127.0.3.1' })
  const one = await discv5Node(t, { address: '127.0.3.2', bootstrap: [first.record()] })
  const other = await discv5Node(t, { address: '127.0.3.3', bootstrap: [first.record()] })
  await until(() => other.found.has(one.peerId) && first.found.has(one.peerId))
  one.change(shard(0, 5))
  const newest = enrToText(one.record())
  const has = (node: typeof first): boolean => node.discv5.nodes.some((enr) => enrToText(enr) === newest)
  await until(() => has(first) && has(other))
  const told = (): ReturnType<typeof readRecord> | undefined => {
    const enr = first.found.get(one.peerId)
    return enr && readRecord(enr)
  }
  await until(() => told()?.sequence === readRecord(one.record()).sequence)
  t.same(told()?.shards, shard(0, 5))
})

t.test('a node that lost its sessions is met again', async (t) => {
  const first = await discv5Node(t, { address: '127.0.3.4' })
  const one = await discv5Node(t, { address: '127.0.3.5', bootstrap: [first.record()] })
  await until(() => first.found.has(one.peerId))
  const { port } = one.discv5
  await one.stop()
  const again = await discv5Node(t, { address: '127.0.3.5', port, key: one.privateKey, sequence: 10n })
  // It knows nobody: the other one asks it under keys that it has no more.
  await until(() => again.discv5.size === 1)
  t.ok(again.found.has(first.peerId))
})

t.test('only nodes of our shards are handed on; bootstrap nodes always are', async (t) => {
  const first = await discv5Node(t, { address: '127.0.3.6', shards: shard(7), capabilities: [] })
  const one = await discv5Node(t, { address: '127.0.3.7', bootstrap: [first.record()], shards: shard(1, 2) })
  const ours = await discv5Node(t, { address: '127.0.3.8', bootstrap: [first.record()], shards: shard(2) })
  const other = await discv5Node(t, { address: '127.0.3.9', bootstrap: [first.record()], shards: shard(3) })
  const mute = await discv5Node(t, {
    address: '127.0.3.10',
    bootstrap: [first.record()],
    shards: shard(2),
    capabilities: [],
  })
  await until(() => one.discv5.size === 4 && one.found.has(ours.peerId) && one.found.has(first.peerId))
  t.notOk(one.found.has(other.peerId), 'another shard')
  t.notOk(one.found.has(mute.peerId), 'no capability')
  t.equal(await metricValue(one.metrics, 'waku_discv5_discovered_per_shard', { shard: '2' }), 2)
  t.equal(await metricValue(one.metrics, 'waku_discv5_discovered_per_shard', { shard: '3' }), 0, 'not ours')
})

t.test('nodes find each other over IPv6, and one socket of IPv6 reaches IPv4 too', async (t) => {
  const six = await discv5Node(t, { address: '::1' })
  const other = await discv5Node(t, { address: '::1', bootstrap: [six.record()] })
  await until(() => six.found.has(other.peerId) && other.found.has(six.peerId))
  const four = await discv5Node(t, { address: '127.0.3.11' })
  const both = await discv5Node(t, { address: '::', bootstrap: [four.record(), six.record()] })
  await until(() => both.discv5.size >= 2)
  t.ok(both.found.has(four.peerId) && both.found.has(six.peerId))
})

t.test('a node hears of others by other ways, and of itself nothing', async (t) => {
  const [one, other] = [await discv5Node(t, { address: '127.0.3.12' }), await discv5Node(t, { address: '127.0.3.13' })]
  one.discv5.addRecord(one.record())
  one.discv5.addRecord(other.record())
  await until(() => one.discv5.size === 1 && other.discv5.size === 1)
  t.same([...one.found.keys()], [other.peerId])
})

t.test('a port that is taken is said, and a node that stops answers nobody', async (t) => {
  const one = await discv5Node(t, { address: '127.0.3.14' })
  await t.rejects(discv5Node(t, { address: '127.0.3.14', port: one.discv5.port }), { code: 'listen/failed' })
  await one.stop()
  await one.stop()
  const next = await discv5Node(t, { address: '127.0.3.14', port: one.discv5.port })
  t.equal(next.discv5.port, one.discv5.port, 'and its port is free again')
})
