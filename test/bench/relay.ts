/**
 * Relay, A -> B -> C: what a message costs B, how long its two hops take, and whether any is lost. B is the daemon,
 * alone on one core; A and C are hosts of our library in this process, on the other. In turns with it, in the same
 * rounds: the daemon on the stock pieces (`--stack=stock`), and a B of nothing but stock parts. Trust the ratios, the
 * figures move with the machine and with who shares it.
 *
 * To one peer; to 8 peers, the largest mesh, as a message from a ninth; and to 50, as one that a client publishes: that
 * is sent to all who follow the topic, not to the mesh alone.
 *
 * `npm run bench:relay`; `-- --quick` for the ends of the table, `-- --soak=1000000` for a B that relays so many and the
 * memory that it takes, `-- --profile --peers=8` for where its time goes.
 */
import { asked, Bench, given, machine } from './kit/bench.ts'
import type { Outcome } from './kit/load.ts'
import { interleaved, openPath, type Path, type PathOptions, rowsOf } from './kit/paths.ts'
import { byAsking, byLightPush, byRelay, relayPeer } from './kit/peers.ts'
import { cpuSeconds, pin, residentMiB } from './kit/process.ts'
import { instant, printProfile, profileFolder } from './kit/profile.ts'
import { percentile } from './kit/statistics.ts'
import { type Subject, stock, waypost, waypostOnStock } from './kit/subject.ts'
import { figure, printTable, spread } from './kit/table.ts'

const KiB = 1024
const MiB = 1024 * KiB
const rounds = 3
const roundMs = 1200
const profiledMs = 5000

/** By then V8 has compiled what is hot. */
const warm = { messages: 5000, milliseconds: 6000 }

/** Messages under way: enough that B never waits, few enough that none waits for long. */
const sizes = [
  { size: '1 KiB', payloadBytes: KiB, window: 64 },
  { size: '4 KiB', payloadBytes: 4 * KiB, window: 64 },
  { size: '10 KiB', payloadBytes: 10 * KiB, window: 32 },
  { size: '100 KiB', payloadBytes: 100 * KiB, window: 8 },
] as const
type Size = (typeof sizes)[number]

/** Messages a second: what one costs, and takes, when it is nearly alone, and when it is not. */
const paces = [100, 1000]

/** What B may have to send in a second at a pace: beyond, nothing is left of the pace. */
const pacedBytes = 24 * MiB

interface Fan {
  readonly to: number
  readonly paths: readonly (PathOptions & { readonly subject: (bench: Bench) => Promise<Subject> })[]
}

/** What the quotas of light push hold back is not what is measured. */
const pushed = { flags: ['--lightpush=true', '--rate-limit=0/1s'] }

function meshFan(to: number): Fan {
  const path = { source: byRelay, sink: relayPeer, sinks: to }
  return {
    to,
    paths: [waypost, waypostOnStock, stock].map((subject) => ({ ...path, subject: (bench) => subject(bench) })),
  }
}

const followers = { sink: relayPeer, sinks: 50 }
const fans: readonly Fan[] = [
  meshFan(1),
  meshFan(8),
  {
    to: 50,
    paths: [
      { ...followers, source: byLightPush, subject: (bench) => waypost(bench, pushed) },
      { ...followers, source: byLightPush, subject: (bench) => waypostOnStock(bench, pushed) },
      { ...followers, source: byAsking, subject: stock },
    ],
  },
]

async function open(bench: Bench, { paths }: Fan): Promise<Path[]> {
  const opened: Path[] = []
  for (const { subject, ...path } of paths) opened.push(await openPath(bench, await subject(bench), path))
  for (const path of opened) await path.load(KiB).saturate(windowOf(64, path), warm)
  return opened
}

/** With many copies of each, fewer messages keep B busy. */
function windowOf(window: number, { copies }: Path): number {
  return Math.max(4, Math.ceil(window / Math.sqrt(copies)))
}

async function compare(fan: Fan, chosen: readonly Size[]): Promise<void> {
  await using bench = new Bench()
  const paths = await open(bench, fan)
  const rows: Record<string, string>[] = []
  for (const { size, payloadBytes, window } of chosen) {
    for (const pace of paces.filter((pace) => pace * payloadBytes * fan.to <= pacedBytes)) {
      const run = (path: Path) => path.load(payloadBytes).pace(pace, roundMs)
      rows.push(...rowsOf(`${size}, ${pace}/s`, await interleaved(paths, rounds, run)))
    }
    const run = (path: Path) => path.load(payloadBytes).saturate(windowOf(window, path), { milliseconds: roundMs })
    rows.push(...rowsOf(`${size}, saturated`, await interleaved(paths, rounds, run)))
  }
  printTable(`Relay to ${fan.to === 1 ? 'one peer' : `${fan.to} peers`}`, rows)
}

/** One B for long: whether its memory grows, and how many it takes in a second when it does nothing else. */
async function soak(messages: number): Promise<void> {
  await using bench = new Bench()
  const subject = await waypost(bench)
  const path = await openPath(bench, subject, { source: byRelay, sink: relayPeer, sinks: 1 })
  await path.load(KiB).saturate(64, warm)
  const parts = 10
  const rows: Record<string, string>[] = []
  for (let part = 1; part <= parts; part += 1) {
    const before = cpuSeconds(subject.pid)
    const extent = { messages: Math.ceil(messages / parts), milliseconds: Number.POSITIVE_INFINITY }
    const outcome = await path.load(KiB).saturate(64, extent)
    rows.push(soakRow((part * messages) / parts, outcome, cpuSeconds(subject.pid) - before, residentMiB(subject.pid)))
  }
  printTable('Relay to one peer, 1 KiB, for long', rows)
}

function soakRow(after: number, { messages, seconds, times, lost }: Outcome, cpu: number, mebibytes: number) {
  return {
    'messages so far': String(after),
    'messages/s': figure(messages / seconds),
    'B: CPU s per 1,000': figure((cpu / messages) * 1000),
    'messages per CPU s of B': figure(messages / cpu),
    'p50 / p99 ms': spread(percentile(times, 0.5), percentile(times, 0.99)),
    lost: String(lost),
    'MiB resident': mebibytes.toFixed(0),
  }
}

/** A daemon of its own for each size, so that each has a profile of its own. */
async function profile(bench: Bench, peers: number): Promise<void> {
  for (const { size, payloadBytes, window } of sizes) {
    const folder = profileFolder(bench)
    const subject = await waypost(bench, { profileFolder: folder })
    const path = await openPath(bench, subject, { source: byRelay, sink: relayPeer, sinks: peers })
    await path.load(payloadBytes).saturate(windowOf(window, path), warm)
    const from = instant()
    await path.load(payloadBytes).saturate(windowOf(window, path), { milliseconds: profiledMs })
    await subject.stop()
    printProfile(`B to ${peers}, ${size}`, folder, from)
  }
}

console.log(machine())
pin(process.pid, 1)
const soaked = given('soak')
if (soaked !== undefined) await soak(Number(soaked))
else if (asked('profile')) {
  await using bench = new Bench()
  await profile(bench, Number(given('peers') ?? 1))
} else {
  const ends = sizes.filter(({ size }) => size === '1 KiB' || size === '100 KiB')
  for (const fan of fans) await compare(fan, asked('quick') ? ends : sizes)
}
