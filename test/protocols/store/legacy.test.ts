/** Store version 2 between two nodes: the service, and the client that asks it. */
import t from 'tap'
import { WaypostError } from '../../../src/core/errors.ts'
import type { LegacyCursor, LegacyQuery } from '../../../src/core/legacy-query.ts'
import { defaultMaxMessageBytes } from '../../../src/core/message.ts'
import { request } from '../../../src/net/exchange.ts'
import { Quota } from '../../../src/net/quota.ts'
import { legacyStore } from '../../../src/protocols/store/index.ts'
import { legacyPageOf, queryLegacy } from '../../../src/protocols/store/legacy-client.ts'
import {
  decodeLegacyResponse,
  encodeLegacyRequest,
  encodeLegacyResponse,
  LegacyError,
  type LegacyStoreResponse,
  legacyStoreProtocol,
} from '../../../src/protocols/store/legacy-codec.ts'
import { storeLimits } from '../../../src/protocols/store/limits.ts'
import type { History } from '../../../src/protocols/store/service.ts'
import { silentLog } from '../../../src/telemetry/log.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { pair } from '../../kit/host.ts'
import { bytesOf, hexOf } from '../../kit/vectors.ts'
import { contentTopic, messages, pubsubTopic, Remembered } from './history.ts'

const [{ libp2p: client }, { libp2p: node }] = await pair(t)
const peer = node.peerId
const metrics = createMetrics()
const limits = { responseBytes: 4 * 1024 * 1024, timeout: 10_000 }
const plain: LegacyQuery = { direction: 'forward', limit: 20 }

function mounted(history: History, quota?: Quota): Promise<AsyncDisposable> {
  return legacyStore({ libp2p: node, history, metrics, log: silentLog(), quota })
}

function query(asked: Partial<LegacyQuery> = {}) {
  return queryLegacy(client, peer, { ...plain, ...asked }, defaultMaxMessageBytes)
}

async function ask(body: Uint8Array): Promise<LegacyStoreResponse> {
  return decodeLegacyResponse(await request(client, peer, legacyStoreProtocol, body, limits))
}

async function errors(type: string): Promise<number> {
  const { values } = await metrics.waku_legacy_store_errors_total.get()
  return values.find(({ labels }) => labels.type === type)?.value ?? 0
}

t.test('a client pages through history and gets each message once, as it was stored', async (t) => {
  const envelopes = messages(107, 4)
  const history = new Remembered(envelopes)
  await using _ = await mounted(history)
  const stored = new Map(envelopes.map(({ hash, bytes }) => [hash, hexOf(bytes)]))
  for (const direction of ['forward', 'backward'] as const) {
    const seen: string[] = []
    let cursor: LegacyCursor | undefined
    do {
      const page = await query({ direction, cursor, pubsubTopic, contentTopics: [contentTopic] })
      const found = page.messages.map(hexOf)
      if (direction === 'forward') seen.push(...found)
      else seen.unshift(...found)
      cursor = page.cursor
    } while (cursor !== undefined)
    t.same(
      seen,
      history.hashes.map((hash) => stored.get(hash)),
      direction,
    )
  }
  t.equal((await query({ start: 1001n, end: 1002n })).messages.length, 8, 'both ends count')
  t.equal((await query({ contentTopics: ['/none/1/of/these'] })).messages.length, 0)
  t.equal((await query({ pubsubTopic: '' })).messages.length, 20, 'an empty topic is none')
})

