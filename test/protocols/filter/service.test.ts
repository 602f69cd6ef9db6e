import t, { type Test } from 'tap'
import type { WaypostError } from '../../../src/core/errors.ts'
import { frame } from '../../../src/net/frames.ts'
import { decodeMessagePush, encodeFilterRequest, type FilterRequest } from '../../../src/protocols/filter/codec.ts'
import { defaultFilterSettings, type FilterSettings } from '../../../src/protocols/filter/limits.ts'
import { FilterService } from '../../../src/protocols/filter/service.ts'
import { createMetrics, type Metrics } from '../../../src/telemetry/metrics.ts'
import { counted } from '../../kit/counted.ts'
import { envelope, testContentTopic, testPubsubTopic } from '../../kit/messages.ts'

/** Keeps what is put into it. */
class Kept {
  readonly frames: Uint8Array[] = []
  disposed = false

  put(frame: Uint8Array): void {
    this.frames.push(frame)
  }

  [Symbol.dispose](): void {
    this.disposed = true
  }
}

interface Fixture {
  readonly service: FilterService
  readonly metrics: Metrics
  readonly outboxes: Map<string, Kept>
  /** Asks, and gives the answer that goes out: status and text, or undefined for a reset. */
  ask(from: string, request: Partial<FilterRequest>): [status: number, reason: string] | undefined
  at(time: number): void
}

function fixture(t: Test, settings: Partial<FilterSettings> = {}): Fixture {
  let now = 0
  const outboxes = new Map<string, Kept>()
  const metrics = createMetrics()
  const service = new FilterService({
    settings: { ...defaultFilterSettings, ...settings },
    openOutbox: (peer) => {
      const kept = new Kept()
      outboxes.set(peer, kept)
      return kept
    },
    metrics,
    clock: () => now,
  })
  t.teardown(() => service[Symbol.dispose]())
  return {
    service,
    metrics,
    outboxes,
    ask(from, fields) {
      const request: FilterRequest = { requestId: 'id', kind: 'SUBSCRIBER_PING', contentTopics: [], ...fields }
      const response = answered(service, request, from)
      if (response !== undefined) t.equal(response.requestId, 'id')
      return response && [response.status, response.reason]
    },
    at: (time) => {
      now = time
    },
  }
}

function answered(service: FilterService, request: FilterRequest, from: string): ReturnType<FilterService['refuse']> {
  try {
    return service.answer(request, from)
  } catch (error) {
    return service.refuse(error as WaypostError, encodeFilterRequest(request))
  }
}

const ok = [200, 'OK']
const notFound = [404, 'NOT_FOUND: peer has no subscriptions']
const unnamed = [400, 'BAD_REQUEST: pubsubTopic and contentTopics must be specified']
const topics = (count: number, from = 0): string[] => Array.from({ length: count }, (_, index) => `/t${from + index}`)

const subscribe = (contentTopics: readonly string[] = [testContentTopic], pubsubTopic = testPubsubTopic) =>
  ({ kind: 'SUBSCRIBE', pubsubTopic, contentTopics }) as const
const unsubscribe = (contentTopics: readonly string[] = [testContentTopic], pubsubTopic = testPubsubTopic) =>
  ({ kind: 'UNSUBSCRIBE', pubsubTopic, contentTopics }) as const
const unsubscribeAll = { kind: 'UNSUBSCRIBE_ALL' } as const
const ping = { kind: 'SUBSCRIBER_PING' } as const

t.test('subscribe, ping, unsubscribe: the answers of a good life', async (t) => {
  const { ask } = fixture(t)
  t.same(ask('phone', subscribe(['/1', '/2'])), ok)
  t.same(ask('phone', ping), ok)
  t.same(ask('phone', unsubscribe(['/1'])), ok)
  t.same(ask('phone', ping), ok)
  t.same(ask('phone', unsubscribe(['/2'])), ok)
  t.same(ask('phone', ping), notFound, 'nothing is left')
  t.same(ask('phone', subscribe()), ok)
  t.same(ask('phone', unsubscribeAll), ok)
  t.same(ask('phone', unsubscribeAll), notFound)
})

