import t from 'tap'
import { isWaypostError, WaypostError } from '../../../src/core/errors.ts'
import { hashToBytes } from '../../../src/core/hash.ts'
import { ProtobufWriter } from '../../../src/core/protobuf.ts'
import type { Page, Query } from '../../../src/core/query.ts'
import {
  decodeStoreResponse,
  encodeStoreRequest,
  type StoreRequest,
  type StoreResponse,
} from '../../../src/protocols/store/codec.ts'
import { type History, queryOf, storeService } from '../../../src/protocols/store/service.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { contentTopic, messages, pubsubTopic, Remembered } from './history.ts'

const everything: StoreRequest = {
  requestId: 'id-1',
  includeData: true,
  contentTopics: [],
  hashes: [],
  forward: true,
  limit: 100n,
}

const metrics = createMetrics()
const history = new Remembered(messages(250, 3))

/** What an exchange does with a request that it has read. */
async function reply(body: Uint8Array, of: History = history): Promise<StoreResponse> {
  const service = storeService({ history: of, metrics })
  try {
    return decodeStoreResponse(await service.answer(service.decode(body), 'peer'))
  } catch (error) {
    if (!isWaypostError(error)) throw error
    return decodeStoreResponse(service.refuse(error, body) ?? new Uint8Array(0))
  }
}

function ask(request: Partial<StoreRequest>, of?: History): Promise<StoreResponse> {
  return reply(encodeStoreRequest({ ...everything, ...request }), of)
}

async function errors(type: string): Promise<number> {
  const { values } = await metrics.waku_store_errors_total.get()
  return values.find(({ labels }) => labels.type === type)?.value ?? 0
}

const hashes = (count: number): Uint8Array[] => Array.from({ length: count }, (_, index) => Buffer.alloc(32, index + 1))
const topics = (count: number): string[] => Array.from({ length: count }, (_, index) => `/app/1/topic-${index}/proto`)

t.test('a page has the messages, the id of its request and 200', async (t) => {
  const response = await ask({ limit: 2n })
  t.match(response, { requestId: 'id-1', status: 200, reason: 'OK', cursor: history.hashes[1] })
  t.same(
    response.messages.map(({ hash }) => hash),
    history.hashes.slice(0, 2),
  )
  t.equal(response.messages[0]?.data?.pubsubTopic, pubsubTopic)
})

t.test('pages make up the whole history, each message once, in both directions', async (t) => {
  for (const forward of [true, false]) {
    for (const limit of [1n, 7n, 100n]) {
      const seen: string[] = []
      let cursor: Uint8Array | undefined
      do {
        const page = await ask({ forward, limit, cursor, includeData: false })
        t.ok(page.messages.length > 0 && page.messages.length <= Number(limit))
        const found = page.messages.map(({ hash }) => hash)
        if (forward) seen.push(...found)
        else seen.unshift(...found)
        cursor = page.cursor === undefined ? undefined : hashToBytes(page.cursor)
      } while (cursor !== undefined)
      t.same(seen, history.hashes, `${forward ? 'forward' : 'backward'} by ${limit}`)
    }
  }
})

t.test('the page after the last message is empty, and 200', async (t) => {
  const last = hashToBytes(history.hashes.at(-1) ?? '')
  t.match(await ask({ cursor: last }), { status: 200, messages: [], cursor: undefined })
})

t.test('a presence query gets hashes and no data, whatever history gives', async (t) => {
  const asked = history.hashes.slice(0, 3).map(hashToBytes)
  const talkative: History = { query: (query) => history.query({ ...query, includeData: true }) }
  const response = await ask({ hashes: [...asked, Buffer.alloc(32, 9)], includeData: false }, talkative)
  t.same(
    response.messages,
    history.hashes.slice(0, 3).map((hash) => ({ hash })),
  )
})

t.test('all criteria of a request reach the query', async (t) => {
  const asked: Query[] = []
  const spy: History = {
    async query(query) {
      asked.push(query)
      return { messages: [] }
    },
  }
  const [hash] = hashes(1)
  const request = { pubsubTopic, contentTopics: [contentTopic], start: -5n, end: 5n, hashes: hashes(1), cursor: hash }
  await ask({ ...request, forward: false, includeData: false, limit: 30n }, spy)
  t.same(asked, [
    {
      pubsubTopic,
      contentTopics: [contentTopic],
      start: -5n,
      end: 5n,
      hashes: ['01'.repeat(32)],
      cursor: '01'.repeat(32),
      direction: 'backward',
      limit: 30,
      includeData: false,
    },
  ])
})

t.test('an empty pubsub topic asks for any', async (t) => {
  t.equal(queryOf({ ...everything, pubsubTopic: '' }).pubsubTopic, undefined)
})

t.test('any limit of a page is one between 1 and 100', async (t) => {
  const rows: [bigint | undefined, number][] = [
    [undefined, 20],
    [0n, 20],
    [1n, 1],
    [99n, 99],
    [100n, 100],
    [101n, 100],
    [2n ** 63n, 100],
    [2n ** 64n - 1n, 100],
  ]
  for (const [limit, messages] of rows) t.equal(queryOf({ ...everything, limit }).limit, messages, `${limit}`)
})

