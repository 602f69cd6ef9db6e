import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Envelope } from '../../../src/core/envelope.ts'
import { ProtobufWriter } from '../../../src/core/protobuf.ts'
import { request } from '../../../src/net/exchange.ts'
import { frame } from '../../../src/net/frames.ts'
import type { Host } from '../../../src/net/host.ts'
import { Quota } from '../../../src/net/quota.ts'
import { FilterClient } from '../../../src/protocols/filter/client.ts'
import {
  decodeFilterResponse,
  encodeFilterRequest,
  encodeFilterResponse,
  encodeMessagePush,
  type FilterRequest,
  type FilterResponse,
  filterPushProtocol,
  filterSubscribeProtocol,
} from '../../../src/protocols/filter/codec.ts'
import { type Filter, type FilterOptions, filter } from '../../../src/protocols/filter/index.ts'
import { defaultFilterSettings, filterLimits, filterRates } from '../../../src/protocols/filter/limits.ts'
import { silentLog } from '../../../src/telemetry/log.ts'
import { createMetrics, type Metrics } from '../../../src/telemetry/metrics.ts'
import { connect, host } from '../../kit/host.ts'
import { envelope, testContentTopic, testPubsubTopic } from '../../kit/messages.ts'

interface Service extends Filter {
  readonly host: Host
  readonly metrics: Metrics
}

async function service(t: Test, options: Partial<FilterOptions> = {}): Promise<Service> {
  const on = await host(t)
  const metrics = createMetrics()
  const { libp2p } = on
  const served = await filter({ libp2p, settings: defaultFilterSettings, metrics, log: silentLog(), ...options })
  t.teardown(() => served[Symbol.asyncDispose]())
  return { ...served, host: on, metrics }
}

interface Phone {
  readonly host: Host
  readonly client: FilterClient
  readonly received: Envelope[]
  /** Settles once that many messages have come. */
  has(count: number): Promise<void>
}

async function phone(t: Test, at?: Host): Promise<Phone> {
  const on = await host(t)
  const received: Envelope[] = []
  const arrivals = new EventTarget()
  const client = await FilterClient.open({
    libp2p: on.libp2p,
    maxMessageBytes: defaultFilterSettings.maxMessageBytes,
    log: silentLog(),
    receive(message) {
      received.push(message)
      arrivals.dispatchEvent(new Event('message'))
    },
  })
  t.teardown(() => client[Symbol.asyncDispose]())
  if (at !== undefined) await connect(on, at)
  const has = async (count: number): Promise<void> => {
    while (received.length < count) await once(arrivals, 'message')
  }
  return { host: on, client, received, has }
}

const hashes = (messages: readonly Envelope[]): string[] => messages.map(({ hash }) => hash)

/** Asks with whatever bytes, and reads the answer. */
async function ask(from: Host, at: Host, body: Uint8Array): Promise<FilterResponse> {
  const limits = { responseBytes: 64 * 1024, timeout: 10_000 }
  return decodeFilterResponse(await request(from.libp2p, at.libp2p.peerId, filterSubscribeProtocol, body, limits))
}

const pinging: FilterRequest = { requestId: 'my-id', kind: 'SUBSCRIBER_PING', contentTopics: [] }
const subscribing: FilterRequest = {
  requestId: 'my-id',
  kind: 'SUBSCRIBE',
  pubsubTopic: testPubsubTopic,
  contentTopics: [testContentTopic],
}

t.test('a phone gets exactly what it subscribed to, byte for byte', async (t) => {
  const node = await service(t)
  const one = await phone(t, node.host)
  const { peerId } = node.host.libp2p
  await one.client.subscribe(peerId, testPubsubTopic, [testContentTopic, '/app/1/more/proto'])
  const wanted = [envelope(), envelope({ contentTopic: '/app/1/more/proto' }), envelope({ ephemeral: true })]
  node.deliver(envelope({ contentTopic: '/app/1/other/proto' }))
  node.deliver(envelope({}, '/waku/2/rs/0/5'))
  for (const message of wanted) node.deliver(message)
  await one.has(3)
  t.same(hashes(one.received), hashes(wanted))
  for (const [index, { bytes, pubsubTopic }] of one.received.entries()) {
    t.same(bytes, wanted[index]?.bytes)
    t.equal(pubsubTopic, testPubsubTopic)
  }

  await one.client.ping(peerId)
  await one.client.unsubscribe(peerId, testPubsubTopic, ['/app/1/more/proto'])
  node.deliver(envelope({ contentTopic: '/app/1/more/proto' }))
  const last = envelope()
  node.deliver(last)
  await one.has(4)
  t.equal(one.received[3]?.hash, last.hash)
  await one.client.unsubscribeAll(peerId)
  t.same(node.stats(), { subscribers: 0, criteria: 0 })
  await t.rejects(one.client.ping(peerId), { code: 'client/refused', data: { status: 404 } })
  t.equal((await node.metrics.waypost_filter_pushes_total.get()).values[0]?.value, 4)
})

