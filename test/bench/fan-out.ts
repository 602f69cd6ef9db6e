/**
 * Filter push: one message to many light clients, as many as the phones of a small town. What a push costs the daemon on
 * its own stack, and in turns with it on the stock one.
 *
 * `npm run bench:fan-out`; `-- --clients=1000` for as many.
 */
import { Bench, given, machine } from './kit/bench.ts'
import { interleaved, openPath, type Path, rowsOf } from './kit/paths.ts'
import { byRelay, filterClient } from './kit/peers.ts'
import { pin } from './kit/process.ts'
import { waypost, waypostOnStock } from './kit/subject.ts'
import { printTable } from './kit/table.ts'

const payloadBytes = 1024
const rounds = 3
const window = 4
const extent = { messages: 300, milliseconds: 4000 }
const warm = { messages: 600, milliseconds: 6000 }

const clients = Number(given('clients') ?? 100)

/** What the quotas hold back is not what is measured. */
const flags = [
  '--filter=true',
  '--rate-limit=0/1s',
  `--max-connections=${clients + 50}`,
  '--filter-max-peers-to-serve=2000',
]

console.log(machine())
pin(process.pid, 1)
await using bench = new Bench()
const paths: Path[] = []
for (const subject of [waypost, waypostOnStock]) {
  const opened = await openPath(bench, await subject(bench, { flags }), {
    sink: filterClient,
    sinks: clients,
    source: byRelay,
  })
  paths.push(opened)
}
for (const path of paths) await path.load(payloadBytes).saturate(window, warm)
const done = await interleaved(paths, rounds, (path) => path.load(payloadBytes).saturate(window, extent))
printTable(`Filter push of 1 KiB to ${clients} clients`, rowsOf('saturated', done))
