/** Stores that answer what they like. */
import t, { type Test } from 'tap'
import { type Envelope, sealEnvelope } from '../../src/core/envelope.ts'
import type { Host } from '../../src/net/host.ts'
import { Quota } from '../../src/net/quota.ts'
import { store } from '../../src/protocols/store/index.ts'
import type { History } from '../../src/protocols/store/service.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { host } from '../kit/host.ts'
import { Remembered } from '../protocols/store/history.ts'
import { all, clientOf, pubsubTopic, textOf } from './kit.ts'

const contentTopic = '/waypost/1/stored/proto'
const topics = { pubsubTopic, contentTopics: [contentTopic] }

/** The address of a node with this history. */
async function served(t: Test, history: History, quota?: Quota): Promise<string> {
  const mount = async ({ libp2p }: Host): Promise<void> => {
    await store({ libp2p, history, metrics: createMetrics(), log: silentLog(), quota })
  }
  return String((await host(t, { mount })).addresses()[0])
}

function message(timestamp: bigint | undefined, topic = contentTopic, on = pubsubTopic): Envelope {
  return sealEnvelope(on, { payload: Buffer.from(String(timestamp)), contentTopic: topic, timestamp }, 0)
}

/** A history that answers every question with these, in this order. */
function says(...envelopes: readonly Envelope[]): History {
  const messages = envelopes.map(({ hash, pubsubTopic, bytes }) => ({ hash, data: { pubsubTopic, bytes } }))
  return { query: async () => ({ messages }) }
}

const sound = new Remembered([10n, 20n, 30n].map((time) => message(time)))

async function texts(t: Test, nodes: readonly string[]): Promise<string[]> {
  const client = await clientOf(t, nodes)
  // All are known before they are asked.
  await all(client.query({ pubsubTopic, contentTopics: ['/waypost/1/none/proto'] }, 0n, 0n)).catch(() => [])
  return (await all(client.query(topics, 5n, 50n))).map(textOf)
}

t.test('what was not asked for is left out', async (t) => {
  const strangers = [
    message(20n, '/waypost/1/other/proto'),
    message(20n, contentTopic, '/waku/2/rs/66/7'),
    message(51n),
  ]
  t.same(await texts(t, [await served(t, says(message(10n), ...strangers, message(50n)))]), ['10', '50'])
})

t.test('a message without a time is told where it stands', async (t) => {
  t.same(await texts(t, [await served(t, says(message(10n), message(undefined), message(20n)))]), [
    '10',
    'undefined',
    '20',
  ])
})

t.test('a store that does not keep to the order of time is left, and the next goes on', async (t) => {
  const disorderly = await served(t, says(message(10n), message(30n), message(20n)))
  const client = await clientOf(t, [disorderly])
  await t.rejects(all(client.query(topics, 5n, 50n)), { code: 'messaging/no-network', message: /order of their time/ })
  const early = await served(t, says(message(4n)))
  t.same(await texts(t, [early, await served(t, sound)]), ['10', '20', '30'])
})

t.test('a store whose cursor stands still is left', async (t) => {
  const page = { messages: [], cursor: '11'.repeat(32) }
  const stuck = await served(t, { query: async () => page })
  t.same(await texts(t, [stuck, await served(t, sound)]), ['10', '20', '30'])
  await t.rejects(texts(t, [stuck]), { code: 'messaging/no-network', message: /cursor stands still/ })
})

t.test('a store that has had too many questions is asked again', async (t) => {
  const many = new Remembered(Array.from({ length: 250 }, (_, index) => message(BigInt(index))))
  const rate = { volume: 2, period: 1000 }
  const client = await clientOf(t, [await served(t, many, new Quota({ perPeer: rate, total: rate }))])
  const found = await all(client.query(topics, 0n, 1000n))
  t.same(
    found.map(textOf),
    Array.from({ length: 250 }, (_, index) => String(index)),
  )
})
