import fc from 'fast-check'
import t from 'tap'
import { parseSyncPayload, syncMessageId, syncPayload } from '../../../src/messaging/mvds/payload.ts'
import { holds } from '../../kit/property.ts'
import { bytesOf, hexOf } from '../../kit/vectors.ts'

const ids = fc.array(
  fc.uint8Array({ minLength: 32, maxLength: 32 }).map((id) => Buffer.from(id)),
  { maxLength: 4 },
)
const raw = fc.uint8Array({ maxLength: 50 }).map((value) => Buffer.from(value))
const messages = fc.array(
  fc.record({ groupId: raw, timestamp: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), body: raw }),
)
const payloads = fc.record({
  acks: ids,
  offers: ids,
  requests: ids,
  messages,
  groupOffers: fc.array(fc.record({ groupId: raw, messageIds: ids })),
})

t.test('a payload comes back as it was written, and an empty one is none', async (t) => {
  holds(
    t,
    fc.property(payloads, (payload) => {
      const parsed = parseSyncPayload(syncPayload.encode(payload))
      const empty = Object.values(payload).every((items) => items.length === 0)
      t.same(parsed, empty ? undefined : payload)
    }),
  )
})

// By hand: tags of the fields 5001 and 5004, and of 6001 to 6003 within.
const golden = 'cab80201aae2b8020e8af70201bb90f702079af70201cc'

t.test('a payload has its golden bytes', async (t) => {
  const payload = {
    acks: [bytesOf('aa')],
    messages: [{ groupId: bytesOf('bb'), timestamp: 7n, body: bytesOf('cc') }],
  }
  t.equal(hexOf(syncPayload.encode(payload)), golden)
  t.match(parseSyncPayload(bytesOf(golden)), payload)
})

t.test('what is something else is no payload', async (t) => {
  for (const hex of ['', 'ff', '0801', '0a0161120162'])
    t.equal(parseSyncPayload(bytesOf(hex)), undefined, hex || 'nothing')
})

t.test('an id covers group, seconds and body', async (t) => {
  // sha256("MESSAGE_ID" | 32 bytes of 1 | 1700000000 as 8 bytes, little-endian | "hello"), by coreutils.
  const message = { groupId: Buffer.alloc(32, 1), timestamp: 1_700_000_000n, body: Buffer.from('hello') }
  t.equal(hexOf(syncMessageId(message)), '8000df895368d28c9359b5c904941e755b804654f2811fd0f29c9920f0bec826')
  for (const other of [
    { ...message, groupId: Buffer.alloc(32, 2) },
    { ...message, timestamp: 1_700_000_001n },
    { ...message, body: Buffer.from('hellp') },
  ])
    t.not(hexOf(syncMessageId(other)), hexOf(syncMessageId(message)))
})
