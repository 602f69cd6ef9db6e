import { proto_lightpush as reference } from '@waku/proto'
import fc from 'fast-check'
import t from 'tap'
import { isWaypostError } from '../../../src/core/errors.ts'
import { decodeMessage } from '../../../src/core/message.ts'
import { ProtobufWriter } from '../../../src/core/protobuf.ts'
import {
  decodePushRequest,
  decodePushResponse,
  encodePushRequest,
  encodePushResponse,
} from '../../../src/protocols/lightpush/codec.ts'
import {
  decodeLegacyRequest,
  decodeLegacyResponse,
  encodeLegacyRequest,
  encodeLegacyResponse,
} from '../../../src/protocols/lightpush/legacy-codec.ts'
import { bytesOf, hexOf, readVectors } from '../../kit/vectors.ts'

const vectors = readVectors('lightpush')
const messageBytes = (name: string): Uint8Array => bytesOf(vectors.messages[name].wire)

/** What is on the wire, without what is not: undefined fields say nothing. */
const present = (value: object): unknown =>
  Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined))

t.test('a request has its golden bytes, in both directions and for @waku/proto', async (t) => {
  for (const { id, requestId, pubsubTopic, message, wire } of vectors.requests) {
    const request = { requestId, pubsubTopic, message: messageBytes(message) }
    t.equal(hexOf(encodePushRequest(request)), wire, id)
    t.strictSame(decodePushRequest(bytesOf(wire)), request, id)
    const theirs = reference.LightPushRequestV3.decode(bytesOf(wire))
    t.equal(theirs.requestId, requestId)
    t.equal(theirs.pubsubTopic, pubsubTopic)
    t.equal(hexOf(reference.LightPushRequestV3.encode(theirs)), wire, `${id}: they write what we write`)
  }
})

t.test('a response has its golden bytes, in both directions and for @waku/proto', async (t) => {
  for (const { id, wire, ...response } of vectors.responses) {
    t.equal(hexOf(encodePushResponse(response)), wire, id)
    t.strictSame(present(decodePushResponse(bytesOf(wire))), response, id)
    const theirs = reference.LightPushResponseV3.decode(bytesOf(wire))
    t.equal(theirs.statusCode, response.status)
    t.equal(theirs.statusDesc, response.reason)
    t.equal(theirs.relayPeerCount, response.relayPeers)
    t.equal(hexOf(reference.LightPushResponseV3.encode(theirs)), wire, `${id}: they write what we write`)
  }
})

t.test('a request of version 2 has its golden bytes, in both directions and for @waku/proto', async (t) => {
  for (const { id, requestId, pubsubTopic, message, wire } of vectors.legacyRequests) {
    const push = { pubsubTopic, message: messageBytes(message) }
    t.equal(hexOf(encodeLegacyRequest({ requestId, ...push })), wire, id)
    t.strictSame(decodeLegacyRequest(bytesOf(wire)), { requestId, push }, id)
    const theirs = reference.PushRpc.decode(bytesOf(wire))
    t.equal(theirs.request?.pubsubTopic, pubsubTopic)
    t.equal(hexOf(reference.PushRpc.encode(theirs)), wire, `${id}: they write what we write`)
  }
})

t.test('a response of version 2 has its golden bytes, in both directions and for @waku/proto', async (t) => {
  for (const { id, wire, byHand, ...response } of vectors.legacyResponses) {
    t.equal(hexOf(encodeLegacyResponse(response)), wire, id)
    t.strictSame(decodeLegacyResponse(bytesOf(wire)), response, id)
    const theirs = reference.PushRpc.decode(bytesOf(wire))
    t.match(theirs.response, { isSuccess: response.isSuccess, info: response.info })
    if (!byHand) t.equal(hexOf(reference.PushRpc.encode(theirs)), wire, `${id}: they write what we write`)
  }
})

t.test('is_success is on the wire also when it is false, and read as false when it is not', async (t) => {
  const wire = encodeLegacyResponse({ requestId: 'r', isSuccess: false, info: 'no' })
  t.match(hexOf(wire), /1a060800/)
  const theirs = reference.PushRpc.encode({ requestId: 'r', response: { isSuccess: false, info: 'no' } })
  t.notMatch(hexOf(theirs), /1a060800/)
  t.strictSame(decodeLegacyResponse(theirs), { requestId: 'r', isSuccess: false, info: 'no' })
})

t.test('a response writes request id and status also when they are empty', async (t) => {
  t.equal(hexOf(encodePushResponse({ requestId: '', status: 0 })), '0a005000')
})

