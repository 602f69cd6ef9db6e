import { proto_store as reference } from '@waku/proto'
import t, { type Test } from 'tap'
import { sealEnvelope } from '../../../src/core/envelope.ts'
import type { Page, Query } from '../../../src/core/query.ts'
import { request } from '../../../src/net/exchange.ts'
import { Quota } from '../../../src/net/quota.ts'
import { pageOf, StoreClient } from '../../../src/protocols/store/client.ts'
import {
  decodeStoreRequest,
  decodeStoreResponse,
  encodeStoreRequest,
  encodeStoreResponse,
  type StoreRequest,
  type StoreResponse,
  storeProtocol,
} from '../../../src/protocols/store/codec.ts'
import { store } from '../../../src/protocols/store/index.ts'
import { storeAnswerLimits, storeLimits } from '../../../src/protocols/store/limits.ts'
import type { History } from '../../../src/protocols/store/service.ts'
import { silentLog } from '../../../src/telemetry/log.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { pair } from '../../kit/host.ts'
import { contentTopic, messages, pubsubTopic, Remembered } from './history.ts'

/** A client connected to a node; each test mounts what it needs on the node and takes it away again. */
const [{ libp2p: client }, { libp2p: node }] = await pair(t)
const peer = node.peerId
const asking = new StoreClient({ libp2p: client })
const all: Query = { direction: 'forward', limit: 20, includeData: true }
const limits = { responseBytes: 4 * 1024 * 1024, timeout: 10_000 }

function mounted(history: History, quota?: Quota): Promise<AsyncDisposable> {
  return store({ libp2p: node, history, metrics: createMetrics(), log: silentLog(), quota })
}

async function collect(pages: AsyncIterable<Page>): Promise<Page[]> {
  const collected: Page[] = []
  for await (const page of pages) collected.push(page)
  return collected
}

const hashesOf = (pages: readonly Page[]): string[] => pages.flatMap((page) => page.messages.map(({ hash }) => hash))

t.test('a client pages through history and gets each message once, as it was stored', async (t) => {
  const envelopes = messages(107, 4)
  const history = new Remembered(envelopes)
  await using _ = await mounted(history)
  const forward = await collect(asking.pages(peer, all))
  t.same(hashesOf(forward), history.hashes)
  t.equal(forward.length, 6)
  const backward = await collect(asking.pages(peer, { ...all, direction: 'backward', limit: 50 }))
  t.same(hashesOf(backward.toReversed()), history.hashes)
  const stored = new Map(envelopes.map(({ hash, bytes }) => [hash, Buffer.from(bytes)]))
  for (const { hash, data } of forward.flatMap((page) => page.messages))
    t.ok(data && stored.get(hash)?.equals(data.bytes), hash)
})

t.test('a client gets a page from a cursor on, by time, by topic, by hash, with or without data', async (t) => {
  const other = sealEnvelope('/waku/2/rs/1/5', { payload: Buffer.from('x'), contentTopic: '/b', timestamp: 5n }, 0)
  const history = new Remembered([...messages(10), other])
  await using _ = await mounted(history)
  const ask = async (query: Partial<Query>): Promise<string[]> =>
    hashesOf([await asking.query(peer, { ...all, ...query })])
  t.same(await ask({ pubsubTopic: '/waku/2/rs/1/5' }), [other.hash])
  t.same(await ask({ contentTopics: ['/b', '/c'] }), [other.hash])
  t.same(await ask({ contentTopics: [contentTopic], start: 1001n, end: 1002n }), history.hashes.slice(2, 4))
  t.same(await ask({ cursor: history.hashes[8], pubsubTopic }), history.hashes.slice(9))
  t.same(await asking.query(peer, { ...all, hashes: [other.hash], includeData: false }), {
    messages: [{ hash: other.hash }],
    cursor: undefined,
  })
})

t.test('a node that refuses is quoted', async (t) => {
  await using _ = await mounted(new Remembered([]))
  await t.rejects(asking.query(peer, { ...all, cursor: '11'.repeat(32) }), {
    code: 'client/refused',
    data: { status: 400, reason: /not in the archive/ },
  })
})

t.test('a client above its quota gets 429 with the id of its request', async (t) => {
  const rate = { volume: 1, period: 60_000 }
  await using _ = await mounted(new Remembered([]), new Quota({ perPeer: rate, total: rate }))
  const body = reference.StoreQueryRequest.encode({ requestId: 'mine', includeData: true, paginationForward: true })
  const ask = async (): Promise<StoreResponse> =>
    decodeStoreResponse(await request(client, peer, storeProtocol, body, limits))
  t.match(await ask(), { requestId: 'mine', status: 200 })
  t.match(await ask(), { requestId: 'mine', status: 429 })
})

