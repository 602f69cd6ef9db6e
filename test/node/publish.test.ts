import t from 'tap'
import type { Envelope } from '../../src/core/envelope.ts'
import { decodeMessage, defaultMaxMessageBytes } from '../../src/core/message.ts'
import { toNanoseconds } from '../../src/core/time.ts'
import { accept, reject, type Verdict } from '../../src/core/validator.ts'
import { NodePublisher } from '../../src/node/publish.ts'
import { messageBytes, testPubsubTopic } from '../kit/messages.ts'

const now = 1_700_000_000_000

/** A publisher on a relay that reaches `peers`; what it published and delivered, in order. */
function publisher({ peers = 1, shardCount = 1, verdict = accept as Verdict } = {}) {
  const events: [string, Envelope][] = []
  const relay = {
    topics: new Set([testPubsubTopic]),
    judge: () => verdict,
    async publish(envelope: Envelope) {
      events.push(['published', envelope])
      return peers
    },
  }
  const intake = {
    async deliverSettled(envelope: Envelope) {
      events.push(['delivered', envelope])
    },
  }
  const sharding = { cluster: 0, shardCount }
  const parts = { relay, intake, sharding, maxMessageBytes: defaultMaxMessageBytes, clock: () => now }
  return { publisher: new NodePublisher(parts), events }
}

t.test('a message is published and delivered as the bytes that came', async (t) => {
  const { publisher: one, events } = publisher({ peers: 3 })
  const bytes = messageBytes({ timestamp: 1n })
  t.match(await one.publish(bytes, testPubsubTopic, 'lightpush'), { outcome: 'relayed', peers: 3 })
  t.same(
    events.map(([what, envelope]) => [what, envelope.bytes === bytes]),
    [
      ['published', true],
      ['delivered', true],
    ],
  )
})

t.test('a message without a time, or with 0, is stamped with now, and nothing else changes', async (t) => {
  for (const timestamp of [undefined, 0n]) {
    const { publisher: one, events } = publisher()
    const meta = Buffer.from('meta')
    await one.publish(messageBytes({ timestamp, meta, ephemeral: true }), testPubsubTopic, 'rest')
    const stamped = decodeMessage(events[0]?.[1].bytes ?? Buffer.alloc(0))
    t.equal(stamped.timestamp, toNanoseconds(now))
    t.same([Buffer.from(stamped.meta ?? ''), stamped.ephemeral], [meta, true])
    t.equal(events[0]?.[1], events[1]?.[1], 'one envelope for network and takers')
  }
})

t.test('without a pubsub topic the shard follows from the content topic', async (t) => {
  const { publisher: one, events } = publisher()
  t.match(await one.publish(messageBytes(), undefined, 'lightpush'), { outcome: 'relayed' })
  t.equal(events[0]?.[1].pubsubTopic, testPubsubTopic)
})

t.test('a message that cannot be published says why, and reaches nobody', async (t) => {
  const cases = [
    {
      id: 'static sharding needs a pubsub topic',
      made: publisher({ shardCount: 0 }),
      bytes: messageBytes(),
      topic: undefined,
      expected: { outcome: 'no-topic', reason: 'Pubsub topic must be specified when static sharding is enabled' },
    },
    {
      id: 'a content topic without a shard',
      made: publisher(),
      bytes: messageBytes({ contentTopic: 'no topic' }),
      topic: undefined,
      expected: { outcome: 'no-topic', reason: /^Invalid content-topic:/ },
    },
    {
      id: 'a topic that is not followed',
      made: publisher(),
      bytes: messageBytes(),
      topic: '/waku/2/rs/0/7',
      expected: { outcome: 'unsupported-topic' },
    },
    {
      id: 'a validator refuses',
      made: publisher({ verdict: reject('because') }),
      bytes: messageBytes(),
      topic: testPubsubTopic,
      expected: { outcome: 'invalid', reason: 'because' },
    },
    {
      id: 'too large',
      made: publisher(),
      bytes: messageBytes({ payload: Buffer.alloc(defaultMaxMessageBytes) }),
      topic: testPubsubTopic,
      expected: { outcome: 'too-large', reason: `Message size exceeded maximum of ${defaultMaxMessageBytes} bytes` },
    },
  ] as const
  for (const { id, made, bytes, topic, expected } of cases) {
    t.match(await made.publisher.publish(bytes, topic, 'lightpush'), expected, id)
    t.equal(made.events.length, 0, id)
  }
})

t.test('without relay peers the message is delivered, and the answer says that nobody else has it', async (t) => {
  const { publisher: one, events } = publisher({ peers: 0 })
  t.match(await one.publish(messageBytes(), testPubsubTopic, 'lightpush'), { outcome: 'no-peers' })
  t.same(
    events.map(([what]) => what),
    ['published', 'delivered'],
  )
})

t.test('a node that does not relay says so', async (t) => {
  const intake = { deliverSettled: async () => void t.fail('nothing is delivered') }
  const one = new NodePublisher({
    intake,
    sharding: { cluster: 0, shardCount: 1 },
    maxMessageBytes: defaultMaxMessageBytes,
    clock: () => now,
  })
  t.match(await one.publish(messageBytes(), testPubsubTopic, 'lightpush'), { outcome: 'no-relay' })
})

t.test('bytes that are no message are the error of whoever reads them', async (t) => {
  const { publisher: one } = publisher()
  await t.rejects(one.publish(Buffer.from('nonsense'), testPubsubTopic, 'rest'), { code: 'message/malformed' })
})

t.test('meta above its limit is no message, in the words of nwaku', async (t) => {
  const { publisher: one, events } = publisher()
  t.match(await one.publish(messageBytes({ meta: Buffer.alloc(64) }), testPubsubTopic, 'rest'), { outcome: 'relayed' })
  await t.rejects(one.publish(messageBytes({ meta: Buffer.alloc(65) }), testPubsubTopic, 'rest'), {
    code: 'message/malformed',
    data: { why: '(kind: InvalidLengthField, field: "meta")' },
  })
  t.equal(events.length, 2, 'only the first was published and delivered')
})
