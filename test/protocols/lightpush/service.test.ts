import t from 'tap'
import { sealEnvelope } from '../../../src/core/envelope.ts'
import { WaypostError } from '../../../src/core/errors.ts'
import { encodeMessage } from '../../../src/core/message.ts'
import type { Published } from '../../../src/core/publisher.ts'
import { decodePushResponse, encodePushRequest, type PushResponse } from '../../../src/protocols/lightpush/codec.ts'
import {
  decodeLegacyResponse,
  encodeLegacyRequest,
  type LegacyPushResponse,
} from '../../../src/protocols/lightpush/legacy-codec.ts'
import { legacyLightPushService } from '../../../src/protocols/lightpush/legacy-service.ts'
import { lightPushService } from '../../../src/protocols/lightpush/service.ts'
import { createMetrics, type Metrics } from '../../../src/telemetry/metrics.ts'
import { counted } from '../../kit/counted.ts'

const maxMessageBytes = 153_600
const pubsubTopic = '/waku/2/rs/1/4'
const content = { payload: Buffer.from('hello'), contentTopic: '/app/1/chat/proto' }
const message = encodeMessage(content)
const envelope = sealEnvelope(pubsubTopic, content, 0)

interface Row {
  readonly id: string
  readonly outcome: Published | WaypostError
  readonly v3: Partial<PushResponse>
  readonly v2: Partial<LegacyPushResponse>
  /** How version 2 counts it. */
  readonly type?: string
}

const refused = (status: number, reason: string): Partial<PushResponse> => ({ status, reason, relayPeers: undefined })

const rows: readonly Row[] = [
  {
    id: 'relayed',
    outcome: { outcome: 'relayed', peers: 3, envelope },
    v3: { status: 200, relayPeers: 3, reason: undefined },
    v2: { isSuccess: true, info: 'OK' },
  },
  {
    id: 'no peers',
    outcome: { outcome: 'no-peers', envelope },
    v3: refused(505, 'No peers for topic, skipping publish'),
    v2: { isSuccess: false, info: 'not_published_to_any_peer' },
    type: 'not_published_to_any_peer',
  },
  {
    id: 'invalid',
    outcome: { outcome: 'invalid', reason: 'no' },
    v3: refused(420, 'no'),
    v2: { isSuccess: false, info: 'no' },
    type: 'message_push_failure',
  },
  {
    id: 'no topic',
    outcome: { outcome: 'no-topic', reason: 'Pubsub topic must be specified when static sharding is enabled' },
    v3: refused(420, 'Pubsub topic must be specified when static sharding is enabled'),
    v2: { isSuccess: false },
    type: 'message_push_failure',
  },
  {
    id: 'too large',
    outcome: { outcome: 'too-large', reason: 'Message size exceeded maximum of 153600 bytes' },
    v3: refused(413, 'Message size exceeded maximum of 153600 bytes'),
    v2: { isSuccess: false, info: 'Message size exceeded maximum of 153600 bytes' },
    type: 'message_push_failure',
  },
  {
    id: 'unsupported topic',
    outcome: { outcome: 'unsupported-topic', reason: 'not followed' },
    v3: refused(421, 'not followed'),
    v2: { isSuccess: false, info: 'not_published_to_any_peer' },
    type: 'not_published_to_any_peer',
  },
  {
    id: 'no relay',
    outcome: { outcome: 'no-relay', reason: 'no waku relay found' },
    v3: refused(503, 'no waku relay found'),
    v2: { isSuccess: false, info: 'no waku relay found' },
    type: 'message_push_failure',
  },
  {
    id: 'not a message',
    outcome: new WaypostError('message/malformed', { why: 'payload is missing' }),
    v3: refused(400, 'decode_rpc_failure: payload is missing'),
    v2: { isSuccess: false, info: 'decode_rpc_failure: payload is missing' },
    type: 'decode_rpc_failure',
  },
  {
    id: 'malformed request',
    outcome: new WaypostError('wire/malformed', { what: 'light push request', why: 'message is missing' }),
    v3: refused(400, 'decode_rpc_failure: message is missing'),
    v2: { isSuccess: false, info: 'decode_rpc_failure: message is missing' },
    type: 'decode_rpc_failure',
  },
  {
    id: 'too large a request',
    outcome: new WaypostError('wire/too-large', { length: 1_048_576, limit: 219_136 }),
    v3: refused(413, 'Message size exceeded maximum of 153600 bytes'),
    v2: { isSuccess: false, info: 'Message size exceeded maximum of 153600 bytes' },
    type: 'message_push_failure',
  },
  {
    id: 'too many requests',
    outcome: new WaypostError('wire/rate-limited', { protocol: 'light push' }),
    v3: refused(429, 'Request rejected due to too many requests'),
    v2: { isSuccess: false, info: 'TOO_MANY_REQUESTS' },
    type: 'request_limit_reached_failure',
  },
  {
    id: 'a fault of ours, whose words stay inside',
    outcome: new WaypostError('internal/bug', { why: 'cannot open /home/someone/archive' }),
    v3: refused(500, 'internal error'),
    v2: { isSuccess: false, info: 'internal error' },
    type: 'message_push_failure',
  },
]

