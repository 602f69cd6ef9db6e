import t from 'tap'
import { openEnvelope } from '../../../src/core/envelope.ts'
import { messageOf } from '../../../src/core/errors.ts'
import { encodeMessage } from '../../../src/core/message.ts'
import { ProtobufWriter } from '../../../src/core/protobuf.ts'
import type { Published, Publisher } from '../../../src/core/publisher.ts'
import { type RequestOptions, request, serveExchange } from '../../../src/net/exchange.ts'
import { Quota } from '../../../src/net/quota.ts'
import { legacyPushedOf, push, pushedOf } from '../../../src/protocols/lightpush/client.ts'
import {
  decodePushResponse,
  encodePushRequest,
  encodePushResponse,
  lightPushProtocol,
} from '../../../src/protocols/lightpush/codec.ts'
import { lightPush } from '../../../src/protocols/lightpush/index.ts'
import {
  decodeLegacyResponse,
  encodeLegacyRequest,
  legacyLightPushProtocol,
} from '../../../src/protocols/lightpush/legacy-codec.ts'
import { legacyLightPushService } from '../../../src/protocols/lightpush/legacy-service.ts'
import { lightPushLimits } from '../../../src/protocols/lightpush/limits.ts'
import { silentLog } from '../../../src/telemetry/log.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { pair } from '../../kit/host.ts'

const maxMessageBytes = 150 * 1024
const pubsubTopic = '/waku/2/rs/1/4'
const message = encodeMessage({ payload: Buffer.from('hello'), contentTopic: '/app/1/chat/proto' })
const generous = new Quota({ perPeer: { volume: 1e6, period: 1000 }, total: { volume: 1e6, period: 1000 } })
const limits: RequestOptions = { responseBytes: 65_536, timeout: 10_000 }

/** A publisher that takes everything that is not too large, and remembers it. */
class Taker implements Publisher {
  readonly taken: { bytes: Uint8Array; pubsubTopic: string | undefined; from: string }[] = []

  async publish(bytes: Uint8Array, pubsubTopic: string | undefined, from: 'lightpush' | 'rest'): Promise<Published> {
    if (bytes.length > maxMessageBytes) return { outcome: 'too-large', reason: 'Message size exceeded' }
    const envelope = openEnvelope(pubsubTopic ?? '/waku/2/rs/1/0', bytes, 0)
    this.taken.push({ bytes: Uint8Array.from(bytes), pubsubTopic, from })
    return { outcome: 'relayed', peers: 2, envelope }
  }
}

/** A client connected to a node; each test mounts what it needs on the node and takes it away again. */
const [{ libp2p: client }, { libp2p: node }] = await pair(t)
const peer = node.peerId

/** Light push on the node, publishing by `publisher`. */
function mounted(publisher: Publisher, quota = generous): Promise<AsyncDisposable> {
  return lightPush({ libp2p: node, publisher, maxMessageBytes, metrics: createMetrics(), log: silentLog(), quota })
}

t.test('a push reaches the publisher as the bytes that were sent', async (t) => {
  const publisher = new Taker()
  await using _ = await mounted(publisher)
  const odd = Buffer.concat([message, new ProtobufWriter().string(99, 'a field of tomorrow').finish()])
  t.same(await push(client, peer, odd, pubsubTopic), { outcome: 'relayed', status: 200, peers: 2 })
  const [taken] = publisher.taken
  t.equal(Buffer.compare(taken?.bytes ?? new Uint8Array(), odd), 0)
  t.match(taken, { pubsubTopic, from: 'lightpush' })
})

t.test('a push without a pubsub topic leaves the shard to the publisher', async (t) => {
  const publisher = new Taker()
  await using _ = await mounted(publisher)
  t.match(await push(client, peer, message, undefined), { outcome: 'relayed' })
  t.equal(publisher.taken[0]?.pubsubTopic, undefined)
})

