/** Alerts on an archive in PostgreSQL. test/kit/illness.ts. */
import { setTimeout } from 'node:timers/promises'
import { multiaddr } from '@multiformats/multiaddr'
import t, { type Test } from 'tap'
import { push } from '../../src/protocols/lightpush/client.ts'
import { host } from '../kit/host.ts'
import { illnesses, metricsFlags } from '../kit/illness.ts'
import { messageBytes } from '../kit/messages.ts'
import { postgres, replicaOf } from '../kit/postgres.ts'
import { needs } from '../kit/tools.ts'
import { neighbour, networkDaemon } from '../kit/twins.ts'

const illness = illnesses(t)

const program = needs(t, 'postgres')
if (program !== undefined) {
  illness(
    t,
    'a database that is away is told, and a spool that fills up meanwhile',
    async ({ t, instance, prometheus }) => {
      const server = await postgres(t, program)
      const node = await networkDaemon(t, {
        flags: [...metricsFlags, '--store-spool-size=1MiB'],
        env: { WAYPOST_STORE_MESSAGE_DB_URL: server.url },
      })
      const relayed = await neighbour(t, node)
      prometheus.watch(instance, node.metricsUrl)
      await prometheus.rounds(instance, 3)
      const alerts = ['DatabaseAway', 'SpoolFilling', 'StoreDegraded', 'StoreDropsMessages']
      for (const alert of alerts) t.notOk((await prometheus.firing(instance)).has(alert), alert)
      await server.stop('immediate')
      const traffic = new AbortController()
      t.teardown(() => traffic.abort())
      const publishing = publish(t, relayed.tcp, traffic.signal)
      for (const alert of alerts) await prometheus.until(instance, alert)
      traffic.abort()
      await publishing
      await server.start()
      for (const alert of alerts.slice(0, 3)) await prometheus.until(instance, alert, false)
    },
  )

  illness(t, 'a replica that is away is told', async ({ t, instance, prometheus }) => {
    const server = await postgres(t, program)
    const replica = await replicaOf(t, server)
    const node = await networkDaemon(t, {
      flags: metricsFlags,
      env: { WAYPOST_STORE_MESSAGE_DB_URL: server.url, WAYPOST_STORE_READ_URL: replica.url },
    })
    prometheus.watch(instance, node.metricsUrl)
    await prometheus.rounds(instance, 3)
    await prometheus.until(instance, 'ReplicaAway', false)
    await replica.stop('immediate')
    await prometheus.until(instance, 'ReplicaAway')
    t.notOk((await prometheus.firing(instance)).has('DatabaseAway'))
    await replica.start()
    await prometheus.until(instance, 'ReplicaAway', false)
  })
}

/** Publishes large messages through a node, for others to store. */
async function publish(t: Test, address: string, signal: AbortSignal): Promise<void> {
  const { libp2p } = await host(t)
  while (!signal.aborted) {
    const message = messageBytes({ payload: Buffer.alloc(50 * 1024, Math.random().toString()) })
    // What a busy machine does not answer in time is sent again.
    await push(libp2p, multiaddr(address), message, undefined).catch(() => {})
    await setTimeout(50)
  }
}