t.test('a refusal names the request as far as it can be read', async (t) => {
  const quota = new Quota({ perPeer: { volume: 5, period: 60_000 }, total: { volume: 1000, period: 60_000 } })
  const node = await service(t, { quota })
  const { host: one } = await phone(t, node.host)
  const refused = async (body: Uint8Array): Promise<unknown[]> => Object.values(await ask(one, node.host, body))

  t.same(await refused(encodeFilterRequest(pinging)), ['my-id', 404, 'NOT_FOUND: peer has no subscriptions'])
  const unknownKind = new ProtobufWriter().string(1, 'my-id').uint32(2, 9).finish()
  const unknownReason = 'BAD_REQUEST: malformed FilterSubscribeRequest: request type 9 is unknown'
  t.same(await refused(unknownKind), ['my-id', 400, unknownReason])
  const cut = encodeFilterRequest({ ...pinging, contentTopics: ['/1'] }).subarray(0, -1)
  t.same((await refused(cut)).slice(0, 2), ['my-id', 400])
  t.same((await refused(Buffer.from([0xff]))).slice(0, 2), ['N/A', 400])
  t.same((await refused(Buffer.alloc(0))).slice(0, 2), ['N/A', 400], 'nothing at all')
  t.same(await refused(encodeFilterRequest(pinging)), ['my-id', 429, 'filter request rejected due rate limit exceeded'])
  const { values } = await node.metrics.waku_filter_errors_total.get()
  t.equal(values.find(({ labels }) => labels.type === 'decode_rpc_failure')?.value, 4)
})

t.test('a request above 64 KiB resets its stream, one of 64 KiB is read', async (t) => {
  const node = await service(t)
  const { host: one } = await phone(t, node.host)
  const empty = encodeFilterRequest({ ...pinging, pubsubTopic: 'x'.repeat(60_000) }).length - 60_000
  const sized = (length: number): Uint8Array =>
    encodeFilterRequest({ ...pinging, pubsubTopic: 'x'.repeat(length - empty) })
  const most = sized(filterLimits.requestBytes)
  t.equal(most.length, filterLimits.requestBytes)
  t.equal((await ask(one, node.host, most)).status, 404)
  await t.rejects(ask(one, node.host, sized(filterLimits.requestBytes + 1)))
  t.equal((await ask(one, node.host, most)).status, 404, 'the connection is unharmed')
})

t.test('by default a peer asks 300 times a minute', async (t) => {
  const node = await service(t, { quota: new Quota({ ...filterRates, clock: () => 0 }) })
  const { host: one } = await phone(t, node.host)
  const body = encodeFilterRequest(pinging)
  for (let count = 0; count < 299; count += 1) await ask(one, node.host, body)
  t.equal((await ask(one, node.host, body)).status, 404)
  t.equal((await ask(one, node.host, body)).status, 429)
  const { host: other } = await phone(t, node.host)
  t.equal((await ask(other, node.host, body)).status, 404, 'another peer has its own quota')
})

t.test('a client that does not read the answer is answered nevertheless', async (t) => {
  const node = await service(t)
  const one = await phone(t, node.host)
  const { peerId } = node.host.libp2p
  await one.client.subscribe(peerId, testPubsubTopic, [testContentTopic])
  const stream = await one.host.libp2p.dialProtocol(peerId, filterSubscribeProtocol)
  stream.send(frame(encodeFilterRequest({ ...subscribing, kind: 'UNSUBSCRIBE' })))
  await stream.close()
  while (node.stats().subscribers > 0) await turn()
  await t.rejects(one.client.ping(peerId), { code: 'client/refused', data: { status: 404 } })
})

t.test('a phone that never reads delays nobody and holds no more than its queue', async (t) => {
  const queueMessages = 50
  const node = await service(t, { settings: { ...defaultFilterSettings, queueMessages } })
  const fast = await phone(t, node.host)
  const { peerId } = node.host.libp2p
  const slow = await host(t)
  await slow.libp2p.handle(filterPushProtocol, (stream) => stream.pause())
  await connect(slow, node.host)
  t.equal((await ask(slow, node.host, encodeFilterRequest(subscribing))).status, 200)
  await fast.client.subscribe(peerId, testPubsubTopic, [testContentTopic])

  const sent: Envelope[] = []
  for (let count = 0; count < 300; count += 1) {
    const message = envelope({ payload: Buffer.alloc(10_000, count) })
    sent.push(message)
    node.deliver(message)
    await fast.has(count + 1)
  }
  t.same(hashes(fast.received), hashes(sent), 'the fast one has all of them, in order')
  const dropped = (await node.metrics.waypost_filter_dropped_total.get()).values[0]?.value ?? 0
  const pushed = (await node.metrics.waypost_filter_pushes_total.get()).values[0]?.value ?? 0
  t.ok(dropped > 0, 'the slow one lost some')
  const queued = 600 - dropped - pushed
  t.ok(queued > 0 && queued <= queueMessages, 'and the rest of them wait within the bound')
})