t.test('a node that speaks only version 2 is pushed to by version 2', async (t) => {
  const publisher = new Taker()
  const metrics = createMetrics()
  const service = legacyLightPushService({ publisher, maxMessageBytes, metrics })
  await using _ = await serveExchange(service, { libp2p: node, quota: generous, metrics, log: silentLog() })
  t.same(await push(client, peer, message, pubsubTopic), { outcome: 'relayed', status: 200 })
  t.equal(publisher.taken.length, 1)
  t.match(await push(client, peer, message, undefined), { outcome: 'refused', status: 400 })
  t.equal(publisher.taken.length, 1, 'version 2 cannot say that the shard is to be derived')
})

t.test('a node without light push is an error of the dial', async (t) => {
  await t.rejects(push(client, peer, message, pubsubTopic), { name: 'UnsupportedProtocolError' })
})

t.test('a request is taken up to the limit, and refused above it by both versions', async (t) => {
  const publisher = new Taker()
  await using _ = await mounted(publisher)
  const { requestBytes } = lightPushLimits(maxMessageBytes)
  t.equal(requestBytes, 150 * 1024 + 64 * 1024)
  const tell = {
    [lightPushProtocol]: (answer: Uint8Array) => decodePushResponse(answer).status,
    [legacyLightPushProtocol]: (answer: Uint8Array) => decodeLegacyResponse(answer).info,
  }
  const bodies = {
    [lightPushProtocol]: encodePushRequest({ requestId: 'r', pubsubTopic, message }),
    [legacyLightPushProtocol]: encodeLegacyRequest({ requestId: 'r', pubsubTopic, message }),
  }
  const tooLarge = {
    [lightPushProtocol]: 413,
    [legacyLightPushProtocol]: 'Message size exceeded maximum of 153600 bytes',
  }
  for (const protocol of [lightPushProtocol, legacyLightPushProtocol] as const) {
    const ask = async (length: number) =>
      tell[protocol](await request(client, peer, protocol, padded(bodies[protocol], length), limits))
    const ok = protocol === lightPushProtocol ? 200 : 'OK'
    t.equal(await ask(requestBytes - 1), ok, `${protocol}, one below`)
    t.equal(await ask(requestBytes), ok, `${protocol}, at the limit`)
    t.equal(await ask(requestBytes + 1), tooLarge[protocol], `${protocol}, one above`)
  }
  t.equal(publisher.taken.length, 4)
})

t.test('the largest message fits a request, and one byte more is the publisher to judge', async (t) => {
  const publisher = new Taker()
  await using _ = await mounted(publisher)
  t.match(await push(client, peer, padded(message, maxMessageBytes), pubsubTopic), { outcome: 'relayed' })
  t.match(await push(client, peer, padded(message, maxMessageBytes + 1), pubsubTopic), {
    outcome: 'refused',
    status: 413,
    reason: 'Message size exceeded',
  })
})

t.test('a peer above its quota is told so, under its own request id', async (t) => {
  const publisher = new Taker()
  const once = new Quota({
    perPeer: { volume: 2, period: 1000 },
    total: { volume: 9, period: 1000 },
    clock: () => 0,
  })
  await using _ = await mounted(publisher, once)
  t.match(await push(client, peer, message, pubsubTopic), { outcome: 'relayed' })
  t.match(await push(client, peer, message, pubsubTopic), { outcome: 'relayed' })
  const v3 = await request(client, peer, lightPushProtocol, encodePushRequest({ requestId: 'x', message }), limits)
  t.match(decodePushResponse(v3), { requestId: 'x', status: 429 })
  const body = encodeLegacyRequest({ requestId: 'y', pubsubTopic, message })
  const v2 = await request(client, peer, legacyLightPushProtocol, body, limits)
  t.match(
    decodeLegacyResponse(v2),
    { requestId: 'y', isSuccess: false, info: 'TOO_MANY_REQUESTS' },
    'one quota for both',
  )
  t.equal(publisher.taken.length, 2)
})

t.test('bytes that are no request are answered with 400', async (t) => {
  await using _ = await mounted(new Taker())
  const answer = await request(client, peer, lightPushProtocol, Buffer.from('0a0469642d31ffff', 'hex'), limits)
  t.match(decodePushResponse(answer), { requestId: 'id-1', status: 400, reason: /^decode_rpc_failure: / })
  t.match(await push(client, peer, Buffer.from('ff'), pubsubTopic), { outcome: 'refused', status: 400 })
})

