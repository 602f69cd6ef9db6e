import t from 'tap'
import {
  byContentTopic,
  byHash,
  byPubsubTopic,
  contentOfEntry,
  entriesIn,
  entryBytes,
  entryOf,
  hashOfEntry,
  lengthOfEntry,
  numberOfEntry,
  pubsubOfEntry,
  topicId,
} from '../../../src/archive/level/entry.ts'
import {
  decodeRecord,
  generationRange,
  hashRowKey,
  laneEnd,
  laneKey,
  maxRecords,
  numberKey,
  numberOf,
  otherGenerations,
  RecordEncoder,
} from '../../../src/archive/level/layout.ts'
import { contains, decodePlace, encodePlace } from '../../../src/archive/level/place.ts'
import { decodeTally, emptyTally, encodeTally, withMessage } from '../../../src/archive/level/tally.ts'
import { envelopeAt } from '../kit.ts'

t.test('a lane holds the keys of its topic and its generation only, in the order of their places', async (t) => {
  const first = encodePlace({ timestamp: 1n, hash: '0'.repeat(64) })
  const last = encodePlace({ timestamp: 2n ** 63n - 1n, hash: 'f'.repeat(64) })
  const { pubsub, content } = topicId('/waku/2/rs/1/0')
  const keyOf = (place: Buffer) => laneKey(byPubsubTopic, 7, pubsub, place)
  const lane = { gte: keyOf(first), lt: laneEnd(byPubsubTopic, 7, pubsub) }
  t.ok(contains(lane, keyOf(first)))
  t.ok(contains(lane, keyOf(last)))
  t.notOk(contains(lane, laneKey(byPubsubTopic, 7, topicId('/waku/2/rs/1/1').pubsub, first)))
  t.notOk(contains(lane, laneKey(byContentTopic, 7, content, first)))
  t.notOk(contains(lane, laneKey(byPubsubTopic, 8, pubsub, first)))
  t.equal(Buffer.compare(keyOf(first), keyOf(last)), -1)
  t.same(laneKey(byContentTopic, 7, content, first), Buffer.concat([Buffer.of(2, 0, 0, 0, 7), content, first]))
})

t.test('a generation has all keys of its kind, and the others all others', async (t) => {
  for (const order of [byPubsubTopic, byContentTopic, byHash]) {
    const keyOf = (generation: number) =>
      order === byHash
        ? hashRowKey(generation, Buffer.alloc(32, 0xff), 24)
        : laneKey(order, generation, topicId('a').content, Buffer.alloc(40, 0xff))
    t.same(
      [6, 7, 8].map(keyOf).map((key) => contains(generationRange(order, 7), key)),
      [false, true, false],
    )
    const isOther = (key: Buffer) => otherGenerations(order, 7).some((range) => contains(range, key))
    t.same([6, 7, 8].map(keyOf).map(isOther), [true, false, true])
  }
})

t.test('the rows of hashes are as many as their bits tell apart, in the order of the hashes', async (t) => {
  const hashes = ['00', '7f', '80', 'ff'].map((head) => Buffer.from(head.repeat(32), 'hex'))
  const rows = (bits: number) => hashes.map((hash) => hashRowKey(1, hash, bits).readUIntBE(5, 3))
  t.same(rows(0), [0, 0, 0, 0])
  t.same(rows(1), [0, 0, 1, 1])
  t.same(rows(24), [0, 0x7f7f7f, 0x808080, 0xffffff])
})

t.test('records are in the order of their numbers', async (t) => {
  const numbers = [0, 1, 255, 256, 65_536, 2 ** 31, maxRecords]
  t.same(numbers.map(numberKey).map(numberOf), numbers)
  t.same(numbers.map(numberKey).toSorted(Buffer.compare).map(numberOf), numbers)
})

t.test('a record goes to bytes and back, and a damaged one says so', async (t) => {
  const encoder = new RecordEncoder()
  for (const topic of ['/waku/2/rs/1/0', '', 'ä🦊\0', 'ä'.repeat(100_000)])
    for (const bytes of [Buffer.from('message'), Buffer.alloc(1024 * 1024, 7)]) {
      t.same(decodeRecord(encoder.encode(topic, bytes)), { pubsubTopic: topic, bytes })
    }
  for (const damaged of [Buffer.alloc(0), Buffer.alloc(3), Buffer.from([0, 0, 0, 9, 1]), Buffer.alloc(8, 0xff)]) {
    t.equal(decodeRecord(damaged), undefined)
  }
})

t.test('an entry says where a message stands, where its record is, and of which topics it is', async (t) => {
  for (const timestamp of [-5n, 0n, -(2n ** 63n), 2n ** 63n - 1n]) {
    const envelope = envelopeAt(timestamp)
    const entry = entryOf(envelope, maxRecords)
    t.same(decodePlace(entry), { timestamp, hash: envelope.hash })
    t.equal(numberOfEntry(entry), maxRecords)
    t.equal(lengthOfEntry(entry), envelope.bytes.length)
    t.equal(hashOfEntry(entry).toString('hex'), envelope.hash)
    t.same(pubsubOfEntry(entry), topicId(envelope.pubsubTopic).pubsub)
    t.same(contentOfEntry(entry), topicId(envelope.message.contentTopic).content)
  }
})

t.test('the order of entries is that of history', async (t) => {
  const entries = [-5n, -1n, 0n, 1n, 2n ** 40n].map((time) => entryOf(envelopeAt(time), 0))
  t.same(entries.toReversed().sort(Buffer.compare), entries)
})

t.test('a row gives its entries, and one of another length is damaged', async (t) => {
  const entries = [1n, 2n].map((time) => entryOf(envelopeAt(time), 0))
  t.same(entriesIn(Buffer.concat(entries)), entries)
  t.throws(() => entriesIn(Buffer.alloc(entryBytes + 1)), RangeError)
})

t.test('a tally goes to bytes and back', async (t) => {
  const some = withMessage(withMessage({ ...emptyTally, tail: 3 }, 9n, 100), -(2n ** 63n), 50)
  t.match(some, { next: 2, messages: 2, oldest: -(2n ** 63n), newest: 9n })
  t.same(decodeTally(encodeTally(some)), some)
  t.same(decodeTally(encodeTally(emptyTally)), emptyTally)
  t.equal(decodeTally(Buffer.alloc(3)), undefined)
  t.equal(decodeTally(undefined), undefined)
})
