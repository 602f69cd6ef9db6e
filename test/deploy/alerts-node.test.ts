/** Alerts on the node and its peers: alone, restarting, too busy, with a certificate that ends. test/kit/illness.ts. */
import { setTimeout } from 'node:timers/promises'
import { multiaddr } from '@multiformats/multiaddr'
import t from 'tap'
import { selfSigned } from '../kit/certificate.ts'
import { type Daemon, daemon } from '../kit/daemon.ts'
import { freePort } from '../kit/free-port.ts'
import { host } from '../kit/host.ts'
import { illnesses, metricsFlags } from '../kit/illness.ts'
import { needs } from '../kit/tools.ts'
import { networkDaemon } from '../kit/twins.ts'

const illness = illnesses(t)

illness(t, 'a node without peers is told, until it has one', async ({ t, instance, prometheus }) => {
  const node = await networkDaemon(t, { flags: metricsFlags })
  prometheus.watch(instance, node.metricsUrl)
  await prometheus.until(instance, 'NoPeers')
  const visitor = await host(t)
  await visitor.libp2p.dial(multiaddr(node.tcp))
  await prometheus.until(instance, 'NoPeers', false)
})

illness(
  t,
  'a node that keeps restarting is told, and one that does not answer',
  async ({ t, instance, prometheus }) => {
    const flags = ['--metrics-server', `--metrics-server-port=${await freePort()}`]
    let [node, starts] = [await networkDaemon(t, { flags }), 1]
    prometheus.watch(instance, node.metricsUrl)
    while (starts < 4) {
      await prometheus.rounds(instance, 2)
      t.notOk((await prometheus.firing(instance)).has('NodeRestarts'), `${starts} starts`)
      await node.stop('SIGKILL')
      await prometheus.until(instance, 'NodeDown')
      node = await networkDaemon(t, { flags })
      starts += 1
      await prometheus.until(instance, 'NodeDown', false)
    }
    await prometheus.until(instance, 'NodeRestarts')
  },
)

illness(t, 'a node whose event loop stands still is told, until it runs', async ({ t, instance, prometheus }) => {
  const node = await networkDaemon(t, { flags: metricsFlags })
  prometheus.watch(instance, node.metricsUrl)
  await prometheus.until(instance, 'EventLoopLag', false)
  const stalls = new AbortController()
  t.teardown(() => stalls.abort())
  const stalling = stallUntil(node, stalls.signal)
  await prometheus.until(instance, 'EventLoopLag')
  stalls.abort()
  await stalling
  await prometheus.until(instance, 'EventLoopLag', false)
})

illness(t, 'a certificate that ends in two days is told', async ({ t, instance, prometheus }) => {
  if (needs(t, 'openssl') === undefined) return
  const { keyFile, certificateFile } = selfSigned(t.testdir())
  const files = [`--websocket-secure-key-path=${keyFile}`, `--websocket-secure-cert-path=${certificateFile}`]
  const node = await daemon(t, { flags: [...metricsFlags, '--websocket-secure-support', ...files] })
  prometheus.watch(instance, node.metricsUrl)
  await prometheus.until(instance, 'CertificateExpires')
  t.notOk((await prometheus.firing(instance)).has('CertificateExpired'), 'it has not ended')
})

/** Stops and continues a process again and again, as a machine does that has too little for it. */
async function stallUntil(node: Daemon, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    node.process.kill('SIGSTOP')
    await setTimeout(350)
    node.process.kill('SIGCONT')
    await setTimeout(150)
  }
}