t.test('a request of 64 KiB is answered, one byte more gets 413', async (t) => {
  await using _ = await mounted(new Remembered([]))
  /** A request of `length` bytes: one long topic. */
  const sized = (length: number): Uint8Array => {
    const wire = (topic: number): Uint8Array =>
      encodeStoreRequest({ ...plain, requestId: 'mine', contentTopics: ['a'.repeat(topic)] })
    const beside = wire(60_000).length - 60_000
    return wire(length - beside)
  }
  const ask = async (length: number): Promise<StoreResponse> =>
    decodeStoreResponse(await request(client, peer, storeProtocol, sized(length), limits))
  t.equal(storeLimits.requestBytes, 65_536)
  for (const length of [65_535, 65_536]) t.match(await ask(length), { requestId: 'mine', status: 200 }, `${length}`)
  t.match(await ask(65_537), { requestId: 'N/A', status: 413 })
})

t.test('a page of large messages goes through as @waku/proto reads it', async (t) => {
  const large = Array.from({ length: 20 }, (_, index) =>
    sealEnvelope(pubsubTopic, { payload: Buffer.alloc(150_000, index), contentTopic, timestamp: BigInt(index) }, 0),
  )
  const history = new Remembered(large)
  await using _ = await mounted(history)
  const body = encodeStoreRequest({ ...plain, requestId: 'mine' })
  const page = reference.StoreQueryResponse.decode(await request(client, peer, storeProtocol, body, limits))
  t.match(page, { requestId: 'mine', statusCode: 200 })
  t.same(
    page.messages.map(({ messageHash, message }) => [
      Buffer.from(messageHash ?? '').toString('hex'),
      message?.payload.length,
      message?.payload[0],
    ]),
    history.hashes.map((hash, index) => [hash, 150_000, index]),
  )
})

const plain: StoreRequest = { requestId: 'id-1', includeData: true, contentTopics: [], hashes: [], forward: true }

t.test('an answer that is none is refused', async (t) => {
  const [envelope, other] = messages(2)
  if (envelope === undefined || other === undefined) return t.fail('no messages')
  const { hash, bytes } = envelope
  const good: StoreResponse = {
    requestId: 'mine',
    status: 200,
    reason: 'OK',
    messages: [{ hash, data: { pubsubTopic, bytes } }],
  }
  const read = (answer: Partial<StoreResponse>): Page =>
    pageOf(encodeStoreResponse({ ...good, ...answer }), 'mine', true)
  for (const requestId of ['mine', '', 'N/A']) t.equal(read({ requestId }).messages.length, 1, `id "${requestId}"`)
  const forged: { id: string; answer: Partial<StoreResponse> }[] = [
    { id: 'of another request', answer: { requestId: 'theirs' } },
    { id: 'bytes of another message', answer: { messages: [{ hash, data: { pubsubTopic, bytes: other.bytes } }] } },
    { id: 'another topic', answer: { messages: [{ hash, data: { pubsubTopic: '/waku/2/rs/1/5', bytes } }] } },
    { id: 'no message', answer: { messages: [{ hash, data: { pubsubTopic, bytes: Buffer.from('ff', 'hex') } }] } },
    { id: 'no data', answer: { messages: [{ hash }] } },
  ]
  for (const { id, answer } of forged) t.throws(() => read(answer), { code: 'client/bad-answer' }, id)
  t.throws(() => pageOf(Buffer.from('ff', 'hex'), 'mine', true), { code: 'client/bad-answer' })
  t.throws(() => read({ status: 300, reason: 'x'.repeat(1000) }), {
    code: 'client/refused',
    data: { reason: /^x{200}$/ },
  })
})

/** A node that answers each request with what `answer` makes of it. */
async function answering(t: Test, answer: (request: StoreRequest) => Partial<StoreResponse>): Promise<void> {
  await node.handle(storeProtocol, async (stream) => {
    const { requestId, ...rest } = await requestOf(stream)
    const response = { requestId, status: 200, reason: 'OK', messages: [], ...answer({ requestId, ...rest }) }
    const body = encodeStoreResponse(response)
    stream.send(Uint8Array.of(body.length))
    stream.send(body)
    await stream.close()
  })
  t.teardown(() => node.unhandle(storeProtocol))
}

async function requestOf(stream: AsyncIterable<{ subarray(): Uint8Array }>): Promise<StoreRequest> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk.subarray())
  return decodeStoreRequest(Buffer.concat(chunks).subarray(1))
}

t.test('pages end when the cursor of a node stands still', async (t) => {
  await answering(t, ({ cursor }) => (cursor === undefined ? { cursor: '11'.repeat(32) } : { cursor: '22'.repeat(32) }))
  await t.rejects(collect(asking.pages(peer, all)), { code: 'client/bad-answer', data: { why: /stands still/ } })
})

t.test('pages go on past an empty one that has a cursor', async (t) => {
  await answering(t, ({ cursor }) => (cursor === undefined ? { cursor: '11'.repeat(32) } : {}))
  t.equal((await collect(asking.pages(peer, all))).length, 2)
})

t.test('what an answer makes us hold has a limit for any size of message', async (t) => {
  const mib = 1024 * 1024
  t.equal(storeAnswerLimits(150 * 1024).responseBytes, 100 * 151 * 1024 + 65_536)
  t.equal(storeAnswerLimits(mib).responseBytes, 32 * mib)
})
