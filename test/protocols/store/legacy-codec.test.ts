import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { isWaypostError } from '../../../src/core/errors.ts'
import { givenDigest, type LegacyCursor, type LegacyQuery, legacyDigest } from '../../../src/core/legacy-query.ts'
import { decodeMessage, encodeMessage } from '../../../src/core/message.ts'
import {
  decodeLegacyRequest,
  decodeLegacyResponse,
  encodeLegacyRequest,
  encodeLegacyResponse,
  type LegacyStoreResponse,
} from '../../../src/protocols/store/legacy-codec.ts'
import { holds } from '../../kit/property.ts'
import { bytesOf, hexOf, readVectors } from '../../kit/vectors.ts'

interface CursorRow {
  digest: string
  storeTime: string
  senderTime: string
  pubsubTopic: string
}

interface Rows {
  requests: {
    id: string
    requestId: string
    query?: {
      pubsubTopic?: string
      contentTopics: string[]
      start?: string
      end?: string
      cursor?: CursorRow
      direction: 'forward' | 'backward'
      limit: number
    }
    wire: string
  }[]
  responses: { id: string; requestId: string; messages: number; cursor?: CursorRow; error: number; wire: string }[]
  digest: { id: string; contentTopic: string; payload: string; digest: string }[]
}

const vectors = readVectors<Rows>('store-legacy')
const integer = (text: string | undefined): bigint | undefined => (text === undefined ? undefined : BigInt(text))

function cursorOf(row: CursorRow | undefined): LegacyCursor | undefined {
  if (row === undefined) return undefined
  const { digest, storeTime, senderTime, pubsubTopic } = row
  return {
    pubsubTopic,
    senderTime: BigInt(senderTime),
    storeTime: BigInt(storeTime),
    digest: new Uint8Array(bytesOf(digest)),
  }
}

t.test('a request of js-waku reads as what it asks for, and again after we have written it', async (t) => {
  for (const { id, requestId, query: row, wire } of vectors.requests) {
    const query: LegacyQuery | undefined = row && {
      ...row,
      pubsubTopic: row.pubsubTopic,
      start: integer(row.start),
      end: integer(row.end),
      cursor: cursorOf(row.cursor),
    }
    t.same(decodeLegacyRequest(bytesOf(wire)), { requestId, query }, id)
    t.same(
      decodeLegacyRequest(encodeLegacyRequest({ requestId, query })),
      { requestId, query },
      `${id}: as we write it`,
    )
  }
  const [, , filtered] = vectors.requests
  if (filtered?.query === undefined) return t.fail('no vector')
  const { requestId, query } = filtered
  const ours = { ...query, start: integer(query.start), end: integer(query.end), cursor: undefined }
  t.same(decodeLegacyRequest(encodeLegacyRequest({ requestId, query: ours })), { requestId, query: ours })
})

t.test('a response has its golden bytes, with the error that nwaku looks for', async (t) => {
  for (const { id, requestId, messages, cursor, error, wire } of vectors.responses) {
    const read = decodeLegacyResponse(bytesOf(wire))
    t.match({ ...read, messages: read.messages.length }, { requestId, messages, error }, id)
    t.same(read.cursor, cursorOf(cursor), id)
    for (const bytes of read.messages) t.match(decodeMessage(bytes).contentTopic, '/app/1/chat/proto', id)
    const ours = encodeLegacyResponse(read)
    t.same(decodeLegacyResponse(ours), read, `${id}: as we write it`)
    if (error !== 0) t.equal(hexOf(ours), wire, id)
    else t.ok(hexOf(ours).endsWith('2000'), `${id}: an error of 0 is written`)
  }
})

t.test('the digest covers content topic and payload', async (t) => {
  for (const { id, contentTopic, payload, digest } of vectors.digest) {
    const fields = { contentTopic, payload: bytesOf(payload) }
    for (const more of [{}, { meta: Buffer.from('meta'), timestamp: 5n, version: 1 }])
      t.equal(hexOf(legacyDigest(decodeMessage(encodeMessage({ ...fields, ...more })))), digest, id)
  }
})

t.test('a digest that is short is filled up, one that is long is cut', async (t) => {
  t.equal(hexOf(givenDigest(Buffer.from('abcd', 'hex'))), `abcd${'00'.repeat(30)}`)
  t.equal(hexOf(givenDigest(Buffer.alloc(40, 7))), '07'.repeat(32))
})

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const plain = { noNullPrototype: true } as const
const cursors: fc.Arbitrary<LegacyCursor> = fc.record(
  {
    pubsubTopic: fc.string({ unit: 'grapheme' }),
    senderTime: int64,
    storeTime: int64,
    digest: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  },
  plain,
)

t.test('whatever is written reads as the same', async (t) => {
  const queries: fc.Arbitrary<LegacyQuery> = fc.record(
    {
      pubsubTopic: fc.option(fc.string({ unit: 'grapheme' }), { nil: undefined }),
      contentTopics: fc.array(fc.string({ unit: 'grapheme' })),
      start: fc.option(int64, { nil: undefined }),
      end: fc.option(int64, { nil: undefined }),
      cursor: fc.option(cursors, { nil: undefined }),
      direction: fc.constantFrom('forward', 'backward'),
      limit: fc.integer({ min: 1, max: 100 }),
    },
    plain,
  )
  holds(
    t,
    fc.property(fc.string(), queries, (requestId, query) => {
      const request = { requestId, query }
      assert.deepEqual(decodeLegacyRequest(encodeLegacyRequest(request)), request)
    }),
  )
  const responses = fc.record(
    {
      requestId: fc.string(),
      messages: fc.array(fc.uint8Array()),
      cursor: fc.option(cursors, { nil: undefined }),
      error: fc.constantFrom(0, 1, 429, 503, 77),
    },
    plain,
  )
  const plainly = (response: LegacyStoreResponse) => ({ ...response, messages: response.messages.map(hexOf) })
  holds(
    t,
    fc.property(responses, (response) => {
      assert.deepEqual(plainly(decodeLegacyResponse(encodeLegacyResponse(response))), plainly(response))
    }),
  )
})

t.test('bytes of any kind are read or refused, never more', async (t) => {
  const mutated = fc.tuple(fc.constantFrom(...vectors.requests, ...vectors.responses), fc.nat(), fc.nat(255))
  const some = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    mutated.map(([{ wire }, at, byte]) => {
      const bytes = Uint8Array.from(bytesOf(wire))
      bytes[at % bytes.length] = byte
      return bytes
    }),
  )
  for (const decode of [decodeLegacyRequest, decodeLegacyResponse]) {
    let read = 0
    holds(
      t,
      fc.property(some, (bytes) => {
        try {
          decode(bytes)
          read += 1
        } catch (error) {
          if (!isWaypostError(error, 'wire/malformed')) throw error
        }
      }),
      { numRuns: 2000 },
    )
    t.ok(read > 0, 'some are read')
  }
})
