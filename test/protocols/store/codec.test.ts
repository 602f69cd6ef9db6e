import assert from 'node:assert/strict'
import { proto_store as reference } from '@waku/proto'
import fc from 'fast-check'
import t from 'tap'
import { isWaypostError } from '../../../src/core/errors.ts'
import { ProtobufWriter } from '../../../src/core/protobuf.ts'
import type { StoredMessage } from '../../../src/core/query.ts'
import {
  decodeStoreRequest,
  decodeStoreResponse,
  encodeStoreRequest,
  encodeStoreResponse,
} from '../../../src/protocols/store/codec.ts'
import { bytesOf, hexOf, readVectors } from '../../kit/vectors.ts'

interface RequestRow {
  id: string
  requestId: string
  includeData: boolean
  pubsubTopic?: string
  contentTopics: string[]
  start?: string
  end?: string
  hashes: string[]
  cursor?: string
  forward: boolean
  limit?: string
  wire: string
  byHand?: boolean
}

interface ResponseRow {
  id: string
  requestId: string
  status: number
  reason: string
  messages: { hash: string; pubsubTopic?: string; message?: string }[]
  cursor?: string
  wire: string
  byHand?: boolean
}

const vectors = readVectors<{ requests: RequestRow[]; responses: ResponseRow[] }>('store')
const integer = (text: string | undefined): bigint | undefined => (text === undefined ? undefined : BigInt(text))

t.test('a request has its golden bytes, in both directions and for @waku/proto', async (t) => {
  for (const { id, wire, byHand, ...row } of vectors.requests) {
    const request = {
      ...row,
      start: integer(row.start),
      end: integer(row.end),
      limit: integer(row.limit),
      hashes: row.hashes.map(bytesOf),
      cursor: row.cursor === undefined ? undefined : bytesOf(row.cursor),
    }
    t.equal(hexOf(encodeStoreRequest(request)), wire, id)
    t.same(decodeStoreRequest(bytesOf(wire)), { pubsubTopic: undefined, ...request }, id)
    const theirs = reference.StoreQueryRequest.decode(bytesOf(wire))
    t.match(theirs, { requestId: row.requestId, includeData: row.includeData, paginationForward: row.forward }, id)
    t.same(
      [theirs.timeStart, theirs.timeEnd, theirs.paginationLimit, theirs.contentTopics, theirs.messageHashes.map(hexOf)],
      [request.start, request.end, request.limit, row.contentTopics, row.hashes],
      id,
    )
    const again = reference.StoreQueryRequest.encode(theirs)
    if (!byHand) t.equal(hexOf(again), wire, `${id}: they write what we write`)
    t.same(decodeStoreRequest(again), { pubsubTopic: undefined, ...request }, `${id}: we read what they write`)
  }
})

t.test('a response has its golden bytes, in both directions and for @waku/proto', async (t) => {
  for (const { id, wire, byHand, requestId, status, reason, messages: rows, cursor } of vectors.responses) {
    const messages: StoredMessage[] = rows.map(({ hash, pubsubTopic, message }) =>
      pubsubTopic === undefined || message === undefined
        ? { hash }
        : { hash, data: { pubsubTopic, bytes: bytesOf(message) } },
    )
    const response = { requestId, status, reason, messages, cursor }
    t.equal(hexOf(encodeStoreResponse(response)), wire, id)
    t.same(decodeStoreResponse(bytesOf(wire)), response, id)
    const theirs = reference.StoreQueryResponse.decode(bytesOf(wire))
    t.match(theirs, { requestId, statusCode: status, statusDesc: reason }, id)
    t.same(
      theirs.messages.map(({ messageHash, message, pubsubTopic }) => ({
        hash: messageHash && hexOf(messageHash),
        ...(message && { pubsubTopic, message: hexOf(reference.WakuMessage.encode(message)) }),
      })),
      rows,
      id,
    )
    const again = reference.StoreQueryResponse.encode(theirs)
    if (!byHand) t.equal(hexOf(again), wire, `${id}: they write what we write`)
    t.same(decodeStoreResponse(again), response, `${id}: we read what they write`)
  }
})

