import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { Place } from '../../../src/archive/backend.ts'
import {
  contains,
  contentId,
  contentTopicLane,
  decodeAmount,
  decodeGrave,
  decodeHashRow,
  decodeIndexRow,
  decodePlace,
  decodeRecord,
  encodeAmount,
  encodeHashRow,
  encodePlace,
  encodeRecord,
  firstPlace,
  graveKey,
  gravesBefore,
  hashOf,
  messageKey,
  messageLane,
  placeOf,
  placeRange,
  pubsubId,
  pubsubOf,
  raised,
  recordBytes,
} from '../../../src/archive/level/layout.ts'

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'))
const place: fc.Arbitrary<Place> = fc.record({ timestamp: int64, hash })

function compare(a: Place, b: Place): number {
  if (a.timestamp !== b.timestamp) return a.timestamp < b.timestamp ? -1 : 1
  return a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : 0
}

t.test('a place goes to bytes and back', async (t) => {
  fc.assert(fc.property(place, (place) => assert.deepEqual(decodePlace(encodePlace(place)), { ...place })))
  t.pass()
})

t.test('the order of the bytes is the order of history', async (t) => {
  const near = fc.record({ timestamp: fc.bigInt({ min: -2n, max: 2n }), hash })
  fc.assert(
    fc.property(fc.oneof(place, near), fc.oneof(place, near), (a, b) => {
      return Buffer.compare(encodePlace(a), encodePlace(b)) === compare(a, b)
    }),
  )
  t.pass()
})

t.test('a range holds the places that a walk is to meet, and no other', async (t) => {
  const small = fc.bigInt({ min: 0n, max: 5n })
  const few = fc.record({ timestamp: small, hash: fc.constantFrom('00'.repeat(32), '7f'.repeat(32), 'ff'.repeat(32)) })
  const walk = fc.record(
    { start: small, end: small, after: few, direction: fc.constantFrom('forward' as const, 'backward' as const) },
    { requiredKeys: ['direction'] },
  )
  fc.assert(
    fc.property(walk, few, few, ({ start, end, after, direction }, at, floor) => {
      const isBehind =
        after === undefined || (direction === 'forward' ? compare(at, after) > 0 : compare(at, after) < 0)
      const isSelected =
        (start === undefined || at.timestamp >= start) && (end === undefined || at.timestamp <= end) && isBehind
      const range = placeRange({ start, end, after, direction })
      if (range === undefined) return !isSelected
      const isAbove = compare(at, floor) >= 0
      return (
        contains(range, encodePlace(at)) === isSelected &&
        contains(raised(range, encodePlace(floor)), encodePlace(at)) === (isSelected && isAbove)
      )
    }),
    { numRuns: 500 },
  )
  t.pass()
})

t.test('times beyond those that a message can have are ranges without an end', async (t) => {
  const [least, most] = [-(2n ** 63n), 2n ** 63n - 1n]
  t.equal(placeRange({ start: most + 1n, direction: 'forward' }), undefined)
  t.equal(placeRange({ end: least - 1n, direction: 'forward' }), undefined)
  t.same(
    placeRange({ start: least - 1n, end: most + 1n, direction: 'forward' }),
    placeRange({ start: least, end: most, direction: 'forward' }),
  )
})

t.test('a lane holds the keys of its topic only, in the order of their places', async (t) => {
  const [a, b] = [
    { timestamp: 1n, hash: '0'.repeat(64) },
    { timestamp: 2n, hash: 'f'.repeat(64) },
  ].map(encodePlace)
  const range = placeRange({ start: 1n, direction: 'forward' })!
  const lane = messageLane(pubsubId('/waku/2/rs/1/0'), range)
  const own = messageKey(pubsubId('/waku/2/rs/1/0'), a!)
  t.ok(contains(lane, own))
  t.notOk(contains(lane, messageKey(pubsubId('/waku/2/rs/1/1'), a!)))
  t.notOk(contains(contentTopicLane(contentId('/waku/2/rs/1/0'), range), own))
  t.equal(Buffer.compare(own, messageKey(pubsubId('/waku/2/rs/1/0'), b!)), -1)
  t.same(placeOf(own), a)
  t.same(pubsubOf(own), pubsubId('/waku/2/rs/1/0'))
  t.equal(hashOf(own), '0'.repeat(64))
})

t.test('a record goes to bytes and back, and a damaged one says so', async (t) => {
  for (const topic of ['/waku/2/rs/1/0', '', 'ä🦊\0']) {
    const record = encodeRecord(topic, Buffer.from('message'))
    t.same(decodeRecord(record), { pubsubTopic: topic, bytes: Buffer.from('message') })
    t.equal(recordBytes(record), 7)
  }
  for (const damaged of [Buffer.alloc(0), Buffer.alloc(3), Buffer.from([0, 0, 0, 9, 1]), Buffer.alloc(8, 0xff)]) {
    t.equal(decodeRecord(damaged), undefined)
    t.equal(recordBytes(damaged), 0)
  }
})

t.test('the rows of the indices go to bytes and back', async (t) => {
  const pubsub = pubsubId('/waku/2/rs/1/0')
  const hash = 'ab'.repeat(32)
  const at = encodePlace({ timestamp: -5n, hash })
  const row = encodeHashRow({ pubsub, bytes: 153_600 }, at)
  t.same(decodeIndexRow(row), { pubsub, bytes: 153_600 })
  t.same(decodeHashRow(row, hash), { pubsub, bytes: 153_600, place: at })
  t.equal(decodeHashRow(row.subarray(1), hash), undefined)
  t.equal(decodeHashRow(undefined, hash), undefined)
  t.equal(decodeIndexRow(row.subarray(0, 3)).bytes, 0)
  t.same(decodeAmount(encodeAmount({ messages: 2 ** 40, bytes: 2 ** 50 })), { messages: 2 ** 40, bytes: 2 ** 50 })
})

t.test('graves are found by their time, and hold message keys', async (t) => {
  const keys = ['00', 'ff'].map((byte) => {
    return messageKey(pubsubId('/a'), encodePlace({ timestamp: 1n, hash: byte.repeat(32) }))
  })
  t.same(decodeGrave(Buffer.concat(keys)), keys)
  t.ok(contains(gravesBefore(1001), graveKey(1000, 65_535)))
  t.notOk(contains(gravesBefore(1000), graveKey(1000, 0)))
  t.notOk(contains(gravesBefore(1000), firstPlace))
})