t.test('an answer to another request is refused', async (t) => {
  for (const [answered, expected] of [
    ['other', 'client/bad-answer'],
    ['N/A', undefined],
  ] as const) {
    await using _ = await answering(encodePushResponse({ requestId: answered, status: 200, relayPeers: 1 }))
    const pushed = push(client, peer, message, pubsubTopic)
    if (expected === undefined) t.match(await pushed, { outcome: 'relayed' }, answered)
    else await t.rejects(pushed, { code: expected }, answered)
  }
})

t.test('after disposal nothing is served', async (t) => {
  const service = await mounted(new Taker())
  t.match(await push(client, peer, message, pubsubTopic), { outcome: 'relayed' })
  await service[Symbol.asyncDispose]()
  const error = await push(client, peer, message, pubsubTopic).catch((error) => error)
  t.equal(error.name, 'UnsupportedProtocolError', messageOf(error))
})

t.test('503, 505 and a success that names nobody are all no peers', async (t) => {
  t.match(pushedOf({ status: 503, reason: 'a' }), { outcome: 'no-peers', status: 503, reason: 'a' })
  t.match(pushedOf({ status: 505 }), { outcome: 'no-peers', status: 505 })
  t.match(pushedOf({ status: 200 }), { outcome: 'no-peers', status: 505 })
  t.match(pushedOf({ status: 200, relayPeers: 0 }), { outcome: 'no-peers', status: 505 })
  t.match(pushedOf({ status: 200, relayPeers: 1 }), { outcome: 'relayed', peers: 1 })
  t.match(pushedOf({ status: 420, reason: 'b' }), { outcome: 'refused', status: 420, reason: 'b' })
})

t.test('the lines of version 2 are read as the codes of version 3', async (t) => {
  const failure = (info?: string) => legacyPushedOf({ isSuccess: false, info })
  t.match(failure('not_published_to_any_peer'), { outcome: 'no-peers', status: 505 })
  t.match(failure('no waku relay found: it is off'), { outcome: 'no-peers', status: 503 })
  t.match(failure('TOO_MANY_REQUESTS'), { outcome: 'refused', status: 429 })
  t.match(failure('exceeds the rate limit'), { outcome: 'refused', status: 429 })
  t.match(failure('Could not publish message: not enough peers to publish'), { outcome: 'no-peers', status: 503 })
  t.match(failure('not enough peers to publish it: said by somebody else'), { outcome: 'refused', status: 500 })
  t.match(failure('decode_rpc_failure: x'), { outcome: 'refused', status: 400 })
  t.match(failure('anything'), { outcome: 'refused', status: 500, reason: 'anything' })
  t.match(failure(), { outcome: 'refused', status: 500 })
})

t.test('what go-waku answers where nobody else is there is read, byte for byte', async (t) => {
  // request_id "r", then a response without is_success, which proto3 leaves out, and with info.
  const info = Buffer.from('Could not publish message: not enough peers to publish')
  const answer = Buffer.concat([Buffer.from('0a01721a', 'hex'), Buffer.of(2 + info.length, 0x12, info.length), info])
  t.match(legacyPushedOf(decodeLegacyResponse(answer)), { outcome: 'no-peers', status: 503, reason: String(info) })
})

/** `body` with an unknown field behind it that brings it to exactly `length` bytes. */
function padded(body: Uint8Array, length: number): Uint8Array {
  // Tag of field 99 (2 bytes) and a length of 3 bytes for anything from 16 KiB to 2 MiB.
  const filler = new ProtobufWriter(length).bytes(99, new Uint8Array(length - body.length - 5)).finish()
  return Buffer.concat([body, filler])
}

/** A node that answers every light push with `answer`. */
function answering(answer: Uint8Array): Promise<AsyncDisposable> {
  const metrics = createMetrics()
  const service = {
    protocol: lightPushProtocol,
    name: 'lightpushv3',
    limits: lightPushLimits(maxMessageBytes),
    decode: (body: Uint8Array) => body,
    answer: () => answer,
    refuse: () => undefined,
  } as const
  return serveExchange(service, { libp2p: node, quota: generous, metrics, log: silentLog() })
}
