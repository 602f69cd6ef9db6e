import path from 'node:path'
import t from 'tap'
import { ClockWatch } from '../../src/node/clock-watch.ts'
import { measureGauges } from '../../src/node/gauges.ts'
import type { NodeHost } from '../../src/node/host.ts'
import { ShardSizes } from '../../src/node/shard-sizes.ts'
import type { Relay } from '../../src/protocols/relay/service.ts'
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.ts'
import { envelope } from '../kit/messages.ts'

/** A host without peers, for what does not depend on them. */
const alone = {
  libp2p: { getConnections: () => [] },
  traffic: () => ({ in: 0, out: 0 }),
  knownPeers: () => 0,
  reservations: () => 0,
} as unknown as NodeHost

/** It finds nobody. */
const discovery = { measure() {} }

/** The lines of a scrape that begin with `name`. */
async function lines({ registry }: Metrics, name: string): Promise<readonly string[]> {
  return (await registry.metrics())
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
}

const value = (line = ''): number => Number(line.split(' ').at(-1))

t.test('the disk under each folder is measured, and one that is gone is absent', async (t) => {
  const metrics = createMetrics()
  const folder = t.testdir()
  const parts = { metrics, clockWatch: new ClockWatch(), discovery, shardSizes: new ShardSizes(), host: alone }
  await measureGauges({ ...parts, folders: { data: folder, archive: folder } })
  const [free, size] = [
    await lines(metrics, 'waypost_disk_free_bytes'),
    await lines(metrics, 'waypost_disk_size_bytes'),
  ]
  t.equal(free.length, 2)
  t.ok(value(free[0]) > 0 && value(free[0]) <= value(size[0]), 'some of it is free')
  await measureGauges({ ...parts, folders: { data: path.join(folder, 'gone'), archive: folder } })
  const left = await lines(metrics, 'waypost_disk_free_bytes')
  t.equal(left.length, 1)
  t.match(left[0], /folder="archive"/)
})

t.test('each shard that is followed has its peers told, and no other', async (t) => {
  const metrics = createMetrics()
  const topics = new Set(['/waku/2/rs/0/3', '/waku/2/rs/0/5'])
  const relay = { topics, meshPeers: () => ['a', 'b'], subscribers: () => ['a', 'b', 'c'] } as unknown as Relay
  const shardSizes = new ShardSizes()
  const folders = { data: t.testdir() }
  const parts = { metrics, clockWatch: new ClockWatch(), discovery, shardSizes, host: alone, relay, folders }
  await measureGauges(parts)
  t.same(await lines(metrics, 'libp2p_pubsub_topics'), ['libp2p_pubsub_topics 2'])
  t.same(await lines(metrics, 'waku_connected_peers_per_shard'), [
    'waku_connected_peers_per_shard{shard="3"} 3',
    'waku_connected_peers_per_shard{shard="5"} 3',
  ])
  topics.delete('/waku/2/rs/0/3')
  await measureGauges(parts)
  t.same(await lines(metrics, 'waku_relay_mesh_peers'), ['waku_relay_mesh_peers{shard="5"} 2'])
})

t.test('each shard has its bytes of payload told: the sum, the largest, the mean', async (t) => {
  const metrics = createMetrics()
  const sizes = new ShardSizes()
  for (const length of [10, 20, 60]) sizes.offer(envelope({ payload: new Uint8Array(length) }))
  sizes.put(envelope({ payload: new Uint8Array(30) }, '/waku/2/rs/0/9'))
  sizes.measure(metrics)
  const told = async (name: string) => (await lines(metrics, name)).map(value)
  t.same(await told('waku_relay_total_msg_bytes_per_shard'), [90, 30])
  t.same(await told('waku_relay_max_msg_bytes_per_shard'), [60, 30])
  t.same(await told('waku_relay_avg_msg_bytes_per_shard'), [30, 30])
})
