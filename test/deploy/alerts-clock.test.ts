/** Alerts on the clock. test/kit/illness.ts. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import t from 'tap'
import { toNanoseconds } from '../../src/core/time.ts'
import { push } from '../../src/protocols/lightpush/client.ts'
import { host } from '../kit/host.ts'
import { illnesses, metricsFlags } from '../kit/illness.ts'
import { messageBytes } from '../kit/messages.ts'
import { needs } from '../kit/tools.ts'
import { neighbour, networkDaemon } from '../kit/twins.ts'

const illness = illnesses(t)

illness(
  t,
  'a clock that differs from those of senders is told, and that messages are refused for it',
  async ({ t, instance, prometheus }) => {
    const node = await networkDaemon(t, { flags: metricsFlags })
    const relayed = await neighbour(t, node)
    prometheus.watch(instance, node.metricsUrl)
    const { libp2p } = await host(t)
    const publish = async (seconds: number, count: number) => {
      for (let index = 0; index < count; index++) {
        const timestamp = toNanoseconds(Date.now() + seconds * 1000)
        await push(libp2p, multiaddr(relayed.tcp), messageBytes({ timestamp }), undefined)
      }
    }
    await publish(0, 30)
    await prometheus.rounds(instance, 3)
    t.notOk((await prometheus.firing(instance)).has('ClockOff'), 'clocks that agree')
    await publish(60, 120)
    await prometheus.until(instance, 'ClockOff')
    await prometheus.until(instance, 'TimestampsRefused')
  },
)

illness(t, 'a clock that is set is told', async ({ t, instance, prometheus }) => {
  const faketime = needs(t, 'faketime')
  if (faketime === undefined) return
  const clock = path.join(t.testdir(), 'clock')
  writeFileSync(clock, '+0')
  const library = execFileSync(faketime, ['-m', '-f', '+0', 'printenv', 'LD_PRELOAD'], { encoding: 'utf8' }).trim()
  const cached = { FAKETIME_TIMESTAMP_FILE: clock, FAKETIME_CACHE_DURATION: '1', DONT_FAKE_MONOTONIC: '1' }
  const env = { LD_PRELOAD: library, ...cached }
  const node = await networkDaemon(t, { flags: metricsFlags, env })
  prometheus.watch(instance, node.metricsUrl)
  await prometheus.rounds(instance, 3)
  t.notOk((await prometheus.firing(instance)).has('ClockSet'))
  writeFileSync(clock, '+90')
  await prometheus.until(instance, 'ClockSet')
})