t.test('the message of a request is a view of the bytes that came, unknown fields and proof included', async (t) => {
  const message = Buffer.concat([messageBytes('full'), new ProtobufWriter().string(99, 'unknown').finish()])
  const v3 = encodePushRequest({ requestId: 'r', pubsubTopic: '/t', message })
  const v2 = encodeLegacyRequest({ requestId: 'r', pubsubTopic: '/t', message })
  const views = [decodePushRequest(v3).message, decodeLegacyRequest(v2).push?.message]
  for (const [index, view] of views.entries()) {
    t.equal(hexOf(view ?? new Uint8Array()), hexOf(message))
    t.equal(view?.buffer, [v3, v2][index]?.buffer)
  }
  t.equal(hexOf(decodeMessage(message).rateLimitProof ?? new Uint8Array()), vectors.messages.full.fields.rateLimitProof)
})

const id = (): ProtobufWriter => new ProtobufWriter().string(1, 'r')
const push = (fields: ProtobufWriter): Uint8Array => id().bytes(2, fields.finish()).finish()
const withoutField = [
  { id: 'v3 request_id', decode: decodePushRequest, body: new ProtobufWriter().bytes(21, bytesOf('0a00')).finish() },
  { id: 'v3 message', decode: decodePushRequest, body: id().string(20, '/t').finish() },
  {
    id: 'v2 request_id',
    decode: decodeLegacyRequest,
    body: new ProtobufWriter().bytes(2, bytesOf('0a001200')).finish(),
  },
  { id: 'v2 message', decode: decodeLegacyRequest, body: push(new ProtobufWriter().string(1, '/t')) },
  { id: 'v2 pubsub_topic', decode: decodeLegacyRequest, body: push(new ProtobufWriter().bytes(2, bytesOf('0a00'))) },
  { id: 'v2 response', decode: decodeLegacyResponse, body: id().finish() },
]

t.test('a field that nwaku demands is missed by name', async (t) => {
  for (const { id, decode, body } of withoutField) {
    const field = id.split(' ')[1] ?? ''
    t.throws(() => decode(body), { code: 'wire/malformed', data: { why: `${field} is missing` } }, id)
  }
})

t.test('an RPC of version 2 without a request is read as such', async (t) => {
  t.strictSame(decodeLegacyRequest(id().finish()), { requestId: 'r', push: undefined })
})

const decoders = [decodePushRequest, decodePushResponse, decodeLegacyRequest, decodeLegacyResponse]
const wires: Uint8Array[] = [
  ...vectors.requests,
  ...vectors.responses,
  ...vectors.legacyRequests,
  ...vectors.legacyResponses,
].map(({ wire }: { wire: string }) => bytesOf(wire))

/** A golden message with some bytes changed and its end cut off. */
const mutant = fc
  .tuple(
    fc.constantFrom(...wires),
    fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 4 }),
    fc.option(fc.nat(200), { nil: undefined }),
  )
  .map(([wire, changes, length]) => {
    const changed = Uint8Array.from(wire)
    for (const [index, value] of changes) changed[index % changed.length] = value
    return changed.subarray(0, length)
  })

t.test('any bytes are read, or refused as malformed', async (t) => {
  const input = fc.oneof(fc.uint8Array({ maxLength: 300 }), mutant)
  fc.assert(
    fc.property(input, (body) => {
      for (const decode of decoders) {
        try {
          decode(body)
        } catch (error) {
          if (!isWaypostError(error, 'wire/malformed')) throw error
        }
      }
    }),
    { numRuns: 20_000 },
  )
  t.pass('20,000 inputs to four decoders')
})

t.test('what is written is read again', async (t) => {
  const text = fc.string({ unit: 'grapheme' })
  const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined })
  const uint32 = fc.nat(0xffff_ffff)
  const request = fc.record({ requestId: text, pubsubTopic: optional(text), message: fc.uint8Array() })
  const response = fc.record({ requestId: text, status: uint32, reason: optional(text), relayPeers: optional(uint32) })
  const legacy = fc.record({ requestId: text, isSuccess: fc.boolean(), info: optional(text) })
  fc.assert(
    fc.property(request, response, legacy, text, (request, response, legacy, topic) => {
      const read = decodePushRequest(encodePushRequest(request))
      t.same({ ...read, message: hexOf(read.message) }, { ...request, message: hexOf(request.message) })
      t.same(decodePushResponse(encodePushResponse(response)), response)
      t.same(decodeLegacyResponse(encodeLegacyResponse(legacy)), legacy)
      const { requestId, message } = request
      const { push } = decodeLegacyRequest(encodeLegacyRequest({ requestId, pubsubTopic: topic, message }))
      t.equal(push?.pubsubTopic, topic)
      t.equal(hexOf(push?.message ?? new Uint8Array()), hexOf(message))
    }),
    { numRuns: 100 },
  )
})