t.test('both ends of the time range are part of it, and any time is one', async (t) => {
  const count = async (start: bigint | undefined, end: bigint | undefined): Promise<number> =>
    (await ask({ start, end })).messages.length
  t.equal(await count(1000n, 1000n), 3)
  t.equal(await count(1000n, 1001n), 6)
  t.equal(await count(-(2n ** 63n), 999n), 0)
  t.equal(await count(-(2n ** 63n), 2n ** 63n - 1n), 100)
  t.equal(await count(undefined, -1n), 0)
  t.equal(await count(2n ** 63n - 1n, undefined), 0)
})

const refusals: { id: string; request: Partial<StoreRequest>; reason: RegExp }[] = [
  { id: 'no request id', request: { requestId: '' }, reason: /request_id/ },
  { id: 'start after end', request: { start: 2n, end: 1n }, reason: /time_start 2 is after time_end 1/ },
  { id: 'a cursor of 31 bytes', request: { cursor: Buffer.alloc(31, 1) }, reason: /cursor of 31 bytes/ },
  { id: 'a cursor of 33 bytes', request: { cursor: Buffer.alloc(33, 1) }, reason: /cursor of 33 bytes/ },
  { id: 'an empty cursor', request: { cursor: Buffer.alloc(0) }, reason: /cursor of 0 bytes/ },
  { id: 'a cursor of zeros', request: { cursor: Buffer.alloc(32) }, reason: /all zeroes cursor/ },
  { id: 'an unknown cursor', request: { cursor: Buffer.alloc(32, 1) }, reason: /0101.* not in the archive/ },
  { id: 'a hash of 31 bytes', request: { hashes: [Buffer.alloc(31, 1)] }, reason: /hash of 31 bytes/ },
  { id: 'a hash of 33 bytes', request: { hashes: [Buffer.alloc(33, 1)] }, reason: /hash of 33 bytes/ },
  { id: '101 content topics', request: { contentTopics: topics(101) }, reason: /101 content topics, the limit is 100/ },
  { id: '101 hashes', request: { hashes: hashes(101) }, reason: /101 message hashes, the limit is 100/ },
]

for (const { id, request, reason } of refusals) {
  t.test(`${id} is refused with 400 and the reason`, async (t) => {
    const before = await errors('bad_request')
    const response = await ask(request)
    t.match(response, { requestId: request.requestId === '' ? 'N/A' : 'id-1', status: 400, reason, messages: [] })
    t.equal(await errors('bad_request'), before + 1)
  })
}

t.test('99 and 100 content topics or hashes are answered', async (t) => {
  for (const count of [99, 100]) {
    t.equal((await ask({ contentTopics: topics(count) })).status, 200)
    t.equal((await ask({ hashes: hashes(count) })).status, 200)
  }
})

t.test('a request that does not parse is refused with 400 and its id, when that can be read', async (t) => {
  const before = await errors('decode_rpc_failure')
  const good = encodeStoreRequest({ ...everything, pubsubTopic })
  t.match(await reply(good.subarray(0, -1)), { requestId: 'id-1', status: 400, reason: /malformed store request/ })
  t.match(await reply(Buffer.from('ffff', 'hex')), { requestId: 'N/A', status: 400 })
  const wrongType = new ProtobufWriter().string(1, 'id-1').string(12, 'yesterday').finish()
  t.match(await reply(wrongType), { requestId: 'id-1', status: 400 })
  t.equal(await errors('decode_rpc_failure'), before + 3)
})

t.test('what an exchange refuses has its status', async (t) => {
  const service = storeService({ history, metrics })
  const refuse = (error: WaypostError, body?: Uint8Array): StoreResponse =>
    decodeStoreResponse(service.refuse(error, body) ?? new Uint8Array(0))
  const body = encodeStoreRequest(everything)
  const limited = refuse(new WaypostError('wire/rate-limited', { protocol: 'store' }), body)
  t.match(limited, { requestId: 'id-1', status: 429, reason: 'TOO_MANY_REQUESTS' })
  t.equal(await errors('rate_limit'), 1)
  const large = refuse(new WaypostError('wire/too-large', { length: 70_000, limit: 65_536 }))
  t.match(large, { requestId: 'N/A', status: 413, reason: /65536/ })
  const fault = refuse(new WaypostError('internal/bug', { why: 'in /var/lib/waypost' }), body)
  t.match(fault, { requestId: 'id-1', status: 500, reason: 'INTERNAL_SERVER_ERROR' })
})

t.test('a history that fails is 503, without the words of its disk', async (t) => {
  const before = await errors('unavailable')
  const failing = (error: Error): History => ({ query: (): Promise<Page> => Promise.reject(error) })
  const rows = [
    new WaypostError('archive/unavailable', { why: 'IO error: /var/lib/waypost/000012.ldb' }),
    new Error('IO error: /var/lib/waypost/000012.ldb'),
  ]
  for (const error of rows) {
    const response = await ask({}, failing(error))
    t.match(response, { requestId: 'id-1', status: 503, reason: /^SERVICE_UNAVAILABLE: the archive/ })
    t.notMatch(response.reason, /waypost/)
  }
  t.equal(await errors('unavailable'), before + 2)
  t.equal((await ask({})).status, 200)
})

t.test('each query that can be read is counted', async (t) => {
  const { values } = await metrics.waku_store_queries_total.get()
  const before = values[0]?.value ?? 0
  await ask({})
  await ask({ start: 2n, end: 1n })
  await reply(Buffer.from('ffff', 'hex'))
  t.equal((await metrics.waku_store_queries_total.get()).values[0]?.value, before + 2)
})
