import t from 'tap'
import { Intake, type Taker } from '../../src/node/intake.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { envelope } from '../kit/messages.ts'

const parts = () => ({ metrics: createMetrics(), log: silentLog(), settleTimeout: 60_000 })

const keeper = (put: Taker['put']): Taker => ({ offer: () => {}, put })

t.test('gossip reaches every taker and waits for none', async (t) => {
  const seen: string[] = []
  const taker = (name: string): Taker => ({ offer: () => void seen.push(name), put: () => new Promise(() => {}) })
  const takers = [taker('one'), taker('two'), taker('three')]
  new Intake({ ...parts(), takers }).deliver(envelope())
  t.same(seen, ['one', 'two', 'three'])
})

t.test('a publisher waits until each taker has the message', async (t) => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const intake = new Intake({ ...parts(), takers: [keeper(() => promise), keeper(() => undefined)] })
  let settled = false
  const delivery = intake.deliverSettled(envelope(), 'lightpush').then(() => {
    settled = true
  })
  await new Promise(setImmediate)
  t.equal(settled, false)
  resolve()
  await delivery
  t.equal(settled, true)
})

t.test('a taker that fails or hangs does not hold a publisher for ever', async (t) => {
  const failing = new Intake({ ...parts(), takers: [keeper(() => Promise.reject(new Error('disk full')))] })
  await t.resolves(failing.deliverSettled(envelope(), 'rest'))
  const hanging = new Intake({ ...parts(), settleTimeout: 1, takers: [keeper(() => new Promise(() => {}))] })
  await t.resolves(hanging.deliverSettled(envelope(), 'rest'))
})

t.test('messages are counted by how they came', async (t) => {
  const one = parts()
  const intake = new Intake({ ...one, takers: [] })
  intake.deliver(envelope())
  await intake.deliverSettled(envelope(), 'lightpush')
  const text = await one.metrics.registry.getSingleMetricAsString('waku_node_messages_total')
  t.match(text, /type="relay"} 1/)
  t.match(text, /type="lightpush"} 1/)
})