t.test('a peer that is not subscribed is told so', async (t) => {
  const { ask, metrics } = fixture(t)
  for (const request of [ping, unsubscribe(), unsubscribeAll]) t.same(ask('stranger', request), notFound, request.kind)
  ask('phone', subscribe(['/1', '/2']))
  t.same(ask('phone', unsubscribe(['/1', '/unknown'])), notFound)
  t.same(ask('phone', unsubscribe(['/1'])), notFound, 'the other one was removed')
  t.same(ask('phone', unsubscribe(['/2'], '/waku/2/rs/0/7')), notFound, 'and nothing of another pubsub topic')
  t.same(ask('phone', unsubscribe(['/2'])), ok)
  const { values } = await metrics.waku_filter_errors_total.get()
  t.equal(values.find(({ labels }) => labels.type === 'not_found')?.value, 6)
})

t.test('criteria must be named', async (t) => {
  const { ask } = fixture(t)
  ask('phone', subscribe())
  for (const kind of ['SUBSCRIBE', 'UNSUBSCRIBE'] as const) {
    t.same(ask('phone', { kind, contentTopics: [testContentTopic] }), unnamed, 'no pubsub topic')
    t.same(ask('phone', { kind, pubsubTopic: '', contentTopics: [testContentTopic] }), unnamed, 'an empty one')
    t.same(ask('phone', { kind, pubsubTopic: testPubsubTopic }), unnamed, 'no content topic')
    t.same(ask('phone', { kind, pubsubTopic: testPubsubTopic, contentTopics: [''] }), unnamed, 'an empty one')
  }
})

t.test('one request names 100 content topics at the most', async (t) => {
  const { ask } = fixture(t)
  const tooMany = [400, 'BAD_REQUEST: exceeds maximum content topics: 100']
  for (const request of [subscribe, unsubscribe]) {
    t.same(ask('phone', request(topics(101))), tooMany)
    ask('phone', subscribe(topics(100)))
    t.same(ask('phone', request(topics(100))), ok)
    ask('phone', subscribe(topics(99)))
    t.same(ask('phone', request(topics(99))), ok)
  }
})

t.test('a peer has 1,000 criteria at the most, and those that it has count once', async (t) => {
  const { ask, service } = fixture(t)
  const full = [503, 'SERVICE_UNAVAILABLE: peer has reached maximum number of filter criteria']
  for (let from = 0; from < 900; from += 100) t.same(ask('phone', subscribe(topics(100, from))), ok)
  t.same(ask('phone', subscribe(topics(99, 900))), ok)
  t.same(ask('phone', subscribe(topics(2, 999))), full, 'one above the limit')
  t.equal(service.stats().criteria, 999, 'adds none of them')
  t.same(ask('phone', subscribe(topics(1, 999))), ok, 'at the limit')
  t.same(ask('phone', subscribe(topics(100))), ok, 'again what it has')
  t.same(ask('phone', subscribe(topics(1, 1000))), full)
  t.same(ask('other', subscribe(topics(1, 1000))), ok)
})

t.test('topics without end are refused', async (t) => {
  const { ask } = fixture(t, { maxCriteria: 10 })
  const full = [503, 'SERVICE_UNAVAILABLE: peer has reached maximum number of filter criteria']
  const long = 'x'.repeat(2560 - testPubsubTopic.length)
  t.same(ask('phone', subscribe([`${long}x`])), full)
  t.same(ask('phone', subscribe([long])), ok)
})

t.test('peers are served up to the limit, and again when a silent one has lost its place', async (t) => {
  const { ask, at, service } = fixture(t, { maxSubscribers: 3, subscriptionTimeout: 1000 })
  const full = [503, 'SERVICE_UNAVAILABLE: node has reached maximum number of subscriptions: 3']
  for (const peer of ['a', 'b', 'c']) t.same(ask(peer, subscribe()), ok)
  t.same(ask('d', subscribe()), full)
  t.same(ask('a', subscribe(['/more'])), ok, 'who is in may add')
  t.same(ask('d', ping), notFound)
  at(1000)
  t.same(ask('d', subscribe()), full)
  t.same(ask('a', ping), ok)
  at(1001)
  t.same(ask('d', subscribe()), ok)
  t.same(service.stats(), { subscribers: 2, criteria: 3 })
})

t.test('a thousand peers are served by default', async (t) => {
  const { ask } = fixture(t)
  for (let peer = 0; peer < 999; peer += 1) ask(`p${peer}`, subscribe())
  t.same(ask('p999', subscribe()), ok)
  t.equal(ask('p1000', subscribe())?.[0], 503)
})