/** What a publisher does in a row of the table. */
function publisher(outcome: Published | WaypostError) {
  return {
    publish: async () => {
      if (outcome instanceof WaypostError) throw outcome
      return outcome
    },
  }
}

async function count(metrics: Metrics, name: 'waku_lightpush_v3_errors_total' | 'waku_lightpush_errors_total') {
  return await counted(metrics[name], 'type')
}

t.test('version 3 tells what became of a push', async (t) => {
  for (const { id, outcome, v3 } of rows) {
    const metrics = createMetrics()
    const service = lightPushService({ publisher: publisher(outcome), maxMessageBytes, metrics })
    const body = encodePushRequest({ requestId: 'id-1', pubsubTopic, message })
    const answer = await answerOf(service, body)
    t.match(decodePushResponse(answer), { requestId: 'id-1', ...v3 }, id)
    const expected = v3.status === 200 ? [] : [[String(v3.status), 1]]
    t.same(await count(metrics, 'waku_lightpush_v3_errors_total'), expected, `${id} is counted`)
  }
})

t.test('version 2 tells the same in yes or no and a line', async (t) => {
  for (const { id, outcome, v2, type } of rows) {
    const metrics = createMetrics()
    const service = legacyLightPushService({ publisher: publisher(outcome), maxMessageBytes, metrics })
    const body = encodeLegacyRequest({ requestId: 'id-1', pubsubTopic, message })
    t.match(decodeLegacyResponse(await answerOf(service, body)), { requestId: 'id-1', ...v2 }, id)
    const expected = type === undefined ? [] : [[type, 1]]
    t.same(await count(metrics, 'waku_lightpush_errors_total'), expected, `${id} is counted`)
  }
})

t.test('a topic of blanks is refused before the publisher sees it', async (t) => {
  const parts = { publisher: publisher(new WaypostError('internal/bug', { why: 'asked' })), maxMessageBytes }
  for (const blank of ['', ' \t']) {
    const v3 = lightPushService({ ...parts, metrics: createMetrics() })
    const v2 = legacyLightPushService({ ...parts, metrics: createMetrics() })
    const request = { requestId: 'id-1', pubsubTopic: blank, message }
    const answer = decodePushResponse(await answerOf(v3, encodePushRequest(request)))
    t.match(answer, { requestId: 'id-1', status: 400, reason: 'topic must not be empty' })
    const legacy = decodeLegacyResponse(await answerOf(v2, encodeLegacyRequest(request)))
    t.match(legacy, { requestId: 'id-1', isSuccess: false, info: 'topic must not be empty' })
  }
})

t.test('an RPC of version 2 without a request says so', async (t) => {
  const metrics = createMetrics()
  const parts = { publisher: publisher(new WaypostError('internal/bug', { why: 'asked' })), maxMessageBytes, metrics }
  const answer = await answerOf(legacyLightPushService(parts), Buffer.from('0a0469642d31', 'hex'))
  t.match(decodeLegacyResponse(answer), { requestId: 'id-1', isSuccess: false, info: 'empty_request_body_failure' })
  t.same(await count(metrics, 'waku_lightpush_errors_total'), [['empty_request_body_failure', 1]])
})

t.test('a refusal of what was not read whole has no id to echo', async (t) => {
  const metrics = createMetrics()
  const parts = { publisher: publisher(new WaypostError('internal/bug', { why: 'asked' })), maxMessageBytes, metrics }
  const tooLarge = new WaypostError('wire/too-large', { length: 300_000, limit: 219_136 })
  const v3 = lightPushService(parts).refuse(tooLarge, undefined)
  const v2 = legacyLightPushService(parts).refuse(tooLarge, undefined)
  t.match(decodePushResponse(v3 ?? new Uint8Array()), { requestId: 'N/A', status: 413 })
  t.match(decodeLegacyResponse(v2 ?? new Uint8Array()), { requestId: 'N/A', isSuccess: false })
})

/** What the exchange does with a request. */
async function answerOf<Request>(
  service: {
    decode(body: Uint8Array): Request
    answer(request: Request, from: string): Uint8Array | Promise<Uint8Array>
    refuse(error: WaypostError, request: Uint8Array | undefined): Uint8Array | undefined
  },
  body: Uint8Array,
): Promise<Uint8Array> {
  try {
    return await service.answer(service.decode(body), 'peer')
  } catch (error) {
    if (!(error instanceof WaypostError)) throw error
    return service.refuse(error, body) ?? new Uint8Array()
  }
}
