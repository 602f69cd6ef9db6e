/**
 * Fan-out: one message to many. What a copy costs the daemon, beside a relay of stock parts where that can do the same.
 *
 * To 8 relay peers, the largest mesh, as a message from a ninth. To 50 relay peers, as one that a client publishes: that
 * is sent to all who follow the topic, not to the mesh alone. To 100 filter clients, as one from a relay peer.
 *
 * `npm run bench:fan-out`
 */
import { Bench, machine } from './kit/bench.ts'
import { interleaved, openPath, type Path, type PathOptions, rowsOf } from './kit/paths.ts'
import { byAsking, byLightPush, byRelay, filterClient, relayPeer } from './kit/peers.ts'
import { pin } from './kit/process.ts'
import { type Subject, stock, waypost } from './kit/subject.ts'
import { printTable } from './kit/table.ts'

const payloadBytes = 1024
const rounds = 3
const extent = { messages: 300, milliseconds: 4000 }
const warm = { messages: 600, milliseconds: 6000 }

/** What the quotas of light push hold back is not what is measured. */
const unlimited = '--rate-limit=0/1s'

interface Fan {
  readonly to: string
  readonly window: number
  readonly paths: readonly (PathOptions & { readonly subject: (bench: Bench) => Promise<Subject> })[]
}

const mesh = { sink: relayPeer, sinks: 8, source: byRelay }
const followers = { sink: relayPeer, sinks: 50 }
const clients = { sink: filterClient, sinks: 100, source: byRelay }

const fans: readonly Fan[] = [
  {
    to: '8 relay peers',
    window: 16,
    paths: [
      { ...mesh, subject: waypost },
      { ...mesh, subject: stock },
    ],
  },
  {
    to: '50 relay peers',
    window: 8,
    paths: [
      {
        ...followers,
        source: byLightPush,
        subject: (bench) => waypost(bench, { flags: ['--lightpush=true', unlimited] }),
      },
      { ...followers, source: byAsking, subject: stock },
    ],
  },
  {
    to: '100 filter clients',
    window: 4,
    paths: [{ ...clients, subject: (bench) => waypost(bench, { flags: ['--filter=true', unlimited] }) }],
  },
]

async function measure(bench: Bench, { to, window, paths: options }: Fan): Promise<Record<string, string>[]> {
  const paths: Path[] = []
  for (const { subject, ...path } of options) paths.push(await openPath(bench, await subject(bench), path))
  for (const path of paths) await path.load(payloadBytes).saturate(window, warm)
  return rowsOf(to, await interleaved(paths, rounds, (path) => path.load(payloadBytes).saturate(window, extent)))
}

console.log(machine())
pin(process.pid, 1)
const rows: Record<string, string>[] = []
for (const fan of fans) {
  await using bench = new Bench()
  rows.push(...(await measure(bench, fan)))
}
printTable('Fan-out of 1 KiB', rows)
