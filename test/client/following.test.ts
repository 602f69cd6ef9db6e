/** Following at nodes that forget, refuse and push what was not asked for; their time is the test's. */
import t, { type Test } from 'tap'
import { pingInterval } from '../../src/client/follower.ts'
import type { Envelope } from '../../src/core/envelope.ts'
import { type Schedule, systemSchedule } from '../../src/core/time.ts'
import type { Host } from '../../src/net/host.ts'
import { type Filter, type FilterOptions, filter } from '../../src/protocols/filter/index.ts'
import { defaultFilterSettings } from '../../src/protocols/filter/limits.ts'
import { store } from '../../src/protocols/store/index.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { host } from '../kit/host.ts'
import { envelope } from '../kit/messages.ts'
import { ManualSchedule } from '../kit/schedule.ts'
import { until } from '../kit/until.ts'
import { Remembered } from '../protocols/store/history.ts'
import { all, clientOf, pubsubTopic, Told } from './kit.ts'

const contentTopic = '/waypost/1/followed/proto'

interface Served {
  readonly address: string
  readonly filter: Filter
  stop(): Promise<void>
}

async function served(t: Test, options: Partial<FilterOptions> = {}): Promise<Served> {
  const common = { settings: defaultFilterSettings, metrics: createMetrics(), log: silentLog() }
  const mounted = Promise.withResolvers<Filter>()
  const mount = async ({ libp2p }: Host): Promise<void> => {
    mounted.resolve(await filter({ libp2p, ...common, ...options }))
    await store({ libp2p, history: new Remembered([]), ...common })
  }
  const made = await host(t, { mount })
  const service = await mounted.promise
  t.teardown(() => service[Symbol.asyncDispose]())
  const stop = async (): Promise<void> => await made[Symbol.asyncDispose]()
  return { address: String(made.addresses()[0]), filter: service, stop }
}

function message(text: string): Envelope {
  return envelope({ payload: Buffer.from(text), contentTopic }, pubsubTopic)
}

/** Pings come when the test says so; what failed is tried again in its own time. */
function pingedBy(manual: ManualSchedule): Schedule {
  return (run, delay) => (delay === pingInterval ? manual : { schedule: systemSchedule }).schedule(run, delay)
}

function isSubscribed({ filter }: Served): boolean {
  return [...filter.subscriptions()].length > 0
}

/** What a client of these nodes is told, once it is online. */
async function reader(t: Test, nodes: readonly Served[], manual = new ManualSchedule()): Promise<Told> {
  const addresses = nodes.map(({ address }) => address)
  const client = await clientOf(t, addresses, { schedule: pingedBy(manual) })
  const told = new Told()
  client.listen(told)
  client.follow([{ pubsubTopic, contentTopics: [contentTopic] }])
  await told.until(() => told.times > 0)
  return told
}

t.test('a node that has forgotten us is asked again, and it is told that something may be missing', async (t) => {
  const manual = new ManualSchedule()
  let now = 0
  const node = await served(t, { clock: () => now })
  const told = await reader(t, [node], manual)
  node.filter.deliver(message('before'))
  await told.until(() => told.messages.length === 1)
  now += defaultFilterSettings.subscriptionTimeout + 1
  node.filter.sweep()
  t.same([...node.filter.subscriptions()], [])
  node.filter.deliver(message('missed'))
  const ping = await manual.next()
  ping.run()
  await told.until(() => told.times === 2)
  node.filter.deliver(message('after'))
  await told.until(() => told.messages.length === 2)
  t.same(told.texts, ['before', 'after'])
})

t.test('a ping keeps the subscription where the node knows us', async (t) => {
  const manual = new ManualSchedule()
  let now = 0
  const node = await served(t, { clock: () => now })
  const told = await reader(t, [node], manual)
  for (let minutes = 0; minutes < 10; minutes += 1) {
    now += pingInterval
    const ping = await manual.next()
    ping.run()
  }
  // The next ping is waited for once this one is answered.
  await manual.next()
  node.filter.sweep()
  node.filter.deliver(message('still here'))
  await told.until(() => told.messages.length === 1)
  t.equal(told.times, 1)
})

t.test('a node that takes no subscription does not keep others from pushing', async (t) => {
  const full = await served(t, { settings: { ...defaultFilterSettings, maxSubscribers: 0 } })
  const node = await served(t)
  const told = await reader(t, [full, node])
  await until(() => isSubscribed(node))
  node.filter.deliver(message('from the other'))
  await told.until(() => told.messages.length === 1)
  t.notOk(isSubscribed(full))
})

t.test('the same message of two nodes is told once', async (t) => {
  const nodes = [await served(t), await served(t)]
  const told = await reader(t, nodes)
  await until(() => nodes.every(isSubscribed))
  const twice = message('twice')
  for (const { filter } of nodes) filter.deliver(twice)
  for (const [index, { filter }] of nodes.entries()) filter.deliver(message(`last of ${index}`))
  await told.until(() => told.messages.length === 3)
  t.same(told.texts.toSorted(), ['last of 0', 'last of 1', 'twice'])
})

t.test('three nodes push at the same time, and a fourth begins when one of them has gone', async (t) => {
  const [first, second, third, fourth] = [await served(t), await served(t), await served(t), await served(t)]
  const told = await reader(t, [first, second, third, fourth])
  await until(() => [first, second, third].every(isSubscribed) && !isSubscribed(fourth))
  await first.stop()
  await until(() => isSubscribed(fourth))
  fourth.filter.deliver(message('from the fourth'))
  await told.until(() => told.messages.length === 1)
  t.same(told.texts, ['from the fourth'])
})

t.test('history is asked for once what is followed is pushed, so that nothing falls between the two', async (t) => {
  const node = await served(t)
  const client = await clientOf(t, [node.address])
  for (const topic of [contentTopic, '/waypost/1/more/proto']) {
    client.follow([{ pubsubTopic, contentTopics: [topic] }])
    await all(client.query({ pubsubTopic, contentTopics: [topic] }, 0n, 1n))
    const held = [...node.filter.subscriptions()].flatMap(({ criteria }) =>
      criteria.map(({ contentTopic }) => contentTopic),
    )
    t.ok(held.includes(topic))
  }
})