t.test('a request that cannot be answered is told so, under its id', async (t) => {
  await using _ = await mounted(new Remembered(messages(3)))
  const topics = Array.from({ length: 101 }, (_, index) => `/app/1/topic-${index}/proto`)
  const bad: [string, Uint8Array, string][] = [
    ['no query', encodeLegacyRequest({ requestId: 'mine' }), 'bad_request_legacy'],
    [
      'too many topics',
      encodeLegacyRequest({ requestId: 'mine', query: { ...plain, contentTopics: topics } }),
      'bad_request_legacy',
    ],
    [
      'a cursor of nothing',
      Buffer.concat([bytesOf('0a046d696e65'), bytesOf('1204'), bytesOf('22021200')]),
      'bad_request_legacy',
    ],
    ['a query that is none', Buffer.concat([bytesOf('0a046d696e65'), bytesOf('1201ff')]), 'decode_rpc_failure_legacy'],
  ]
  for (const [id, body, type] of bad) {
    const before = await errors(type)
    t.match(await ask(body), { requestId: 'mine', error: LegacyError.invalidCursor, messages: [] }, id)
    t.equal(await errors(type), before + 1, `${id}: ${type}`)
  }
  t.match(await ask(bytesOf('1200')), { requestId: 'N/A', error: LegacyError.invalidCursor }, 'no id')
  t.match(await ask(encodeLegacyRequest({ requestId: 'mine', query: plain })), { requestId: 'mine', error: 0 })
})

t.test('a request of 64 KiB is answered, one byte more is not', async (t) => {
  await using _ = await mounted(new Remembered([]))
  const sized = (topic: number): Uint8Array =>
    encodeLegacyRequest({ requestId: 'mine', query: { ...plain, contentTopics: ['a'.repeat(topic)] } })
  const beside = sized(60_000).length - 60_000
  const most = storeLimits.requestBytes - beside
  t.match(await ask(sized(most)), { requestId: 'mine', error: LegacyError.none })
  t.match(await ask(sized(most + 1)), { requestId: 'N/A', error: LegacyError.invalidCursor })
})

t.test('a client above its quota, and one whose history cannot be read, are told so', async (t) => {
  const rate = { volume: 1, period: 60_000 }
  const broken: History = { query: () => Promise.reject(new Error('disk')) }
  await using _ = await mounted(broken, new Quota({ perPeer: rate, total: rate }))
  await t.rejects(query(), { code: 'client/refused', data: { status: 503, reason: 'SERVICE_UNAVAILABLE' } })
  await t.rejects(query(), { code: 'client/refused', data: { status: 429, reason: 'TOO_MANY_REQUESTS' } })
})

t.test('an error of ours becomes nothing that a client could take for a page', async (t) => {
  const unknown: History = { query: () => Promise.reject(new WaypostError('archive/unknown-cursor', { cursor: 'x' })) }
  await using _ = await mounted(unknown)
  await t.rejects(query(), { code: 'client/refused', data: { status: 400, reason: 'BAD_REQUEST: invalid cursor' } })
})

t.test('an answer that is none is refused', async (t) => {
  const [envelope] = messages(1)
  if (envelope === undefined) return t.fail('no message')
  const good: LegacyStoreResponse = { requestId: 'mine', error: 0, messages: [envelope.bytes] }
  const read = (answer: Partial<LegacyStoreResponse>) =>
    legacyPageOf(encodeLegacyResponse({ ...good, ...answer }), 'mine')
  for (const requestId of ['mine', '', 'N/A']) t.equal(read({ requestId }).messages.length, 1, `id "${requestId}"`)
  const bad: [string, () => unknown][] = [
    ['of another request', () => read({ requestId: 'theirs' })],
    ['no message', () => read({ messages: [bytesOf('ff')] })],
    ['an empty frame, as nwaku answers what it cannot read', () => legacyPageOf(new Uint8Array(), 'mine')],
    ['no response', () => legacyPageOf(encodeLegacyRequest({ requestId: 'mine' }), 'mine')],
    ['no protobuf', () => legacyPageOf(bytesOf('ff'), 'mine')],
  ]
  for (const [id, make] of bad) t.throws(make, { code: 'client/bad-answer' }, id)
  t.throws(() => read({ error: 77 }), { code: 'client/refused', data: { status: 400 } }, 'an error not known')
})
