import { messageHashStr } from '@waku/message-hash'
import fc from 'fast-check'
import t from 'tap'
import { openEnvelope } from '../../src/core/envelope.ts'
import { hashFromBytes, hashToBytes } from '../../src/core/hash.ts'
import { encodeMessage } from '../../src/core/message.ts'
import { holds } from '../kit/property.ts'

/** 14/WAKU2-MESSAGE, test vectors, and nwaku's tests/waku_core/test_message_digest.nim. */
const payload = Buffer.from('010203045445535405060708', 'hex')
const contentTopic = '/waku/2/default-content/proto'
const timestamp = 0x175789bfa23f8400n
const short = Buffer.from('73757065722d736563726574', 'hex')
const long = Buffer.from(Array.from({ length: 64 }, (_, index) => index))
const named = '/waku/2/default-waku/proto'
const sharded = '/waku/2/rs/0/0'

const vectors = [
  {
    id: 'rfc, meta of 12 bytes',
    topic: named,
    payload,
    meta: short,
    hash: '64cce733fed134e83da02b02c6f689814872b1a0ac97ea56b76095c3c72bfe05',
  },
  {
    id: 'rfc, meta of 64 bytes',
    topic: named,
    payload,
    meta: long,
    hash: '7158b6498753313368b9af8f6e0a0a05104f68f972981da42a43bc53fb0c1b27',
  },
  {
    id: 'rfc, no meta',
    topic: named,
    payload,
    meta: undefined,
    hash: 'a2554498b31f5bcdfcbf7fa58ad1c2d45f0254f3f8110a85588ec3cf10720fd8',
  },
  {
    id: 'rfc, empty payload',
    topic: named,
    payload: Buffer.alloc(0),
    meta: short,
    hash: '483ea950cb63f9b9d6926b262bb36194d3f40a0463ce8446228350bd44e96de4',
  },
  {
    id: 'nwaku, meta of 12 bytes',
    topic: sharded,
    payload,
    meta: short,
    hash: 'b9b4852f9d8c489846e8bfc6c5ca6a1a8d460a40d28832a966e029eb39619199',
  },
  {
    id: 'nwaku, meta of 64 bytes',
    topic: sharded,
    payload,
    meta: long,
    hash: '653460d04f66c5b11814d235152f4f246e6f03ef80a305a825913636fbafd0ba',
  },
  {
    id: 'nwaku, no meta',
    topic: sharded,
    payload,
    meta: undefined,
    hash: 'cccab07fed94181c83937c8ca8340c9108492b7ede354a6d95421ad34141fd37',
  },
  {
    id: 'nwaku, empty payload',
    topic: sharded,
    payload: Buffer.alloc(0),
    meta: short,
    hash: '0f6448cc23b2db6c696aa6ab4b693eff4cf3549ff346fe1dbeb281697396a09f',
  },
] as const

t.test('the hash of a message is the one of the specification', async (t) => {
  for (const { id, topic, payload, meta, hash } of vectors) {
    const bytes = encodeMessage({ payload, contentTopic, timestamp, meta })
    t.equal(openEnvelope(topic, bytes, 0).hash, hash, id)
  }
})

t.test('an absent timestamp is left out of the hash, a present 0 is not', async (t) => {
  const absent = openEnvelope(sharded, encodeMessage({ payload, contentTopic }), 0)
  const zero = openEnvelope(sharded, encodeMessage({ payload, contentTopic, timestamp: 0n }), 0)
  t.not(absent.hash, zero.hash)
})

const bytes = fc.uint8Array({ maxLength: 300 })
const messages = fc.record({
  payload: bytes,
  contentTopic: fc.string({ unit: 'grapheme' }),
  meta: fc.option(bytes, { nil: undefined }),
  // js-waku leaves a 0 out like an absent timestamp; for us it is eight zero bytes when it is on the wire, as for nwaku.
  timestamp: fc.option(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).filter((time) => time !== 0n),
    { nil: undefined },
  ),
})

t.test('js-waku hashes every message as we do', async (t) => {
  holds(
    t,
    fc.property(fc.string({ unit: 'grapheme' }), messages, (topic, message) => {
      const ours = openEnvelope(topic, encodeMessage(message), 0).hash
      return ours === messageHashStr(topic, { ...message, version: 0, ephemeral: false, rateLimitProof: undefined })
    }),
  )
})

t.test('a message larger than the scratch buffer is hashed like any other', async (t) => {
  for (const size of [255 * 1024, 256 * 1024, 1024 * 1024]) {
    const message = { payload: Buffer.alloc(size, 7), contentTopic, timestamp }
    const ours = openEnvelope(sharded, encodeMessage(message), 0).hash
    const theirs = { ...message, version: 0, ephemeral: false, meta: undefined, rateLimitProof: undefined }
    t.equal(ours, messageHashStr(sharded, theirs), `${size} bytes`)
  }
})

t.test('a hash goes to bytes and back', async (t) => {
  const { hash } = vectors[0]
  t.equal(hashToBytes(hash).length, 32)
  t.equal(hashFromBytes(hashToBytes(hash)), hash)
})
