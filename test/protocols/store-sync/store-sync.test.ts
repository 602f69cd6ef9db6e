import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Libp2p } from '@libp2p/interface'
import t, { type Test } from 'tap'
import type { Archive } from '../../../src/archive/archive.ts'
import { openLevel } from '../../../src/archive/level/level.ts'
import type { Envelope } from '../../../src/core/envelope.ts'
import type { MessageHash } from '../../../src/core/hash.ts'
import { toNanoseconds } from '../../../src/core/time.ts'
import { accept, reject, type Validator } from '../../../src/core/validator.ts'
import { openDialogue } from '../../../src/net/dialogue.ts'
import { frame } from '../../../src/net/frames.ts'
import type { Host } from '../../../src/net/host.ts'
import {
  encodePayload,
  encodeTransfer,
  reconciliationProtocol,
  transferProtocol,
  zeroHash,
} from '../../../src/protocols/store-sync/codec.ts'
import { StoreSync } from '../../../src/protocols/store-sync/index.ts'
import { nwakuTransferBytes, reconciliationLimits } from '../../../src/protocols/store-sync/limits.ts'
import { silentLog } from '../../../src/telemetry/log.ts'
import { createMetrics, type Metrics } from '../../../src/telemetry/metrics.ts'
import { archiveOn, hashes, pages, store } from '../../archive/kit.ts'
import { connect, host } from '../../kit/host.ts'
import { envelope, messageBytes, testPubsubTopic } from '../../kit/messages.ts'

const minute = 60_000
const foreignTopic = '/waku/2/rs/9/9'

interface Store {
  readonly host: Host
  readonly sync: StoreSync
  readonly archive: Archive
  readonly metrics: Metrics
  /** The hashes of all that is stored. */
  all(): Promise<MessageHash[]>
  /** Settles when so many messages are stored. */
  holds(count: number): Promise<void>
}

interface StoreOptions {
  readonly stored?: readonly Envelope[]
  readonly judge?: Validator
  readonly topics?: readonly string[]
  readonly clock?: () => number
}

