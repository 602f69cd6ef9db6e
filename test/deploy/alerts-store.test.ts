/** Alerts on the archive and its disk. test/kit/illness.ts. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { multiaddr } from '@multiformats/multiaddr'
import t, { type Test } from 'tap'
import { push } from '../../src/protocols/lightpush/client.ts'
import { host } from '../kit/host.ts'
import { illnesses, metricsFlags } from '../kit/illness.ts'
import { messageBytes } from '../kit/messages.ts'
import { needs } from '../kit/tools.ts'
import { neighbour, networkDaemon } from '../kit/twins.ts'

const illness = illnesses(t)

illness(
  t,
  'a node that cannot write its archive is told, and loses no message in silence',
  async ({ t, instance, prometheus }) => {
    const prlimit = needs(t, 'prlimit')
    if (prlimit === undefined) return
    const node = await networkDaemon(t, { flags: metricsFlags })
    const relayed = await neighbour(t, node)
    prometheus.watch(instance, node.metricsUrl)
    await prometheus.rounds(instance, 2)
    const limit = (bytes: string) => execFileSync(prlimit, ['--pid', String(node.process.pid), `--fsize=${bytes}`])
    limit('1024:unlimited')
    const { libp2p } = await host(t)
    const full = new AbortController()
    // Gossip tells nobody that it was not stored: the counter must.
    const publishing = repeat(full.signal, () => push(libp2p, multiaddr(relayed.tcp), messageBytes(), undefined))
    await prometheus.until(instance, 'StoreDegraded')
    await prometheus.until(instance, 'StoreDropsMessages')
    full.abort()
    await publishing
    limit('unlimited')
    await prometheus.until(instance, 'StoreDegraded', false)
  },
)

illness(t, 'a disk that fills up is told', async ({ t, instance, prometheus }) => {
  // Not in the folder of the test: a mount that outlives a killed run must not be in the way of the next.
  const folder = mkdtempSync(path.join(tmpdir(), 'waypost-disk-'))
  if (!mountMemory(t, folder, '320m')) return t.plan(0, 'needs a user who may mount')
  const node = await networkDaemon(t, { flags: metricsFlags, dataDir: folder })
  prometheus.watch(instance, node.metricsUrl)
  await prometheus.rounds(instance, 3)
  for (const alert of ['DiskLow', 'DiskFull']) t.notOk((await prometheus.firing(instance)).has(alert), alert)
  execFileSync('fallocate', ['--length=300M', path.join(folder, 'filler')])
  for (const alert of ['DiskLow', 'DiskFull']) await prometheus.until(instance, alert)
  rmSync(path.join(folder, 'filler'))
  for (const alert of ['DiskLow', 'DiskFull']) await prometheus.until(instance, alert, false)
})

async function repeat(signal: AbortSignal, step: () => Promise<unknown>): Promise<void> {
  while (!signal.aborted) {
    // What a busy machine does not answer in time is sent again.
    await step().catch(() => {})
    await setTimeout(50)
  }
}

/** Mounts a file system in memory until the test has ended; false when that is not ours to do. */
function mountMemory(t: Test, folder: string, size: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder], { stdio: 'ignore' })
  } catch {
    return false
  }
  t.teardown(() => {
    execFileSync('umount', ['--lazy', folder])
    rmSync(folder, { recursive: true, force: true })
  })
  return true
}
