import t from 'tap'
import { MetricsLog } from '../../src/node/metrics-log.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { ManualSchedule } from '../kit/schedule.ts'

t.test('key figures are told every ten minutes, until it ends', async (t) => {
  const metrics = createMetrics()
  metrics.waku_node_messages_total.inc({ type: 'relay' }, 3)
  metrics.waku_node_messages_total.inc({ type: 'rest' }, 2)
  metrics.libp2p_peers.set(7)
  const waits = new ManualSchedule()
  const { promise: line, resolve } = Promise.withResolvers<string>()
  const log = createLog({ level: 'info', format: 'json', destination: { write: resolve } })
  const told = new MetricsLog({ metrics, log, schedule: waits.schedule })
  const due = await waits.next()
  t.equal(due.delay, 600_000)
  due.run()
  t.match(JSON.parse(await line), { msg: 'key figures', level: 'info', peers: 7, messages: 5, stored: 0 })
  t.equal(waits.due.length, 1, 'and again')
  told[Symbol.dispose]()
  t.equal(waits.due.length, 0)
})
