import t from 'tap'
import {
  contentId,
  contentIdOf,
  contentKey,
  contentLane,
  decodeRecord,
  decodeRow,
  encodeRecord,
  hashKey,
  indexRows,
  maxRecords,
  numberKey,
  numberOf,
  placeOf,
  placeOfHash,
  pubsubId,
  pubsubIdOf,
  pubsubIdOfRow,
  pubsubKey,
  pubsubLane,
} from '../../../src/archive/level/layout.ts'
import { contains, encodePlace, placeRange } from '../../../src/archive/level/place.ts'
import { decodeTally, emptyTally, encodeTally, withMessage } from '../../../src/archive/level/tally.ts'
import { envelopeAt } from '../kit.ts'

t.test('a lane holds the keys of its topic only, in the order of their places', async (t) => {
  const first = encodePlace({ timestamp: 1n, hash: '0'.repeat(64) })
  const second = encodePlace({ timestamp: 2n, hash: 'f'.repeat(64) })
  const range = placeRange({ start: 1n, direction: 'forward' })!
  const topic = pubsubId('/waku/2/rs/1/0')
  const lane = pubsubLane(topic, range)
  const own = pubsubKey(topic, first)
  t.ok(contains(lane, own))
  t.notOk(contains(lane, pubsubKey(pubsubId('/waku/2/rs/1/1'), first)))
  t.notOk(contains(contentLane(contentId('/waku/2/rs/1/0'), range), own))
  t.equal(Buffer.compare(own, pubsubKey(topic, second)), -1)
  t.same(placeOf(own), first)
  t.same(pubsubIdOf(own), topic)
  t.same(contentIdOf(contentKey(contentId('/a'), first)), contentId('/a'))
})

t.test('records are in the order of their numbers', async (t) => {
  const numbers = [0, 1, 255, 256, 65_536, 2 ** 31, maxRecords]
  t.same(numbers.map(numberKey).map(numberOf), numbers)
  t.same(numbers.map(numberKey).toSorted(Buffer.compare).map(numberOf), numbers)
})

t.test('a record goes to bytes and back, and a damaged one says so', async (t) => {
  for (const topic of ['/waku/2/rs/1/0', '', 'ä🦊\0']) {
    const record = encodeRecord(topic, Buffer.from('message'))
    t.same(decodeRecord(record), { pubsubTopic: topic, bytes: Buffer.from('message') })
  }
  for (const damaged of [Buffer.alloc(0), Buffer.alloc(3), Buffer.from([0, 0, 0, 9, 1]), Buffer.alloc(8, 0xff)]) {
    t.equal(decodeRecord(damaged), undefined)
  }
})

t.test('each row of the index leads to the record, and to the place', async (t) => {
  const envelope = envelopeAt(-5n)
  const rows = indexRows(envelope, 7)
  const place = encodePlace({ timestamp: -5n, hash: envelope.hash })
  for (const row of [rows.pubsubRow, rows.contentRow, rows.hashRow]) {
    t.same(decodeRow(row), { number: 7, bytes: envelope.bytes.length })
  }
  for (const row of [rows.contentRow, rows.hashRow]) t.same(pubsubIdOfRow(row), pubsubId(envelope.pubsubTopic))
  t.same(placeOf(rows.pubsubKey), place)
  t.same(placeOf(rows.contentKey), place)
  t.same(rows.hashKey, hashKey(envelope.hash))
  t.same(placeOfHash(rows.hashRow, envelope.hash), place)
})

t.test('a row that is damaged leads nowhere', async (t) => {
  const { hashRow } = indexRows(envelopeAt(1n), 7)
  t.equal(placeOfHash(hashRow.subarray(1), 'ab'.repeat(32)), undefined)
  t.equal(placeOfHash(undefined, 'ab'.repeat(32)), undefined)
  t.same(decodeRow(hashRow.subarray(0, 3)), { number: maxRecords, bytes: 0 })
})

t.test('a tally goes to bytes and back', async (t) => {
  const some = withMessage(withMessage({ ...emptyTally, tail: 3 }, 9n, 100), -(2n ** 63n), 50)
  t.match(some, { next: 2, messages: 2, oldest: -(2n ** 63n), newest: 9n })
  t.same(decodeTally(encodeTally(some)), some)
  t.same(decodeTally(encodeTally(emptyTally)), emptyTally)
  t.equal(decodeTally(Buffer.alloc(3)), undefined)
  t.equal(decodeTally(undefined), undefined)
})
