/**
 * Ways to keep messages, side by side in one run: the archive on LevelDB in partitions and in one database, LevelDB itself,
 * SQLite as nwaku has it and as it could be; on PostgreSQL too where Debian's is installed. In the end, our targets.
 *
 * `npm run bench:archive -- --messages=1000000`, `--only=waypost,sqlite-best`, `--folder=<where>`. Each step of each subject
 * has a process of its own (archive/course.ts); LevelDB itself is always there, since others are measured by it.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type PostgresServer, postgres } from '../kit/postgres.ts'
import { findTool } from '../kit/tools.ts'
import { hold, type Measured, type Place, wholeCourse } from './archive/course.ts'
import { furtherMessages, orderedMessages } from './archive/extent.ts'
import { type HistoryFile, writeHistory } from './archive/history.ts'
import { experiments, keeperNamed, keepers } from './archive/keepers.ts'
import { printTables } from './archive/tables.ts'
import { printTargets } from './archive/targets.ts'
import { spent, type Task } from './archive/task.ts'
import { Bench, given, machine } from './kit/bench.ts'

const messages = Number(given('messages') ?? 200_000)
const only = given('only')?.split(',')
for (const name of only ?? []) keeperNamed(name, '')
await using bench = new Bench()
const folder = mkdtempSync(path.join(given('folder') ?? tmpdir(), 'waypost-bench-'))
bench.teardown(() => rmSync(folder, { recursive: true, force: true }))
const server = await database()

console.log(`${machine()}\n${messages} messages of 1 KiB, 200 content topics, 4 shards, one topic with 100 messages`)
const { present, past } = histories()
const results = new Map<string, Measured>()
for (const name of Object.keys({ ...keepers, ...experiments }).filter(isWanted)) {
  spent.clear()
  results.set(name, await (name === 'raw' ? hold : wholeCourse)(taskOf(name), placeOf(name)))
  console.log(`${name}: ${Array.from(spent, ([step, seconds]) => `${step} ${Math.round(seconds)} s`).join(', ')}`)
}
printTables(results)
printTargets(results, messages)

function isWanted(name: string): boolean {
  if (name === 'raw') return true
  return (only?.includes(name) ?? name in keepers) && (name !== 'postgres' || server !== undefined)
}

/** A PostgreSQL of its own on this machine, whose processes take their share of it. */
async function database(): Promise<PostgresServer | undefined> {
  const program = findTool('postgres')
  if (program === undefined || (only !== undefined && !only.includes('postgres'))) return undefined
  return await postgres(bench, program, { settings: ['shared_buffers = 512MB', 'max_wal_size = 4GB'] })
}

/** What is stored, with what comes later; and what is a month older. */
function histories(): { present: HistoryFile; past: HistoryFile } {
  const present = { file: path.join(folder, 'present'), stretch: { messages, daysAgo: 0 } }
  const past = { file: path.join(folder, 'past'), stretch: { messages: orderedMessages(messages), daysAgo: 30 } }
  writeHistory(
    present,
    Object.values(furtherMessages(messages)).reduce((sum, part) => sum + part, 0),
  )
  writeHistory(past)
  return { present, past }
}

function taskOf(keeper: string): Task {
  const [own, rawFolder] = [path.join(folder, keeper), path.join(folder, 'raw')]
  return { keeper, folder: own, rawFolder, present, past, url: server?.url ?? '' }
}

function placeOf(name: string): Place {
  if (name !== 'postgres' || server === undefined) return { folder: path.join(folder, name), closed: (work) => work() }
  return {
    folder: path.join(server.place.data, 'base'),
    async closed(work) {
      await server.stop()
      await work()
      await server.start()
    },
  }
}