t.test('a phone that comes back has its subscription, and gets what comes from then on', async (t) => {
  const node = await service(t)
  const one = await phone(t, node.host)
  const { libp2p } = node.host
  await one.client.subscribe(libp2p.peerId, testPubsubTopic, [testContentTopic])
  node.deliver(envelope())
  await one.has(1)

  const gone = once(libp2p, 'peer:disconnect')
  await one.host.libp2p.hangUp(libp2p.peerId)
  await gone
  node.deliver(envelope())
  await turn()
  t.equal(libp2p.getConnections().length, 0, 'nobody is dialled')
  t.equal(node.stats().subscribers, 1)

  await connect(one.host, node.host)
  await one.client.ping(libp2p.peerId)
  const last = envelope()
  node.deliver(last)
  await one.has(2)
  t.equal(one.received[1]?.hash, last.hash)
})

t.test('phones that come and go leave nothing behind', async (t) => {
  let now = 0
  const node = await service(t, { clock: () => now })
  const { libp2p } = node.host
  const stays = await phone(t, node.host)
  await stays.client.subscribe(libp2p.peerId, testPubsubTopic, [testContentTopic])
  for (let round = 0; round < 5; round += 1) {
    const one = await phone(t, node.host)
    await one.client.subscribe(libp2p.peerId, testPubsubTopic, [testContentTopic, `/app/1/${round}/proto`])
    node.deliver(envelope())
    await one.has(1)
    await one.host.libp2p.stop()
  }
  await stays.has(5)
  t.same(node.stats(), { subscribers: 6, criteria: 11 })
  now = 300_000
  await stays.client.ping(libp2p.peerId)
  now = 300_001
  node.sweep()
  t.same(node.stats(), { subscribers: 1, criteria: 1 })
  node.deliver(envelope())
  await stays.has(6)
})

t.test('a subscriber that takes no pushes is counted, and asked again with the next message', async (t) => {
  const node = await service(t)
  const deaf = await host(t)
  await connect(deaf, node.host)
  t.equal((await ask(deaf, node.host, encodeFilterRequest(subscribing))).status, 200)
  const failures = async (): Promise<number> => {
    const { values } = await node.metrics.waku_filter_errors_total.get()
    return values.find(({ labels }) => labels.type === 'push_failure')?.value ?? 0
  }
  node.deliver(envelope())
  while ((await failures()) === 0) await turn()
  await deaf.libp2p.handle(filterPushProtocol, (stream) => stream.pause())
  node.deliver(envelope())
  while ((await node.metrics.waypost_filter_pushes_total.get()).values[0]?.value === 0) await turn()
  t.equal(await failures(), 1)
})

t.test('as a client we take pushes only from those with whom we subscribed', async (t) => {
  const node = await service(t)
  const one = await phone(t, node.host)
  await one.client.subscribe(node.host.libp2p.peerId, testPubsubTopic, [testContentTopic])
  const stranger = await host(t)
  await connect(stranger, one.host)

  const stream = await stranger.libp2p.dialProtocol(one.host.libp2p.peerId, filterPushProtocol)
  const closed = once(stream, 'close')
  stream.send(frame(encodeMessagePush(envelope())))
  const [{ error }] = await closed
  t.ok(error, 'a stranger is reset')

  const known = await node.host.libp2p.dialProtocol(one.host.libp2p.peerId, filterPushProtocol)
  const wanted = envelope()
  known.send(frame(encodeMessagePush(envelope({ contentTopic: '/app/1/unwanted/proto' }))))
  known.send(frame(encodeMessagePush(envelope({}, '/waku/2/rs/0/9'))))
  known.send(frame(encodeMessagePush(wanted)))
  await one.has(1)
  t.same(hashes(one.received), [wanted.hash], 'of what a known one pushes, only what was asked for')

  const broken = once(known, 'close')
  known.send(frame(Buffer.from('no push')))
  t.ok((await broken)[0].error, 'nonsense is reset')
})

t.test('as a client we take an answer for ours by its id, or where the node could not tell', async (t) => {
  const rows = [
    { id: 'N/A', status: 429, code: 'client/refused' },
    { id: '', status: 503, code: 'client/refused' },
    { id: 'of another', status: 200, code: 'client/bad-answer' },
  ]
  const one = await phone(t)
  for (const { id, status, code } of rows) {
    const node = await host(t)
    await node.libp2p.handle(filterSubscribeProtocol, async (stream) => {
      stream.send(frame(encodeFilterResponse({ requestId: id, status, reason: 'as it is' })))
      await stream.close()
    })
    await connect(one.host, node)
    const { peerId } = node.libp2p
    await t.rejects(one.client.subscribe(peerId, testPubsubTopic, [testContentTopic]), { code }, id)

    const stream = await node.libp2p.dialProtocol(one.host.libp2p.peerId, filterPushProtocol)
    const closed = once(stream, 'close')
    stream.send(frame(encodeMessagePush(envelope())))
    t.ok((await closed)[0].error, 'and are not subscribed')
  }
})
