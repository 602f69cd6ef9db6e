import t, { type Test } from 'tap'
import { HistoryRecorder } from '../../src/node/history-recorder.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { ManualSchedule } from '../kit/schedule.ts'

const hour = 3_600_000
const start = 1_000_000_000

/** A recorder whose time the test tells, and its metrics. */
function recorder(t: Test) {
  const time = { wall: start, monotonic: 0 }
  const metrics = createMetrics()
  const appointments = new ManualSchedule()
  const recording = new HistoryRecorder({
    metrics,
    log: silentLog(),
    clock: () => time.wall,
    monotonic: () => time.monotonic,
    schedule: appointments.schedule,
  })
  t.teardown(() => recording[Symbol.dispose]())
  /** Lets seconds pass by both clocks, and settles when the sample of that moment is taken. */
  const sampleAfter = async (wallSeconds: number, seconds = wallSeconds): Promise<void> => {
    time.wall += wallSeconds * 1000
    time.monotonic += seconds * 1000
    const { run } = await appointments.next()
    run()
    await appointments.next()
  }
  return { recording, metrics, sampleAfter, appointments }
}

t.test('what is counted is told by the second, what is held as it is', async (t) => {
  const { recording, metrics, sampleAfter } = recorder(t)
  metrics.libp2p_peers.set(3)
  await sampleAfter(5)
  metrics.waku_node_messages_total.inc({ type: 'relay' }, 50)
  metrics.waku_node_messages_total.inc({ type: 'rest' }, 5)
  metrics.waypost_filter_pushes_total.inc(100)
  metrics.libp2p_peers.set(4)
  await sampleAfter(5)
  const { interval, times, values } = recording.read({ range: hour, since: 0 })
  t.equal(interval, 5000)
  t.same(times, [start + 5000, start + 10_000])
  t.match(values, { relay: [null, 10], rest: [null, 1], lightpush: [null, 0], pushed: [null, 20], peers: [3, 4] })
  t.same(values.storeMessages, [null, null], 'nothing is told of a store that is not there')
  t.ok(values.memory.every((bytes) => bytes !== null && bytes > 0))
  t.ok(values.delay.every((delay) => delay !== null && delay >= 0))
})

t.test('a clock that is set makes no rate wrong', async (t) => {
  const { recording, metrics, sampleAfter } = recorder(t)
  await sampleAfter(5)
  metrics.waku_node_messages_total.inc({ type: 'relay' }, 50)
  await sampleAfter(-100, 5)
  t.ok(recording.read({ range: hour, since: start - hour }).values.relay.includes(10))
})

t.test('only the range that is asked for is told, and of it only what is new', async (t) => {
  const { recording, sampleAfter } = recorder(t)
  for (let sample = 0; sample < 10; sample += 1) await sampleAfter(5)
  t.equal(recording.read({ range: 20_000, since: 0 }).times.length, 4)
  t.equal(recording.read({ range: hour, since: start + 45_000 }).times.length, 1)
})

t.test('no sample is taken any more once it is disposed of', async (t) => {
  const { recording, sampleAfter, appointments } = recorder(t)
  await sampleAfter(5)
  recording[Symbol.dispose]()
  t.equal(appointments.due.length, 0)
})
