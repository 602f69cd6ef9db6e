/** The index of a partition, in memory and on disk, against a sorted array. */
import { stat } from 'node:fs/promises'
import path from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import {
  byContentTopic,
  byPubsubTopic,
  type Entry,
  lengthOfEntry,
  numberOfEntry,
  type Order,
  topicId,
} from '../../../src/archive/level/entry.ts'
import { Merge } from '../../../src/archive/level/merge.ts'
import { PartitionIndex } from '../../../src/archive/level/partition-index.ts'
import { decodePlace, type PlaceRange, placeRange } from '../../../src/archive/level/place.ts'
import { type Envelope, sealEnvelope } from '../../../src/core/envelope.ts'
import type { Direction } from '../../../src/core/query.ts'
import { inOrder } from '../kit.ts'

const sizes = { writeBufferSize: 64 * 1024, cacheSize: 64 * 1024, compression: true }
const pubsubTopics = ['/waku/2/rs/1/0', '/waku/2/rs/1/1']
const contentTopics = ['/a/1/b/proto', '/c/1/d/proto', '/rare/1/x/proto']

async function openIndex(folder: string, maxFresh: number): Promise<PartitionIndex> {
  return await PartitionIndex.open({ folder, archive: folder, sizes, maxFresh })
}

let count = 0

const envelope = fc
  .record({
    timestamp: fc.oneof(fc.bigInt(-20n, 20n), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)),
    pubsub: fc.integer({ min: 0, max: 1 }),
    content: fc.oneof({ weight: 20, arbitrary: fc.integer({ min: 0, max: 1 }) }, fc.constant(2)),
  })
  .map(({ timestamp, pubsub, content }) =>
    sealEnvelope(
      pubsubTopics[pubsub]!,
      { payload: Buffer.from(`${count++}`), contentTopic: contentTopics[content]!, timestamp },
      0,
    ),
  )

/** What is done with an index. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.array(envelope, { minLength: 1, maxLength: 120, size: 'max' }) },
  { weight: 2, arbitrary: fc.constant('write out' as const) },
  { weight: 1, arbitrary: fc.constant('open again' as const) },
)

const question = fc.record({
  start: fc.option(fc.bigInt(-25n, 25n), { nil: undefined }),
  end: fc.option(fc.bigInt(-25n, 25n), { nil: undefined }),
  direction: fc.constantFrom<Direction>('forward', 'backward'),
})

async function walk(index: PartitionIndex, order: Order, topic: string, range: PlaceRange, direction: Direction) {
  await using moment = index.moment()
  const { pubsub, content } = topicId(topic)
  const id = order === byPubsubTopic ? pubsub : content
  const lanes = moment.lanes(order, id, range, { direction, entries: 10 })
  const merge = new Merge(lanes, (a: Entry, b: Entry) => (direction === 'forward' ? 1 : -1) * Buffer.compare(a, b))
  const found: Entry[] = []
  for (;;) {
    if (merge.isDue) await merge.fill()
    const entry = merge.take()
    if (entry === undefined) break
    found.push(entry)
  }
  for (const lane of lanes) await lane.close()
  return found.map((entry) => ({ ...decodePlace(entry), number: numberOfEntry(entry), length: lengthOfEntry(entry) }))
}

/** What a sorted array answers. */
function expected(stored: readonly Envelope[], isWanted: (envelope: Envelope) => boolean, direction: Direction) {
  const found = inOrder(stored.filter(isWanted)).map((envelope) => ({
    timestamp: envelope.message.timestamp,
    hash: envelope.hash,
    number: stored.indexOf(envelope),
    length: envelope.bytes.length,
  }))
  return direction === 'forward' ? found : found.reverse()
}

async function agrees(
  t: Test,
  index: PartitionIndex,
  stored: readonly Envelope[],
  { start, end, direction }: { start?: bigint | undefined; end?: bigint | undefined; direction: Direction },
): Promise<void> {
  const range = placeRange({ ...(start !== undefined && { start }), ...(end !== undefined && { end }), direction })
  if (range === undefined) return
  const isInTime = ({ message: { timestamp = 0n } }: Envelope) =>
    (start === undefined || timestamp >= start) && (end === undefined || timestamp <= end)
  for (const topic of pubsubTopics) {
    const wanted = expected(stored, (envelope) => isInTime(envelope) && envelope.pubsubTopic === topic, direction)
    t.same(await walk(index, byPubsubTopic, topic, range, direction), wanted)
  }
  for (const topic of contentTopics) {
    const isOf = (envelope: Envelope) => envelope.message.contentTopic === topic
    const wanted = expected(stored, (envelope) => isInTime(envelope) && isOf(envelope), direction)
    t.same(await walk(index, byContentTopic, topic, range, direction), wanted)
  }
}

t.test('whatever is in memory and on disk, each walk meets what a sorted array has', async (t) => {
  let runs = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), question, async (steps, asked) => {
      const folder = t.testdir()
      let index = await openIndex(folder, 150)
      const stored: Envelope[] = []
      for (const step of steps) {
        if (step === 'write out') await index.writeOut()
        else if (step === 'open again') {
          await index.close()
          index = await openIndex(folder, 150)
        } else {
          await index.room()
          index.enter(step, stored.length)
          stored.push(...step)
        }
      }
      t.equal(index.tally.next, stored.length)
      t.equal(index.tally.messages, stored.length)
      await agrees(t, index, stored, asked)
      await agrees(t, index, stored, { direction: 'backward' })
      const hashes = [...stored.map(({ hash }) => hash), 'ab'.repeat(32)]
      const found = await index.find(hashes)
      t.same(
        found.map((entry) => entry && numberOfEntry(entry)),
        [...stored.keys(), undefined],
      )
      await index.close()
      runs += 1
    }),
    { numRuns: 40 },
  )
  t.ok(runs >= 40)
})

