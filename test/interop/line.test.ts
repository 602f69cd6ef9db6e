/** Three nodes in a line, A - B - C: what a client hands to A is in C's store, all of it, once. */
import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { PeerId } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import t from 'tap'
import { openEnvelope } from '../../src/core/envelope.ts'
import { pubsubTopicFor } from '../../src/core/sharding.ts'
import type { Host } from '../../src/net/host.ts'
import { push } from '../../src/protocols/lightpush/client.ts'
import { StoreClient } from '../../src/protocols/store/client.ts'
import { complaints } from '../kit/complaints.ts'
import { host } from '../kit/host.ts'
import { messageBytes } from '../kit/messages.ts'
import { pooled } from '../kit/pool.ts'
import { testNetwork } from '../kit/sdk.ts'
import { neighbour, networkDaemon } from '../kit/twins.ts'

const count = 10_000
const contentTopic = '/waypost/1/line/proto'
/** The shard of that topic in the test network, which the hash of a message needs. */
const { clusterId, numShardsInCluster } = testNetwork
const pubsubTopic = pubsubTopicFor(contentTopic, { cluster: clusterId, shardCount: numShardsInCluster }) ?? ''

/** Pushes under way at once: as many as a connection may have. */
const pushesAtOnce = 32

/** Payload bytes: spread evenly over these. */
const [leastBytes, mostBytes] = [64, 1024]

// A guard only: it takes 15 s alone, and minutes on a machine that has other work.
t.setTimeout(600_000)

/** How long to wait before looking again whether the rest has come. */
const pause = 250

// The defaults are for one phone, and this client stands for many: 600 pushes a minute, 1,000 new streams a second,
// above which its connection is closed and the pushes under way have no answer.
const flags = ['--rate-limit=lightpush:1000000/1m', '--rate-limit=store:1000000/1m', '--max-new-streams=1000000']

t.test('10,000 messages pass through a line of three nodes, none lost, none twice', async (t) => {
  const c = await networkDaemon(t, { flags })
  const b = await neighbour(t, c, { flags: [...flags, '--store=false'] })
  const a = await neighbour(t, b, { flags: [...flags, '--store=false'] })
  const client = await host(t)
  const { remotePeer } = await client.libp2p.dial(multiaddr(a.tcp))
  const sent: Uint8Array[] = []
  // Each message is made when its turn comes: a store takes what is at most 20 s old.
  const send = async (index: number): Promise<void> => {
    const length = leastBytes + Math.floor((index * (mostBytes - leastBytes)) / count)
    const message = messageBytes({ contentTopic, payload: randomBytes(length) })
    sent.push(message)
    await pushTo(client, remotePeer, message)
  }

  const started = performance.now()
  await pooled(pushesAtOnce, Array.from({ length: count }).keys(), send)
  const pushed = performance.now()
  const stored = await storedOn(client, multiaddr(c.tcp))
  const arrived = performance.now()
  t.comment(`${perSecond(pushed - started)} messages/s pushed, ${perSecond(arrived - started)} messages/s to the store`)

  const expected = sent.map((bytes) => openEnvelope(pubsubTopic, bytes, 0).hash)
  t.equal(new Set(stored).size, stored.length, 'none twice')
  t.equal(stored.length, count)
  const found = new Set(stored)
  t.same(
    expected.filter((hash) => !found.has(hash)),
    [],
    'none lost',
  )
  t.same([a, b, c].flatMap(complaints), [])
})

/** Hands a message to `node`, which has to relay it. */
async function pushTo({ libp2p }: Host, node: PeerId, message: Uint8Array): Promise<void> {
  const { outcome } = await push(libp2p, node, message, undefined)
  if (outcome !== 'relayed') throw new Error(`push: ${outcome}`)
}

/** The hashes in a node's store, once there are enough of them or no more come. */
async function storedOn({ libp2p }: Host, node: Multiaddr): Promise<string[]> {
  const store = new StoreClient({ libp2p })
  let [before, hashes]: [number, string[]] = [-1, []]
  while (hashes.length < count && hashes.length > before) {
    await setTimeout(pause)
    before = hashes.length
    hashes = []
    const query = { contentTopics: [contentTopic], includeData: false, direction: 'forward', limit: 100 } as const
    for await (const { messages } of store.pages(node, query)) hashes.push(...messages.map(({ hash }) => hash))
  }
  return hashes
}

function perSecond(milliseconds: number): number {
  return Math.round((count * 1000) / milliseconds)
}
