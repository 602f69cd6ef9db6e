import t from 'tap'
import { type Envelope, openEnvelope } from '../../src/core/envelope.ts'
import { encodeMessage, type WakuMessage } from '../../src/core/message.ts'
import { MessageCache } from '../../src/rest/message-cache.ts'

const shard = '/waku/2/rs/0/0'
const otherShard = '/waku/2/rs/0/1'
const topic = '/app/1/a/proto'
const otherTopic = '/app/1/b/proto'

function envelope(payload: string, fields: Partial<WakuMessage> = {}, pubsubTopic = shard): Envelope {
  const message = { payload: Buffer.from(payload), contentTopic: topic, timestamp: 1n, ...fields }
  return openEnvelope(pubsubTopic, encodeMessage(message), 0)
}

function payloads(envelopes: readonly Envelope[] | undefined): string[] | undefined {
  return envelopes?.map(({ message }) => Buffer.from(message.payload).toString())
}

/** A cache with `shard` subscribed. */
function cache(capacity = 3): MessageCache {
  const made = new MessageCache(capacity)
  made.subscribePubsubTopic(shard)
  return made
}

t.test('a message is told once, over both of its topics', async (t) => {
  const one = cache()
  one.add(envelope('a'))
  t.same(payloads(one.takeByPubsubTopic(shard)), ['a'])
  t.same(payloads(one.takeByContentTopic(topic)), [])
  one.add(envelope('b'))
  t.same(payloads(one.takeByContentTopic(topic)), ['b'])
  t.same(payloads(one.takeByPubsubTopic(shard)), [])
})

t.test('what is not subscribed is undefined, and what is not wanted is not taken', async (t) => {
  const one = cache()
  one.add(envelope('a', {}, otherShard))
  t.equal(one.takeByPubsubTopic(otherShard), undefined)
  t.equal(one.takeByContentTopic(topic), undefined)
  t.same(one.takeByPubsubTopic(shard), [])
})

t.test('a message that is taken subscribes both of its topics', async (t) => {
  const byShard = cache()
  byShard.add(envelope('a'))
  t.same(payloads(byShard.takeByContentTopic(topic)), ['a'], 'nobody subscribed to the content topic')
  t.same(byShard.takeByContentTopic(topic), [], 'and it stays subscribed')
  const byTopic = new MessageCache(3)
  byTopic.subscribeContentTopic(topic)
  byTopic.add(envelope('a'))
  byTopic.add(envelope('b', { contentTopic: otherTopic }))
  t.same(payloads(byTopic.takeByPubsubTopic(shard)), ['a', 'b'], 'nobody subscribed to the shard')
})

t.test('above the capacity the lowest timestamp goes, whenever it came', async (t) => {
  const cases = [
    { id: 'in order', timestamps: [1n, 2n, 3n, 4n], kept: ['2', '3', '4'] },
    {
      id: 'older than all others: stored, and gone with the next',
      timestamps: [4n, 3n, 2n, 1n],
      kept: ['4', '3', '1'],
    },
    { id: 'mixed', timestamps: [3n, 1n, 2n, 5n], kept: ['3', '2', '5'] },
  ]
  for (const { id, timestamps, kept } of cases) {
    const one = cache()
    for (const timestamp of timestamps) one.add(envelope(String(timestamp), { timestamp }))
    t.same(payloads(one.takeByPubsubTopic(shard)), kept, id)
  }
})

t.test('the capacity is of all topics together', async (t) => {
  const one = cache(2)
  one.subscribePubsubTopic(otherShard)
  one.add(envelope('a', { timestamp: 1n }))
  one.add(envelope('b', { timestamp: 2n }, otherShard))
  one.add(envelope('c', { timestamp: 3n, contentTopic: otherTopic }))
  t.same(payloads(one.takeByPubsubTopic(shard)), ['c'])
  t.same(payloads(one.takeByPubsubTopic(otherShard)), ['b'])
})

t.test('a cache of no capacity keeps nothing', async (t) => {
  const one = cache(0)
  one.add(envelope('a'))
  t.same(one.takeByPubsubTopic(shard), [])
})

t.test('an equal message is not taken twice, until it was told', async (t) => {
  const one = cache(50)
  one.subscribePubsubTopic(otherShard)
  one.add(envelope('a'))
  one.add(envelope('a'))
  one.add(envelope('a', {}, otherShard))
  t.same(payloads(one.takeByPubsubTopic(otherShard)), [], 'the pubsub topic is not part of it')
  t.same(payloads(one.takeByPubsubTopic(shard)), ['a'])
  one.add(envelope('a'))
  t.same(payloads(one.takeByPubsubTopic(shard)), ['a'])
})

t.test('messages that differ in one field are two', async (t) => {
  const fields: readonly Partial<WakuMessage>[] = [
    {},
    { contentTopic: otherTopic },
    { version: 1 },
    { timestamp: 2n },
    { meta: Buffer.from('m') },
    { ephemeral: true },
    { rateLimitProof: Buffer.from('p') },
  ]
  const one = cache(50)
  for (const some of [...fields, ...fields]) one.add(envelope('a', some))
  t.equal(one.takeByPubsubTopic(shard)?.length, fields.length)
})

t.test('payloads that begin alike are told apart, and those of one length', async (t) => {
  const one = cache(50)
  const all = ['alike', 'alike to here', 'alikf', 'other', '']
  for (const payload of [...all, ...all]) one.add(envelope(payload))
  t.same(payloads(one.takeByPubsubTopic(shard)), all)
})

t.test('messages are told as they came', async (t) => {
  const one = cache(50)
  for (const timestamp of [3n, 1n, 2n, 2n]) one.add(envelope(`${timestamp}`, { timestamp }))
  one.add(envelope('2 again', { timestamp: 2n }))
  t.same(payloads(one.takeByPubsubTopic(shard)), ['3', '1', '2', '2 again'])
})

t.test('unsubscribing takes with it what no other topic tells', async (t) => {
  const one = cache()
  one.add(envelope('a'))
  one.unsubscribePubsubTopic(shard)
  t.equal(one.takeByPubsubTopic(shard), undefined)
  t.same(payloads(one.takeByContentTopic(topic)), ['a'], 'its content topic still tells it')
  one.subscribePubsubTopic(shard)
  one.add(envelope('b'))
  one.unsubscribePubsubTopic(shard)
  one.unsubscribeContentTopic(topic)
  one.subscribePubsubTopic(shard)
  one.subscribeContentTopic(topic)
  t.same([one.takeByPubsubTopic(shard), one.takeByContentTopic(topic)], [[], []])
})

t.test('a reset forgets all', async (t) => {
  const one = cache()
  one.add(envelope('a'))
  one.reset()
  t.same([one.takeByPubsubTopic(shard), one.takeByContentTopic(topic)], [undefined, undefined])
})

t.test('topics that peers make up do not grow it, those asked for stay', async (t) => {
  const one = cache(1)
  one.subscribeContentTopic(topic)
  const madeUp = (index: number) => `/made-up/1/${index}/proto`
  for (let index = 0; index < 3000; index += 1) one.add(envelope('a', { contentTopic: madeUp(index) }))
  t.notOk(one.hasContentTopic(madeUp(0)))
  t.ok(one.hasContentTopic(madeUp(2999)))
  t.ok(one.hasContentTopic(topic))
  for (let index = 0; index < 100; index += 1)
    one.add(envelope('b', { contentTopic: `/${index}${'x'.repeat(100_000)}` }))
  t.notOk(one.hasContentTopic(madeUp(2999)), 'their characters are counted too')
})