t.test('a silent subscriber ends after five minutes and loses its queue', async (t) => {
  const { ask, at, service, outboxes, metrics } = fixture(t)
  ask('silent', subscribe())
  ask('pings', subscribe())
  service.deliver(envelope())
  at(300_000)
  ask('pings', ping)
  service.sweep()
  t.equal(service.stats().subscribers, 2, 'at the limit it is there')
  at(300_001)
  service.deliver(envelope())
  t.equal(outboxes.get('silent')?.frames.length, 1, 'no push after its time, swept or not')
  t.equal(outboxes.get('pings')?.frames.length, 2)
  t.same(ask('silent', ping), notFound)
  service.sweep()
  t.equal(outboxes.get('silent')?.disposed, true)
  t.equal(outboxes.get('pings')?.disposed, false)
  t.equal((await metrics.waku_filter_subscriptions.get()).values[0]?.value, 1)
  t.equal((await metrics.waypost_filter_criteria.get()).values[0]?.value, 1)
})

t.test('a message is encoded once for all who get it', async (t) => {
  const { ask, service, outboxes } = fixture(t)
  for (let peer = 0; peer < 100; peer += 1) ask(`p${peer}`, subscribe())
  ask('elsewhere', subscribe(['/other']))
  const message = envelope()
  service.deliver(message)
  const frames = [...outboxes.values()].flatMap((kept) => kept.frames)
  t.equal(frames.length, 100)
  t.equal(new Set(frames).size, 1, 'one and the same buffer')
  const [shared] = frames
  const body = (shared as Uint8Array).subarray(-decoded(shared as Uint8Array).length)
  t.same(decodeMessagePush(body), { message: message.bytes, pubsubTopic: testPubsubTopic })
  t.same(frame(body), shared)
  t.equal(outboxes.has('elsewhere'), false)
})

/** The body of a frame with a length of two bytes or less. */
function decoded(framed: Uint8Array): Uint8Array {
  return framed.subarray((framed[0] ?? 0) < 0x80 ? 1 : 2)
}

t.test('the same message is not pushed again for two minutes', async (t) => {
  const { ask, at, service, outboxes } = fixture(t, { subscriptionTimeout: 1_000_000 })
  ask('phone', subscribe())
  const message = envelope()
  for (const time of [0, 1, 119_999]) {
    at(time)
    service.deliver(message)
  }
  t.equal(outboxes.get('phone')?.frames.length, 1)
  service.deliver(envelope())
  t.equal(outboxes.get('phone')?.frames.length, 2, 'the control, another message')
  at(120_000)
  service.deliver(message)
  t.equal(outboxes.get('phone')?.frames.length, 3)
})

t.test('a message that nobody wanted is pushed when it comes again and somebody does', async (t) => {
  const { ask, service, outboxes } = fixture(t)
  const message = envelope()
  service.deliver(message)
  ask('phone', subscribe())
  service.deliver(message)
  t.equal(outboxes.get('phone')?.frames.length, 1)
})

t.test('a peer that unsubscribed from all loses its queue at once', async (t) => {
  const { ask, service, outboxes } = fixture(t)
  for (const last of [unsubscribeAll, unsubscribe()]) {
    ask('phone', subscribe())
    service.deliver(envelope())
    t.equal(outboxes.get('phone')?.disposed, false)
    ask('phone', last)
    t.equal(outboxes.get('phone')?.disposed, true)
    service.deliver(envelope())
    t.equal(outboxes.get('phone')?.frames.length, 1)
  }
})

t.test('subscriptions are counted and listed', async (t) => {
  const { ask, service, metrics } = fixture(t)
  ask('a', subscribe(['/1', '/2']))
  ask('b', subscribe(['/2']))
  ask('b', ping)
  t.same(service.stats(), { subscribers: 2, criteria: 3 })
  t.same(
    [...service.subscriptions()].map(({ peer, criteria }) => [peer, criteria.map(({ contentTopic }) => contentTopic)]),
    [
      ['a', ['/1', '/2']],
      ['b', ['/2']],
    ],
  )
  const requests = Object.fromEntries(await counted(metrics.waku_filter_requests_total, 'type'))
  t.same(requests, { SUBSCRIBE: 2, SUBSCRIBER_PING: 1 })
})
