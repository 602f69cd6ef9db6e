import { proto_message as reference } from '@waku/proto'
import fc from 'fast-check'
import t from 'tap'
import { isWaypostError } from '../../src/core/errors.ts'
import { decodeMessage, encodeMessage, type WakuMessage, withTimestamp } from '../../src/core/message.ts'
import { holds } from '../kit/property.ts'
import { bytesOf, hexOf, readVectors } from '../kit/vectors.ts'

/** A message with its bytes in hexadecimal and its timestamp in decimal digits. Absent: not on the wire. */
interface Fields {
  readonly payload: string
  readonly contentTopic: string
  readonly version?: number
  readonly timestamp?: string
  readonly meta?: string
  readonly rateLimitProof?: string
  readonly ephemeral?: boolean
}

interface Row {
  readonly id: string
  readonly fields: Fields
  readonly wire: string
  /** @waku/proto writes something else: it leaves out what is empty. */
  readonly byHand?: boolean
}

interface Vectors {
  readonly messages: readonly Row[]
  readonly foreign: readonly Row[]
  readonly refused: readonly { id: string; wire: string; why: string }[]
}

const vectors = readVectors<Vectors>('messages')

function messageOf({
  payload,
  contentTopic,
  version,
  timestamp,
  meta,
  rateLimitProof,
  ephemeral,
}: Fields): WakuMessage {
  return {
    payload: bytesOf(payload),
    contentTopic,
    version: version ?? 0,
    timestamp: timestamp === undefined ? undefined : BigInt(timestamp),
    meta: meta === undefined ? undefined : bytesOf(meta),
    rateLimitProof: rateLimitProof === undefined ? undefined : bytesOf(rateLimitProof),
    ephemeral: ephemeral ?? false,
  }
}

/** A decoded message without the bytes of its content topic, and with its views as plain buffers. */
function decoded(wire: Uint8Array): WakuMessage {
  const { contentTopicBytes, ...message } = decodeMessage(wire)
  if (!Buffer.from(contentTopicBytes).equals(Buffer.from(message.contentTopic))) throw new Error('two content topics')
  const plain = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes)
  return {
    ...message,
    payload: Buffer.from(message.payload),
    meta: plain(message.meta),
    rateLimitProof: plain(message.rateLimitProof),
  }
}

t.test('a message has its golden bytes, in both directions', async (t) => {
  for (const { id, fields, wire } of vectors.messages) {
    t.equal(hexOf(encodeMessage(messageOf(fields))), wire, id)
    t.strictSame(decoded(bytesOf(wire)), messageOf(fields), id)
  }
})

t.test('@waku/proto reads what we write and writes what we read', async (t) => {
  for (const { id, fields, wire, byHand } of vectors.messages) {
    const theirs = reference.WakuMessage.decode(bytesOf(wire))
    t.equal(theirs.contentTopic, fields.contentTopic, id)
    t.equal(hexOf(theirs.payload), fields.payload, id)
    t.equal(theirs.timestamp?.toString(), fields.timestamp, id)
    t.equal(theirs.version ?? 0, fields.version ?? 0, id)
    if (!byHand) t.equal(hexOf(reference.WakuMessage.encode(theirs)), wire, id)
  }
})

t.test('what others may write is read', async (t) => {
  for (const { id, fields, wire } of vectors.foreign) t.strictSame(decoded(bytesOf(wire)), messageOf(fields), id)
})

t.test('what is no message is refused, and the reason named', async (t) => {
  for (const { id, wire, why } of vectors.refused)
    t.throws(() => decodeMessage(bytesOf(wire)), { code: 'message/malformed', message: new RegExp(why) }, id)
})

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array))
const fields = {
  payload: bytes,
  contentTopic: fc.string({ unit: 'grapheme' }),
  version: fc.integer({ min: 0, max: 0xffffffff }),
  timestamp: fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { nil: undefined }),
  // An empty meta is not written: absent and empty hash alike.
  meta: fc.option(
    fc.uint8Array({ minLength: 1, maxLength: 64 }).map((array) => Buffer.from(array)),
    { nil: undefined },
  ),
  rateLimitProof: fc.option(bytes, { nil: undefined }),
  ephemeral: fc.boolean(),
}
const messages: fc.Arbitrary<WakuMessage> = fc.record(fields, { noNullPrototype: true })

t.test('any message comes back as it was encoded', async (t) => {
  holds(
    t,
    fc.property(messages, (message) => t.strictSame(decoded(encodeMessage(message)), message)),
  )
})

t.test('random and damaged bytes are a message or are refused, nothing else', async (t) => {
  const golden = vectors.messages.map(({ wire }) => bytesOf(wire))
  const damaged = fc
    .tuple(fc.constantFrom(...golden), fc.nat(), fc.nat({ max: 255 }), fc.nat())
    .map(([wire, position, byte, end]) => {
      const copy = Buffer.from(wire)
      copy[position % copy.length] = byte
      return copy.subarray(0, end % (copy.length + 1))
    })
  holds(
    t,
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), damaged), (wire) => {
      try {
        return decodeMessage(wire).payload.length <= wire.length
      } catch (error) {
        return isWaypostError(error, 'message/malformed')
      }
    }),
    { numRuns: 2000 },
  )
})

t.test('a message without a time gets one, and keeps all else as it was', async (t) => {
  const untimed = encodeMessage({ payload: Buffer.from('hi'), contentTopic: '/a/1/b/proto', meta: Buffer.from('m') })
  const timed = withTimestamp(untimed, 1_700_000_000_123_456_789n)
  t.strictSame(decoded(timed), { ...decoded(untimed), timestamp: 1_700_000_000_123_456_789n })
  t.strictSame(decoded(withTimestamp(timed, 5n)).timestamp, 5n, 'the last timestamp counts')
  t.equal(hexOf(timed).startsWith(hexOf(untimed)), true, 'the bytes before stand as they came')
})
