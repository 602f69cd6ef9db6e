/** Nodes that know one other find each other by the DHT, and a node that wants a store finds the one that there is. */
import { setTimeout } from 'node:timers/promises'
import { privateKeyFromRaw } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import t from 'tap'
import type { Service } from '../../src/net/discovery/kad/extensible-record.ts'
import { PeerPool } from '../../src/net/discovery/pool.ts'
import { foundIn, servicesOf } from '../../src/node/find-by-kad.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import type { Daemon } from '../kit/daemon.ts'
import { keyOf } from '../kit/dns-tree.ts'
import { scrapeUntil } from '../kit/scrape.ts'
import { networkDaemon } from '../kit/twins.ts'

/** Milliseconds between two looks at who is connected. */
const pause = 200

/** By the DHT alone. */
const alone = [
  '--kad-discovery=true',
  '--rendezvous=false',
  '--peer-exchange=false',
  '--rest=true',
  '--rest-admin=true',
]

async function peersOf({ restUrl }: Daemon): Promise<string> {
  return await (await fetch(`${restUrl}/admin/v1/peers/connected`)).text()
}

t.test('five nodes that know one of them find each other, and the one store, by the DHT alone', async (t) => {
  const first = await networkDaemon(t, { flags: alone })
  const flags = [...alone, `--kad-bootstrap-node=${first.tcp}`]
  const nodes: Daemon[] = []
  for (const extra of [['--store=true'], [], []]) nodes.push(await networkDaemon(t, { flags: [...flags, ...extra] }))
  const [store] = nodes
  const wanting = await networkDaemon(t, { flags: [...flags, '--relay=false'] })
  for (const one of nodes)
    for (const other of nodes)
      if (one !== other) while (!(await peersOf(one)).includes(other.peerId)) await setTimeout(pause)
  while (!(await peersOf(wanting)).includes(store?.peerId ?? '')) await setTimeout(pause)
  const asked = await fetch(`${wanting.restUrl}/store/v3/messages`)
  t.equal(asked.status, 200, 'the store answers through the node that found it')
  for (const one of [...nodes, wanting])
    t.ok(await scrapeUntil(one, (metrics) => Number(metrics.sum('waypost_found_peers_total', { source: 'kad' })) > 0))
  for (const gauge of ['waypost_kad_nodes', 'waypost_kad_records'])
    t.ok(await scrapeUntil(first, (metrics) => Number(metrics.sum(gauge)) > 0), gauge)
})

const peerId = peerIdFromPrivateKey(privateKeyFromRaw(keyOf(1)))

function found(services: readonly Service[]): ReturnType<typeof foundIn> {
  const addresses = [multiaddr(`/ip4/127.0.0.1/tcp/60000/p2p/${peerId}`)]
  return foundIn({ peerId, sequence: 1n, addresses, services })
}

t.test('a record says what its node serves and which shards it follows', async (t) => {
  const shards = { cluster: 66, shards: Array.from({ length: 15 }, (_, shard) => shard) }
  const services = servicesOf(['relay', 'store', 'filter', 'lightpush', 'sync'], shards)
  const { capabilities, ...read } = found(services)
  t.same([...capabilities].sort(), ['filter', 'lightpush', 'relay', 'store', 'sync'])
  t.same(read.shards, shards)
  t.equal(services.at(-1)?.id, 'rs')
  t.equal(services.at(-1)?.data?.length, 33, 'as long as the draft advises, at the most')
  t.same([...found(servicesOf([], undefined)).capabilities], [])
})

t.test('a node of another cluster is left out', async (t) => {
  const pool = new PeerPool({
    self: peerIdFromPrivateKey(privateKeyFromRaw(keyOf(2))),
    cluster: 66,
    capacity: 10,
    takesPrivate: () => true,
    metrics: createMetrics(),
  })
  t.notOk(pool.add(found(servicesOf(['relay'], { cluster: 67, shards: [0] }))))
  t.ok(pool.add(found(servicesOf(['relay'], { cluster: 66, shards: [0] }))))
})