/** A store on LevelDB that has `stored`, and reconciles when it is told to. */
async function storeNode(
  t: Test,
  { stored = [], judge = () => accept, topics, clock = Date.now }: StoreOptions = {},
): Promise<Store> {
  const folder = await mkdtemp(path.join(tmpdir(), 'waypost-sync-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const archive = await archiveOn(t, await openLevel({ folder }))
  await store(archive, stored)
  const metrics = createMetrics()
  const made = await host(t)
  const sync = new StoreSync({
    libp2p: made.libp2p,
    archive,
    scope: { pubsubTopics: topics ?? [testPubsubTopic], contentTopics: [] },
    peers: () => made.libp2p.getPeers(),
    interval: 1_000_000,
    range: 60 * minute,
    jitter: 0,
    maxMessageBytes: 150 * 1024,
    judge,
    clock,
    metrics,
    log: silentLog(),
  })
  t.teardown(() => sync[Symbol.asyncDispose]())
  const waiting = new Set<() => void>()
  archive.onStored((envelopes) => {
    sync.stored(envelopes)
    for (const look of waiting) look()
  })
  sync.start()
  await serves(made.libp2p)
  return {
    host: made,
    sync,
    archive,
    metrics,
    all: async () => hashes((await pages(archive)).flatMap(({ messages }) => messages)),
    holds: (count) =>
      new Promise((resolve) => {
        const look = () => archive.held.messages >= count && resolve()
        waiting.add(look)
        look()
      }),
  }
}

/** Settles when the protocol is mounted: the index has been filled. */
async function serves(libp2p: Libp2p): Promise<void> {
  while (!libp2p.getProtocols().includes(reconciliationProtocol)) await new Promise((resolve) => setImmediate(resolve))
}

/** So many messages of the last minutes. */
function recent(count: number): Envelope[] {
  const now = Date.now()
  return Array.from({ length: count }, (_, index) => envelope({ timestamp: toNanoseconds(now - 10_000 - index * 50) }))
}

t.test('three stores that each lost a fifth of the messages have all of them after one round', async (t) => {
  const sent = recent(2000)
  const some = () => sent.filter(() => Math.random() >= 0.2)
  const stores = await Promise.all([0, 1, 2].map(() => storeNode(t, { stored: some() })))
  const [a, b, c] = stores as [Store, Store, Store]
  const known = new Set((await Promise.all(stores.map((one) => one.all()))).flat())
  t.ok(known.size > 1950, `${known.size} of ${sent.length} messages are somewhere`)
  for (const one of stores) t.ok(one.archive.held.messages < 1750, `${one.archive.held.messages} are in one of them`)
  await Promise.all([connect(a.host, b.host), connect(b.host, c.host), connect(c.host, a.host)])
  for (const one of stores) await one.sync.round()
  for (const one of stores) {
    await one.holds(known.size)
    t.same(new Set(await one.all()), known)
  }
  const again = await a.sync.round()
  t.match(again, { peers: 2, sent: 0, differences: 0 }, 'nothing is left to do')
})

t.test('what arrives is as it was sent, and is told to those who listen', async (t) => {
  const sent = recent(50)
  const [full, empty] = [await storeNode(t, { stored: sent }), await storeNode(t)]
  await connect(empty.host, full.host)
  await empty.sync.round()
  await empty.holds(50)
  const bytes = async ({ archive }: Store) =>
    (await pages(archive)).flatMap(({ messages }) =>
      messages.map(({ data }) => Buffer.from(data!.bytes).toString('hex')),
    )
  t.same(await bytes(empty), await bytes(full))
  t.match(await empty.metrics.waku_node_messages_total.get(), {
    values: [{}, {}, {}, { labels: { type: 'sync' }, value: 50 }],
  })
})

t.test('messages larger than nwaku reads come last, and arrive', async (t) => {
  const large = envelope({ payload: new Uint8Array(153_548), timestamp: toNanoseconds(Date.now() - 60_000) })
  const small = recent(5)
  const [full, empty] = [await storeNode(t, { stored: [large, ...small] }), await storeNode(t)]
  t.ok(large.bytes.length < 150 * 1024 && encodeTransfer(testPubsubTopic, large.bytes).length > nwakuTransferBytes)
  await connect(empty.host, full.host)
  await empty.sync.round()
  await empty.holds(6)
  t.ok((await empty.all()).includes(large.hash))
})

t.test('a store of other shards is left alone', async (t) => {
  const [one, other] = [
    await storeNode(t, { stored: recent(5) }),
    await storeNode(t, { stored: [envelope({}, foreignTopic)], topics: [foreignTopic] }),
  ]
  await connect(one.host, other.host)
  t.match(await one.sync.round(), { peers: 1, sent: 0, differences: 0 })
})

/** Says what is wrong with a message, and sends it as a peer that has a session, beside a good one. */
async function transferred(
  t: Test,
  target: Store,
  bad: readonly [string, Uint8Array][],
  given?: Host,
): Promise<Metrics> {
  const peer = given ?? (await host(t))
  if (given === undefined) await connect(peer, target.host)
  const now = toNanoseconds(Date.now())
  const upper = { time: now, hash: zeroHash }
  const first = encodePayload({
    pubsubTopics: [testPubsubTopic],
    contentTopics: [],
    lower: now - 1000n,
    ranges: [{ type: 'fingerprint', upper, fingerprint: zeroHash }],
  })
  await openDialogue(
    peer.libp2p,
    target.host.libp2p.peerId,
    reconciliationProtocol,
    first,
    async () => undefined,
    reconciliationLimits,
  )
  const stream = await peer.libp2p.dialProtocol(target.host.libp2p.peerId, transferProtocol)
  for (const [topic, bytes] of bad) stream.send(frame(encodeTransfer(topic, bytes)))
  stream.send(frame(encodeTransfer(testPubsubTopic, messageBytes())))
  await target.holds(1)
  return target.metrics
}

t.test('only valid messages of our shards and of the synced time are taken', async (t) => {
  const rows: readonly [string, readonly [string, Uint8Array][]][] = [
    ['foreign', [[foreignTopic, messageBytes()]]],
    ['time', [[testPubsubTopic, messageBytes({ timestamp: toNanoseconds(Date.now() - 70 * minute) })]]],
    ['time', [[testPubsubTopic, messageBytes({ timestamp: toNanoseconds(Date.now() + 60 * minute) })]]],
    ['time', [[testPubsubTopic, messageBytes({ timestamp: undefined })]]],
    ['invalid', [[testPubsubTopic, messageBytes({ contentTopic: '/bad/1/x/proto' })]]],
    ['invalid', [[testPubsubTopic, messageBytes({ payload: new Uint8Array(151 * 1024) })]]],
    ['not_stored', [[testPubsubTopic, messageBytes({ ephemeral: true })]]],
  ]
  const judge: Validator = ({ message }) => (message.contentTopic.startsWith('/bad/') ? reject('bad') : accept)
  for (const [reason, bad] of rows) {
    const target = await storeNode(t, { judge })
    const metrics = await transferred(t, target, bad)
    const { values } = await metrics.waypost_sync_refused_messages_total.get()
    t.same(
      values.filter(({ value }) => value > 0).map(({ labels }) => labels.reason),
      [reason],
    )
    t.equal(target.archive.held.messages, 1, 'the good one behind it is stored')
  }
})

t.test('a peer without a session, and one that sends no message, are reset', async (t) => {
  const target = await storeNode(t)
  const peer = await host(t)
  await connect(peer, target.host)
  const reset = async (body: Uint8Array) => {
    const stream = await peer.libp2p.dialProtocol(target.host.libp2p.peerId, transferProtocol)
    const closed = new Promise<unknown>((resolve) => stream.addEventListener('close', ({ error }) => resolve(error)))
    stream.send(frame(body))
    return closed
  }
  t.ok(await reset(encodeTransfer(testPubsubTopic, messageBytes())), 'without a session')
  t.equal(target.archive.held.messages, 0)
  await transferred(t, target, [], peer)
  t.ok(await reset(Uint8Array.of(0x0a, 0xff)), 'with one, but no message')
  const { values } = await target.metrics.waypost_sync_refused_messages_total.get()
  t.same(
    values.filter(({ value }) => value > 0).map(({ labels, value }) => [labels.reason, value]),
    [
      ['no_session', 1],
      ['malformed', 1],
    ],
  )
})

t.test('a peer that speaks nonsense, out of turn or without end loses its stream, and others are served', async (t) => {
  const stored = recent(100)
  const target = await storeNode(t, { stored })
  const peer = await host(t)
  await connect(peer, target.host)
  const lost = async (...frames: readonly Uint8Array[]) => {
    const stream = await peer.libp2p.dialProtocol(target.host.libp2p.peerId, reconciliationProtocol)
    const closed = new Promise<unknown>((resolve) => stream.addEventListener('close', ({ error }) => resolve(error)))
    for (const one of frames) stream.send(one)
    return closed
  }
  const upper = { time: toNanoseconds(Date.now()), hash: zeroHash }
  const wrong = encodePayload({
    pubsubTopics: [testPubsubTopic],
    contentTopics: [],
    lower: 0n,
    ranges: [{ type: 'fingerprint', upper, fingerprint: zeroHash }],
  })
  t.ok(await lost(frame(new Uint8Array(300).fill(0xff))), 'nonsense')
  t.ok(await lost(frame(wrong), frame(wrong), frame(wrong)), 'out of turn')
  t.ok(await lost(Uint8Array.of(0xff, 0xff, 0xff, 0x7f)), 'a frame of 256 MiB')
  const endless = openDialogue(
    peer.libp2p,
    target.host.libp2p.peerId,
    reconciliationProtocol,
    wrong,
    async () => ({ body: wrong, last: false }),
    { ...reconciliationLimits, rounds: 5000 },
  )
  await t.rejects(endless, 'for ever the same')
  const honest = await storeNode(t)
  await connect(honest.host, target.host)
  await honest.sync.round()
  await honest.holds(100)
  t.pass('an honest store is served')
})