t.test('a walk sees what was there when it began, whatever comes or is written out meanwhile', async (t) => {
  const [first, second] = [fc.sample(envelope, 200), fc.sample(envelope, 200)]
  const index = await openIndex(t.testdir(), 10_000)
  index.enter(first, 0)
  await index.writeOut()
  index.enter(second.slice(0, 100), 200)
  await using moment = index.moment()
  const range = placeRange({ direction: 'forward' })!
  const stored = [...first, ...second.slice(0, 100)].filter(({ pubsubTopic }) => pubsubTopic === pubsubTopics[0])
  const reading = { direction: 'forward' as const, entries: 5 }
  const lanes = moment.lanes(byPubsubTopic, topicId(pubsubTopics[0]!).pubsub, range, reading)
  index.enter(second.slice(100), 300)
  await index.writeOut()
  await index.writeOut()
  const merge = new Merge(lanes, Buffer.compare)
  const found: string[] = []
  for (;;) {
    if (merge.isDue) await merge.fill()
    const entry = merge.take()
    if (entry === undefined) break
    found.push(decodePlace(entry).hash)
  }
  for (const lane of lanes) await lane.close()
  t.same(
    found,
    inOrder(stored).map(({ hash }) => hash),
  )
  await index.close()
})

t.test('a generation that was not written to its end counts for nothing', async (t) => {
  const folder = t.testdir()
  const stored = fc.sample(envelope, 300)
  const index = await openIndex(folder, 10_000)
  index.enter(stored, 0)
  const { database } = index
  const put = database.put.bind(database)
  Object.assign(database, { put: async () => Promise.reject(new Error('the disk is full')) })
  await t.rejects(index.writeOut(), { message: 'the disk is full' })
  await agrees(t, index, stored, { direction: 'forward' })
  Object.assign(database, { put })
  index.enter(fc.sample(envelope, 1), 300)
  await index.writeOut()
  t.equal(index.seal.tally.messages, 300, 'what was to be written is written, and the rest is in memory')
  await index.close()
  const again = await openIndex(folder, 10_000)
  t.equal(again.tally.messages, 301)
  await again.close()
})

t.test('slots find their place by a word of their digest, however many there are', async (t) => {
  const { HashTable } = await import('../../../src/archive/level/hash-table.ts')
  const words = Array.from({ length: 5000 }, (_, slot) => (slot % 7 === 0 ? 1 : slot * 2_654_435_761) >>> 0)
  const table = new HashTable((slot) => words[slot]!)
  for (const slot of words.keys()) table.add(slot)
  for (const [slot, word] of words.entries())
    t.equal(
      table.find(word, (other) => other === slot),
      slot,
    )
  t.equal(
    table.find(12_345, (slot) => words[slot] === 12_345 && slot > 1e6),
    undefined,
  )
})

t.test('the file of entries is written when there are others, and not when it was only read', async (t) => {
  const folder = t.testdir()
  const file = path.join(folder, 'entries')
  const index = await openIndex(folder, 10_000)
  index.enter(fc.sample(envelope, 10), 0)
  await index.close()
  const { mtimeNs } = await stat(file, { bigint: true })
  await (await openIndex(folder, 10_000)).close()
  t.equal((await stat(file, { bigint: true })).mtimeNs, mtimeNs)
  const again = await openIndex(folder, 10_000)
  again.skipTo(12)
  await again.close()
  t.not((await stat(file, { bigint: true })).mtimeNs, mtimeNs)
  const last = await openIndex(folder, 10_000)
  t.match(last.tally, { next: 12, messages: 10 }, 'numbers without an entry are known, too')
  await last.close()
})

t.test('what is lost is forgotten, also when memory could not be written out before', async (t) => {
  const stored = fc.sample(envelope, 60)
  const index = await openIndex(t.testdir(), 10_000)
  index.enter(stored.slice(0, 30), 0)
  const { database } = index
  const put = database.put.bind(database)
  Object.assign(database, { put: async () => Promise.reject(new Error('the disk is full')) })
  await t.rejects(index.writeOut(), { message: 'the disk is full' })
  Object.assign(database, { put })
  index.enter(stored.slice(30), 30)
  await index.forget((entry) => numberOfEntry(entry) % 2 === 0)
  const found = await index.find(stored.map(({ hash }) => hash))
  t.same(
    found.map((entry) => entry && numberOfEntry(entry)),
    stored.map((_, number) => (number % 2 === 0 ? undefined : number)),
  )
  t.match(index.tally, { next: 60, messages: 30 })
  await index.close()
})

t.test('topics that nobody else uses fill memory sooner', async (t) => {
  const index = await openIndex(t.testdir(), 1000)
  for (let number = 0; number < 200; number++) {
    const contentTopic = `/a/1/${number}/proto`
    index.enter([sealEnvelope(pubsubTopics[0]!, { payload: Buffer.from('a'), contentTopic, timestamp: 1n }, 0)], number)
  }
  await index.room()
  t.ok(index.seal.tally.messages >= 100, `${index.seal.tally.messages} of 200 are written out`)
  t.equal(index.tally.messages, 200)
  await index.close()
})
