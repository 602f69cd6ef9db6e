/**
 * The daemon as an operator meets it: how long until it is ready, how much memory it takes, how long until it is gone.
 * All services are on.
 *
 * `npm run bench:startup`
 */
import { setTimeout as wait } from 'node:timers/promises'
import { multiaddr } from '@multiformats/multiaddr'
import { daemon } from '../kit/daemon.ts'
import { host } from '../kit/host.ts'
import { Bench, machine } from './kit/bench.ts'
import { residentMiB } from './kit/process.ts'
import { median } from './kit/statistics.ts'
import { figure, printTable } from './kit/table.ts'

const lives = 3
const manyClients = 200
/** Until the memory of a start, or of many newcomers, has settled. */
const settleMs = 2000

/** One life of a daemon. Times in ms, memory in MiB. */
interface Life {
  readonly ready: number
  readonly resident: number
  readonly gone: number
}

async function live(bench: Bench, clients: number): Promise<Life> {
  const start = performance.now()
  const { process, tcp, stop } = await daemon(bench)
  const ready = performance.now() - start
  const address = multiaddr(tcp)
  for (let opened = 0; opened < clients; opened += 1) await (await host(bench)).libp2p.dial(address)
  await wait(settleMs)
  const resident = residentMiB(process.pid ?? Number.NaN)
  const stopping = performance.now()
  await stop()
  return { ready, resident, gone: performance.now() - stopping }
}

function row(label: string, of: readonly Life[]): Record<string, string> {
  const middle = (figures: (life: Life) => number): number => median(of.map(figures))
  return {
    daemon: label,
    'spawned to ready, ms': figure(middle(({ ready }) => ready)),
    'resident, MiB': figure(middle(({ resident }) => resident)),
    'SIGTERM to ended, ms': figure(middle(({ gone }) => gone)),
  }
}

console.log(machine())
await using bench = new Bench()
const idle: Life[] = []
while (idle.length < lives) idle.push(await live(bench, 0))
const busy = await live(bench, manyClients)
printTable('Start, memory, stop', [row('idle', idle), row(`${manyClients} connections`, [busy])])
