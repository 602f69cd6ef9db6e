import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
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

/** Compiled tests run from dist; the vectors stay where they are. */
const vectors: { requests: RequestRow[]; responses: ResponseRow[] } = JSON.parse(
  readFileSync('test/vectors/store.json', 'utf8'),
)
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const bytes = (text: string): Uint8Array => Buffer.from(text, 'hex')
const integer = (text: string | undefined): bigint | undefined => (text === undefined ? undefined : BigInt(text))

t.test('a request has its golden bytes, in both directions and for @waku/proto', async (t) => {
  for (const { id, wire, byHand, ...row } of vectors.requests) {
    const request = {
      ...row,
      start: integer(row.start),
      end: integer(row.end),
      limit: integer(row.limit),
      hashes: row.hashes.map(bytes),
      cursor: row.cursor === undefined ? undefined : bytes(row.cursor),
    }
    t.equal(hex(encodeStoreRequest(request)), wire, id)
    t.same(decodeStoreRequest(bytes(wire)), { pubsubTopic: undefined, ...request }, id)
    const theirs = reference.StoreQueryRequest.decode(bytes(wire))
    t.match(theirs, { requestId: row.requestId, includeData: row.includeData, paginationForward: row.forward }, id)
    t.same(
      [theirs.timeStart, theirs.timeEnd, theirs.paginationLimit, theirs.contentTopics, theirs.messageHashes.map(hex)],
      [request.start, request.end, request.limit, row.contentTopics, row.hashes],
      id,
    )
    const again = reference.StoreQueryRequest.encode(theirs)
    if (!byHand) t.equal(hex(again), wire, `${id}: they write what we write`)
    t.same(decodeStoreRequest(again), { pubsubTopic: undefined, ...request }, `${id}: we read what they write`)
  }
})

t.test('a response has its golden bytes, in both directions and for @waku/proto', async (t) => {
  for (const { id, wire, byHand, requestId, status, reason, messages: rows, cursor } of vectors.responses) {
    const messages: StoredMessage[] = rows.map(({ hash, pubsubTopic, message }) =>
      pubsubTopic === undefined || message === undefined
        ? { hash }
        : { hash, data: { pubsubTopic, bytes: bytes(message) } },
    )
    const response = { requestId, status, reason, messages, cursor }
    t.equal(hex(encodeStoreResponse(response)), wire, id)
    t.same(decodeStoreResponse(bytes(wire)), response, id)
    const theirs = reference.StoreQueryResponse.decode(bytes(wire))
    t.match(theirs, { requestId, statusCode: status, statusDesc: reason }, id)
    t.same(
      theirs.messages.map(({ messageHash, message, pubsubTopic }) => ({
        hash: messageHash && hex(messageHash),
        ...(message && { pubsubTopic, message: hex(reference.WakuMessage.encode(message)) }),
      })),
      rows,
      id,
    )
    const again = reference.StoreQueryResponse.encode(theirs)
    if (!byHand) t.equal(hex(again), wire, `${id}: they write what we write`)
    t.same(decodeStoreResponse(again), response, `${id}: we read what they write`)
  }
})

t.test('id, status and reason are on the wire also when they say nothing: nwaku demands them', async (t) => {
  t.equal(hex(encodeStoreResponse({ requestId: '', status: 0, reason: '', messages: [] })), '0a0050005a00')
})

t.test('a message is spliced in as it was stored', async (t) => {
  const stored = Buffer.from('0a00aa0600ffff7f', 'hex')
  const hash = '11'.repeat(32)
  const messages = [{ hash, data: { pubsubTopic: '', bytes: stored } }]
  const wire = encodeStoreResponse({ requestId: 'r', status: 200, reason: 'OK', messages })
  t.match(hex(wire), hex(stored))
  t.same(decodeStoreResponse(wire).messages, messages)
})

t.test('a message without its pubsub topic, or the other way round, is read as absent', async (t) => {
  const hash = Buffer.alloc(32, 1)
  const entry = (): ProtobufWriter => new ProtobufWriter().bytes(1, hash)
  for (const half of [entry().bytes(2, hash).finish(), entry().string(3, '/waku/2/rs/1/0').finish()]) {
    const wire = new ProtobufWriter().bytes(20, half).finish()
    t.same(decodeStoreResponse(wire).messages, [{ hash: hex(hash) }])
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
      const read = { ...rest, hashes: hashes.map(hex), cursor: cursor && hex(cursor) }
      assert.deepEqual(read, {
        ...request,
        hashes: request.hashes.map(hex),
        cursor: request.cursor && hex(request.cursor),
      })
    }),
  )
})

t.test('any bytes are a message or an error of ours', async () => {
  const golden = [...vectors.requests, ...vectors.responses].map(({ wire }) => bytes(wire))
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
