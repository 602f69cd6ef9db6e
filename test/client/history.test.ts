/** What stores hold, by the client, from real nodes. */
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type Nanoseconds, toNanoseconds } from '../../src/core/time.ts'
import type { Carried, Topics } from '../../src/messaging/network.ts'
import { messageBytes } from '../kit/messages.ts'
import { pooled } from '../kit/pool.ts'
import { neighbour, twins } from '../kit/twins.ts'
import { all, clientOf, pubsubTopic, textOf } from './kit.ts'

const [node, other] = await twins(t, { pubsubTopic })

/** Nanoseconds between two messages. */
const millisecond = 1_000_000n

interface Filled {
  readonly texts: readonly string[]
  /** Before the first, at the first, and after the last. */
  readonly from: Nanoseconds
  readonly first: Nanoseconds
  readonly to: Nanoseconds
}

/** Publishes `count` messages, `apart` from each other, beginning now: stores keep no others. */
async function fill(t: Test, contentTopics: readonly string[], count: number, apart = millisecond): Promise<Filled> {
  const writer = await clientOf(t, [node.tcp])
  const first = toNanoseconds(Date.now())
  const texts = Array.from({ length: count }, (_, index) => `message ${String(index).padStart(4, '0')}`)
  await pooled(10, [...texts.entries()], async ([index, text]) => {
    const contentTopic = contentTopics[index % contentTopics.length]!
    const timestamp = first + BigInt(index) * apart
    await writer.publish(pubsubTopic, messageBytes({ payload: Buffer.from(text), contentTopic, timestamp }))
  })
  return { texts, from: first - 1n, first, to: first + 10_000n * millisecond }
}

/** Settles when the node at `address` has all of them. */
async function stored(t: Test, address: string, topics: Topics, { texts, from, to }: Filled): Promise<void> {
  const client = await clientOf(t, [address])
  while ((await all(client.query(topics, from, to))).length < texts.length) await setTimeout(500)
}

t.test('history of several pages comes whole, the oldest first, within its times', async (t) => {
  const contentTopic = '/waypost/1/pages/proto'
  const { texts, from, first, to } = await fill(t, [contentTopic], 250)
  const client = await clientOf(t, [node.tcp])
  const topics = { pubsubTopic, contentTopics: [contentTopic] }
  t.same((await all(client.query(topics, from, to))).map(textOf), texts)
  const some = client.query(topics, first + 10n * millisecond, first + 20n * millisecond)
  t.same((await all(some)).map(textOf), texts.slice(10, 21))
  t.same(await all(client.query({ pubsubTopic, contentTopics: [] }, from, to)), [])
})

t.test('history of more topics than one question can carry is one sequence', async (t) => {
  const contentTopics = Array.from({ length: 220 }, (_, index) => `/waypost/1/wide-${index}/proto`)
  const { texts, from, to } = await fill(t, contentTopics, 230)
  const client = await clientOf(t, [node.tcp])
  t.same((await all(client.query({ pubsubTopic, contentTopics }, from, to))).map(textOf), texts)
})

for (const { name, apart } of [
  { name: 'apart in time', apart: 1_000_000n },
  { name: 'of the same time', apart: 0n },
])
  t.test(`when a store dies another goes on after the last message, messages being ${name}`, async (t) => {
    const contentTopic = `/waypost/1/failover-${apart}/proto`
    const dying = await neighbour(t, node, { pubsubTopic })
    const filled = await fill(t, [contentTopic], 250, apart)
    const { texts, from, to } = filled
    const topics = { pubsubTopic, contentTopics: [contentTopic] }
    await Promise.all([dying, other].map(({ tcp }) => stored(t, tcp, topics, filled)))
    const client = await clientOf(t, [dying.tcp, other.tcp])
    // Both are known before the first one dies.
    await all(client.query(topics, from, from))
    const found: Carried[] = []
    for await (const carried of client.query(topics, from, to)) {
      found.push(carried)
      if (found.length === 150) await dying.stop('SIGKILL')
    }
    t.equal(dying.process.signalCode, 'SIGKILL')
    t.same(found.map(textOf).toSorted(), texts)
    if (apart > 0n) t.same(found.map(textOf), texts)
  })

t.test('a query can be left early', async (t) => {
  const contentTopic = '/waypost/1/early/proto'
  const { texts, from, to } = await fill(t, [contentTopic], 120)
  const client = await clientOf(t, [node.tcp])
  const found: Carried[] = []
  for await (const carried of client.query({ pubsubTopic, contentTopics: [contentTopic] }, from, to)) {
    found.push(carried)
    if (found.length === 5) break
  }
  t.same(found.map(textOf), texts.slice(0, 5))
})
