import assert from 'node:assert/strict'
import { proto_filter_v2 as reference } from '@waku/proto'
import fc from 'fast-check'
import t from 'tap'
import { isWaypostError } from '../../../src/core/errors.ts'
import { ProtobufWriter } from '../../../src/core/protobuf.ts'
import {
  decodeFilterRequest,
  decodeFilterResponse,
  decodeMessagePush,
  encodeFilterRequest,
  encodeFilterResponse,
  encodeMessagePush,
  filterRequestKinds,
} from '../../../src/protocols/filter/codec.ts'
import { bytesOf, hexOf, readVectors } from '../../kit/vectors.ts'

const vectors = readVectors('filter')
const messageBytes = (name: string): Uint8Array => bytesOf(vectors.messages[name].wire)

/** What is on the wire, without what is not: undefined fields say nothing. */
const present = (value: object): unknown =>
  Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined))

t.test('a request has its golden bytes, in both directions and for @waku/proto', async (t) => {
  for (const { id, wire, ...request } of vectors.requests) {
    t.equal(hexOf(encodeFilterRequest(request)), wire, id)
    t.strictSame(present(decodeFilterRequest(bytesOf(wire))), request, id)
    const theirs = reference.FilterSubscribeRequest.decode(bytesOf(wire))
    t.equal(theirs.filterSubscribeType, request.kind)
    t.equal(theirs.pubsubTopic, request.pubsubTopic)
    t.strictSame(theirs.contentTopics, request.contentTopics)
    t.equal(hexOf(reference.FilterSubscribeRequest.encode(theirs)), wire, `${id}: they write what we write`)
  }
})

t.test('a ping is read with and without its zero, and written with it', async (t) => {
  for (const { id, requestId, wire } of vectors.pings) {
    const request = decodeFilterRequest(bytesOf(wire))
    t.same([request.requestId, request.kind, request.contentTopics], [requestId, 'SUBSCRIBER_PING', []], id)
    t.equal(reference.FilterSubscribeRequest.decode(bytesOf(wire)).filterSubscribeType, 'SUBSCRIBER_PING')
  }
  const [{ requestId, wire }] = vectors.pings
  t.equal(hexOf(encodeFilterRequest({ requestId, kind: 'SUBSCRIBER_PING', contentTopics: [] })), wire)
})

t.test('a response has its golden bytes, in both directions and for @waku/proto', async (t) => {
  for (const { id, wire, byHand, ...response } of vectors.responses) {
    t.equal(hexOf(encodeFilterResponse(response)), wire, id)
    t.strictSame(decodeFilterResponse(bytesOf(wire)), response, id)
    const theirs = reference.FilterSubscribeResponse.decode(bytesOf(wire))
    const { requestId, status, reason } = response
    t.same([theirs.requestId, theirs.statusCode, theirs.statusDesc], [requestId, status, reason])
    if (!byHand)
      t.equal(hexOf(reference.FilterSubscribeResponse.encode(theirs)), wire, `${id}: they write what we write`)
  }
})

t.test('a push holds the message as it was received, for us and for @waku/proto', async (t) => {
  for (const { id, message, pubsubTopic, wire } of vectors.pushes) {
    t.equal(hexOf(encodeMessagePush({ bytes: messageBytes(message), pubsubTopic })), wire, id)
    t.strictSame(decodeMessagePush(bytesOf(wire)), { message: messageBytes(message), pubsubTopic }, id)
    const theirs = reference.MessagePush.decode(bytesOf(wire))
    t.equal(theirs.pubsubTopic, pubsubTopic)
    t.equal(theirs.wakuMessage?.contentTopic, vectors.messages[message].fields.contentTopic)
    t.equal(hexOf(reference.MessagePush.encode(theirs)), wire, `${id}: they write what we write`)
  }
})

t.test('a push keeps fields of the message that we do not know', async (t) => {
  const message = Buffer.concat([messageBytes('small'), new ProtobufWriter().string(99, 'of tomorrow').finish()])
  const push = decodeMessagePush(encodeMessagePush({ bytes: message, pubsubTopic: '/waku/2/rs/1/4' }))
  t.same(push.message, message)
})

t.test('what must be on the wire is missed when it is not', async (t) => {
  const rows = [
    { id: 'a request without an id', read: () => decodeFilterRequest(bytesOf('1001')) },
    { id: 'a request with an empty id', read: () => decodeFilterRequest(bytesOf('0a001001')) },
    { id: 'a request of a kind that is none', read: () => decodeFilterRequest(bytesOf('0a01611004')) },
    { id: 'a response without an id', read: () => decodeFilterResponse(bytesOf('50c801')) },
    { id: 'a response without a status', read: () => decodeFilterResponse(bytesOf('0a0161')) },
    { id: 'a push without a message', read: () => decodeMessagePush(bytesOf('12012f')) },
    { id: 'a push without a pubsub topic', read: () => decodeMessagePush(bytesOf('0a00')) },
  ]
  for (const { id, read } of rows) t.throws(read, { code: 'wire/malformed' }, id)
  t.same(decodeFilterRequest(bytesOf('0a01611001')).kind, 'SUBSCRIBE', 'the control is read')
})

t.test('bytes of any kind are read or refused, never more', async (t) => {
  const readers = [decodeFilterRequest, decodeFilterResponse, decodeMessagePush]
  const golden = [...vectors.requests, ...vectors.responses, ...vectors.pushes].map(({ wire }) => bytesOf(wire))
  const mutated = fc
    .tuple(fc.constantFrom(...golden), fc.nat(), fc.nat(255))
    .map(([wire, at, value]) => Buffer.from(wire).fill(value, at % wire.length, (at % wire.length) + 1))
  const property = fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated), (input) => {
    for (const read of readers) {
      try {
        read(input)
      } catch (error) {
        if (!isWaypostError(error, 'wire/malformed')) throw error
      }
    }
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 5000 }))
})

t.test('any request and any response come back as they were', async (t) => {
  const text = fc.string({ unit: 'grapheme', maxLength: 40 })
  const plain = { noNullPrototype: true }
  const request = fc.record(
    {
      requestId: text.filter((id) => id !== ''),
      kind: fc.constantFrom(...filterRequestKinds),
      pubsubTopic: fc.option(text, { nil: undefined }),
      contentTopics: fc.array(text, { maxLength: 100 }),
    },
    plain,
  )
  const response = fc.record({ requestId: text, status: fc.nat(0xffff_ffff), reason: text }, plain)
  const back = fc.property(request, response, (asked, answered) => {
    assert.deepEqual(decodeFilterRequest(encodeFilterRequest(asked)), asked)
    assert.deepEqual(decodeFilterResponse(encodeFilterResponse(answered)), answered)
  })
  t.doesNotThrow(() => fc.assert(back, { numRuns: 200 }))
})
