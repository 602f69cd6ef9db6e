/** Alerts on the archive and its disk. test/kit/illness.ts. */
import { setTimeout } from 'node:timers/promises'
import { multiaddr } from '@multiformats/multiaddr'
import t from 'tap'
import { push } from '../../src/protocols/lightpush/client.ts'
import { smallDisk } from '../kit/disk.ts'
import { host } from '../kit/host.ts'
import { illnesses, metricsFlags } from '../kit/illness.ts'
import { messageBytes } from '../kit/messages.ts'
import { neighbour, networkDaemon } from '../kit/twins.ts'

const illness = illnesses(t)
const mebibyte = 1024 * 1024

illness(
  t,
  'a disk that fills up is told, and so are the messages that are not stored',
  async ({ t, instance, prometheus }) => {
    const disk = smallDisk(t, 320)
    if (disk === undefined) return t.plan(0, 'needs a user who may mount')
    const node = await networkDaemon(t, { flags: metricsFlags, dataDir: disk.folder })
    const relayed = await neighbour(t, node)
    prometheus.watch(instance, node.metricsUrl)
    await prometheus.rounds(instance, 3)
    for (const alert of ['DiskLow', 'DiskFull', 'StoreDegraded', 'StoreDropsMessages'])
      t.notOk((await prometheus.firing(instance)).has(alert), alert)
    disk.fill(mebibyte)
    for (const alert of ['DiskLow', 'DiskFull', 'StoreDegraded']) await prometheus.until(instance, alert)
    const { libp2p } = await host(t)
    const full = new AbortController()
    t.teardown(() => full.abort())
    // Gossip tells nobody that it was not stored: the counter must.
    const publishing = repeat(full.signal, () => push(libp2p, multiaddr(relayed.tcp), messageBytes(), undefined))
    await prometheus.until(instance, 'StoreDropsMessages')
    full.abort()
    await publishing
    disk.empty()
    for (const alert of ['DiskLow', 'DiskFull', 'StoreDegraded']) await prometheus.until(instance, alert, false)
  },
)

async function repeat(signal: AbortSignal, step: () => Promise<unknown>): Promise<void> {
  while (!signal.aborted) {
    // What a busy machine does not answer in time is sent again.
    await step().catch(() => {})
    await setTimeout(50)
  }
}
