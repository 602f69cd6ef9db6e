/**
 * Ways to keep messages, side by side in one run: the archive on LevelDB in partitions and in one database, LevelDB itself,
 * SQLite as nwaku has it and as it could be; on PostgreSQL too where Debian's is installed.
 *
 * `npm run bench:archive -- --messages=1000000`, `--only=waypost,raw`, `--folder=<where>`. Each has a process of its own.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { postgres } from '../kit/postgres.ts'
import { findTool } from '../kit/tools.ts'
import { keeperNamed, keepers } from './archive/keepers.ts'
import type { Measured, Spread } from './archive/measure.ts'
import { Bench, machine } from './kit/bench.ts'
import { figure, printTable, spread } from './kit/table.ts'

/** Bytes of payload, pubsub topic, content topic and hash of a message. */
const bareBytes = 1024 + 14 + 22 + 32

const messages = Number(option('messages') ?? 200_000)
const only = option('only')?.split(',')
await using bench = new Bench()
const url = await database()
const folder = mkdtempSync(path.join(option('folder') ?? tmpdir(), 'waypost-bench-'))

const names = (only ?? Object.keys(keepers)).filter((name) => name !== 'postgres' || url !== '')
const results = new Map<string, Measured>()
console.log(`${machine()}\n${messages} messages of 1 KiB, 200 content topics, 4 shards, one topic with 100 messages`)
try {
  for (const name of names) results.set(name, await measure(name))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
const raw = results.get('raw')

printTable('Storing, and what it takes', Array.from(results, storing))
printTable('Pages of 100, p50 / p99 ms', Array.from(results, asking))
printTable('Deleting the oldest fifth while pages are read', Array.from(results, forgetting))

/** The value of `--<name>=`; the last counts. */
function option(name: string): string | undefined {
  return process.argv.findLast((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3)
}

/** A PostgreSQL of its own on this machine, whose processes take their share of it. */
async function database(): Promise<string> {
  const program = findTool('postgres')
  const isWanted = only === undefined || only.includes('postgres')
  if (program === undefined || !isWanted) return ''
  const settings = ['shared_buffers = 512MB', 'max_wal_size = 4GB']
  return (await postgres(bench, program, { settings })).url
}

async function measure(name: string): Promise<Measured> {
  const script = path.join(import.meta.dirname, 'archive/measure.js')
  const args = [...process.execArgv, script, name, String(messages), path.join(folder, name), url]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const printed = await text(child.stdout)
  console.log(`measured ${name}`)
  return JSON.parse(printed)
}

function storing([name, result]: [string, Measured]): Record<string, string> {
  const { insertsPerSecond, cpuPerThousand, bytesPerMessage, residentMiB, loopDelay } = result
  return {
    by: keeperNamed(name, url).name,
    'messages/s': figure(insertsPerSecond),
    'of raw': raw === undefined ? '-' : figure(insertsPerSecond / raw.insertsPerSecond),
    'CPU s per 1,000': figure(cpuPerThousand),
    'bytes a message': bytesPerMessage > 0 ? figure(bytesPerMessage) : '-',
    'of bare': bytesPerMessage > 0 ? figure(bytesPerMessage / bareBytes) : '-',
    'resident MiB': figure(residentMiB),
    'loop held, ms': figure(loopDelay.p99),
  }
}

function asking([name, { cold, pages }]: [string, Measured]): Record<string, string> {
  const shown = Object.entries(pages).map(([question, times]) => [question, show(times)])
  return {
    by: keeperNamed(name, url).name,
    'first, cold': cold === null ? '-' : figure(cold),
    ...Object.fromEntries(shown),
  }
}

function forgetting([name, { forget, bytesAfter }]: [string, Measured]): Record<string, string> {
  return {
    by: keeperNamed(name, url).name,
    seconds: forget === null ? '-' : figure(forget.seconds),
    messages: forget === null ? '-' : String(forget.messages),
    'ms per 1,000': forget === null ? '-' : figure((forget.seconds * 1e6) / Math.max(1, forget.messages)),
    'pages meanwhile, p50 / p99 ms': forget === null ? '-' : show(forget.meanwhile),
    'MiB afterwards': figure(bytesAfter / 1024 / 1024),
  }
}

function show(times: Spread | null): string {
  return times === null ? '-' : spread(times.p50, times.p99)
}
