/**
 * What relay and filter notice of a database that is slow, hangs or is gone: a node with its archive in PostgreSQL hands
 * on messages, to a relay peer and to a filter client, while one thing after the other happens to the server. Each round
 * has all of it beside the healthy one: trust the ratios.
 *
 * `npm run bench:fleet`
 */
import { setTimeout } from 'node:timers/promises'
import { multiaddr } from '@multiformats/multiaddr'
import { type Daemon, daemon } from '../kit/daemon.ts'
import { type PostgresServer, postgres } from '../kit/postgres.ts'
import { findTool } from '../kit/tools.ts'
import { Bench, machine } from './kit/bench.ts'
import type { Outcome } from './kit/load.ts'
import { openPath, type Path } from './kit/paths.ts'
import { byRelay, filterClient, relayPeer } from './kit/peers.ts'
import { pin } from './kit/process.ts'
import { percentile } from './kit/statistics.ts'
import type { Subject } from './kit/subject.ts'
import { figure, printTable, spread } from './kit/table.ts'

const payloadBytes = 1024
const perSecond = 200
const rounds = 3
const roundMs = 3000
const warm = { messages: 2000, milliseconds: 6000 }

/** Something that happens to a server, and how it ends. */
interface Condition {
  readonly database: string
  begin(server: PostgresServer): Promise<unknown>
  end(server: PostgresServer): Promise<unknown>
}

const conditions: readonly Condition[] = [
  { database: 'healthy', begin: nothing, end: nothing },
  { database: 'a second for each commit', begin: (server) => pause(server, 1), end: (server) => pause(server, 0) },
  { database: 'a minute for each commit', begin: (server) => pause(server, 60), end: (server) => pause(server, 0) },
  { database: 'hangs (SIGSTOP)', begin: async (server) => server.hang(), end: async (server) => server.resume() },
  { database: 'stopped', begin: (server) => server.stop('immediate'), end: (server) => server.start() },
]

async function nothing(): Promise<void> {}

/** Makes each insert into the archive wait from now on. */
async function pause(server: PostgresServer, seconds: number): Promise<void> {
  await server.sql(`update public.pause set seconds = ${seconds}`)
}

async function preparePause(server: PostgresServer): Promise<void> {
  for (const text of [
    'create table public.pause (seconds float8)',
    'insert into public.pause values (0)',
    `create function public.wait() returns trigger language plpgsql as $$
     begin perform pg_sleep(seconds) from public.pause; return null; end $$`,
    'create trigger wait before insert on waypost.messages for each statement execute function public.wait()',
  ])
    await server.sql(text)
}

/** Settles when the node has handed over what waited. */
async function ready({ restUrl }: Daemon): Promise<void> {
  for (;;) {
    const health = await (await fetch(`${restUrl}/health`)).text()
    if (/"Store":\s*"READY"/.test(health)) return
    await setTimeout(100)
  }
}

/** What one condition was on the paths, over all rounds. */
type Seen = Map<Condition, Map<string, Outcome[]>>

async function measure(server: PostgresServer, node: Daemon, paths: Readonly<Record<string, Path>>): Promise<Seen> {
  const seen: Seen = new Map(conditions.map((condition) => [condition, new Map()]))
  for (let round = 0; round < rounds; round += 1)
    for (const [condition, outcomes] of seen) {
      await condition.begin(server)
      for (const [name, path] of Object.entries(paths)) {
        const outcome = await path.load(payloadBytes).pace(perSecond, roundMs)
        outcomes.set(name, [...(outcomes.get(name) ?? []), outcome])
      }
      await condition.end(server)
      await ready(node)
    }
  return seen
}

function rowsOf(seen: Seen): Record<string, string>[] {
  const [healthy] = seen.values()
  return [...seen].flatMap(([{ database }, outcomes]) =>
    [...outcomes].map(([to, runs]) => {
      const [now, before] = [timesOf(runs), timesOf(healthy?.get(to) ?? [])]
      const ratio = (share: number) => figure(percentile(now, share) / percentile(before, share))
      const lost = runs.reduce((sum, run) => sum + run.lost, 0)
      return {
        database,
        to,
        'p50 / p99 ms': spread(percentile(now, 0.5), percentile(now, 0.99)),
        'times healthy, p50 / p99': `${ratio(0.5)} / ${ratio(0.99)}`,
        lost: `${lost} of ${runs.reduce((sum, run) => sum + run.messages, 0)}`,
      }
    }),
  )
}

function timesOf(runs: readonly Outcome[]): readonly number[] {
  return runs.flatMap(({ times }) => times)
}

console.log(machine())
const program = findTool('postgres')
if (program === undefined) console.log('needs postgres')
else {
  pin(process.pid, 1)
  await using bench = new Bench()
  const server = await postgres(bench, program)
  const flags = ['--cluster-id=66', '--shard=0', '--websocket-support=false', '--rate-limit=0/1s']
  const node = await daemon(bench, { flags, env: { WAYPOST_STORE_MESSAGE_DB_URL: server.url } })
  const pid = node.process.pid ?? 0
  pin(pid, 0)
  const stop = async () => void (await node.stop())
  const subject: Subject = { name: 'waypost', pid, address: multiaddr(node.tcp), peerId: node.peerId, stop }
  await preparePause(server)
  const paths = {
    'a relay peer': await openPath(bench, subject, { source: byRelay, sink: relayPeer, sinks: 1 }),
    'a filter client': await openPath(bench, subject, { source: byRelay, sink: filterClient, sinks: 1 }),
  }
  for (const path of Object.values(paths)) await path.load(payloadBytes).saturate(16, warm)
  await ready(node)
  printTable(
    `1 KiB, ${perSecond}/s, through a node with its archive in PostgreSQL`,
    rowsOf(await measure(server, node, paths)),
  )
}