t.test('id, status and reason are on the wire also when they say nothing: nwaku demands them', async (t) => {
  t.equal(hexOf(encodeStoreResponse({ requestId: '', status: 0, reason: '', messages: [] })), '0a0050005a00')
})

t.test('a message is spliced in as it was stored', async (t) => {
  const stored = Buffer.from('0a00aa0600ffff7f', 'hex')
  const hash = '11'.repeat(32)
  const messages = [{ hash, data: { pubsubTopic: '', bytes: stored } }]
  const wire = encodeStoreResponse({ requestId: 'r', status: 200, reason: 'OK', messages })
  t.match(hexOf(wire), hexOf(stored))
  t.same(decodeStoreResponse(wire).messages, messages)
})

t.test('a message without its pubsub topic, or the other way round, is read as absent', async (t) => {
  const hash = Buffer.alloc(32, 1)
  const entry = (): ProtobufWriter => new ProtobufWriter().bytes(1, hash)
  for (const half of [entry().bytes(2, hash).finish(), entry().string(3, '/waku/2/rs/1/0').finish()]) {
    const wire = new ProtobufWriter().bytes(20, half).finish()
    t.same(decodeStoreResponse(wire).messages, [{ hash: hexOf(hash) }])
  }
})

t.test('a hash or cursor of any other length than 32 bytes is no answer', async (t) => {
  for (const length of [0, 31, 33]) {
    const entry = new ProtobufWriter().bytes(1, Buffer.alloc(length)).finish()
    t.throws(() => decodeStoreResponse(new ProtobufWriter().bytes(20, entry).finish()), { code: 'wire/malformed' })
    const cursor = new ProtobufWriter().bytes(51, Buffer.alloc(length)).finish()
    t.throws(() => decodeStoreResponse(cursor), { code: 'wire/malformed' })
  }
  t.throws(() => decodeStoreResponse(new ProtobufWriter().bytes(20, new Uint8Array(0)).finish()), {
    code: 'wire/malformed',
  })
})

t.test('any request survives the way there and back, exactly', async () => {
  const topic = fc.string({ unit: 'grapheme', maxLength: 40 })
  const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
  const request = fc.record({
    requestId: topic,
    includeData: fc.boolean(),
    pubsubTopic: fc.option(topic, { nil: undefined }),
    contentTopics: fc.array(topic, { maxLength: 5 }),
    start: fc.option(int64, { nil: undefined }),
    end: fc.option(int64, { nil: undefined }),
    hashes: fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 }),
    cursor: fc.option(fc.uint8Array({ maxLength: 40 }), { nil: undefined }),
    forward: fc.boolean(),
    limit: fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { nil: undefined }),
  })
  fc.assert(
    fc.property(request, (request) => {
      const { hashes, cursor, ...rest } = decodeStoreRequest(encodeStoreRequest(request))
      const read = { ...rest, hashes: hashes.map(hexOf), cursor: cursor && hexOf(cursor) }
      assert.deepEqual(read, {
        ...request,
        hashes: request.hashes.map(hexOf),
        cursor: request.cursor && hexOf(request.cursor),
      })
    }),
  )
})

t.test('any bytes are a message or an error of ours', async () => {
  const golden = [...vectors.requests, ...vectors.responses].map(({ wire }) => bytesOf(wire))
  const damaged = fc
    .tuple(
      fc.constantFrom(...golden),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
      fc.nat(),
    )
    .map(([wire, changes, end]) => {
      const copy = Uint8Array.from(wire)
      for (const [at, value] of changes) copy[at % copy.length] = value
      return copy.subarray(0, end % 3 === 0 ? end % copy.length : copy.length)
    })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), damaged), (body) => {
      for (const decode of [decodeStoreRequest, decodeStoreResponse]) {
        try {
          decode(body)
        } catch (error) {
          assert.ok(isWaypostError(error, 'wire/malformed'))
        }
      }
    }),
    { numRuns: 20_000 },
  )
})
