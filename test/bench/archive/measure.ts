/** Measures one way to keep messages, in a process of its own: `measure.js <keeper> <messages> <folder> [url]` prints JSON. */
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { residentMiB } from '../kit/process.ts'
import { percentile } from '../kit/statistics.ts'
import { timed } from '../kit/timed.ts'
import { keeperNamed } from './keepers.ts'
import { contentTopics, denseTopic, History, pubsubTopicOf, rareTopic } from './messages.ts'
import type { Keeper, PageQuery } from './subject.ts'

/** Messages made and stored at once: making them is not measured. */
const pieceMessages = 20_000

const rounds = 300

/** A question that takes longer than this altogether is asked less often. */
const patience = 10_000

/** Share of the messages that retention deletes. */
const surplus = 0.2

/** Times in ms. */
export interface Spread {
  readonly p50: number
  readonly p99: number
}

export interface Measured {
  readonly insertsPerSecond: number
  readonly cpuPerThousand: number
  readonly bytesPerMessage: number
  readonly residentMiB: number
  /** The first page after opening. */
  readonly cold: number | null
  readonly pages: Readonly<Record<string, Spread | null>>
  readonly forget: { readonly seconds: number; readonly messages: number; readonly meanwhile: Spread } | null
  readonly bytesAfter: number
  readonly loopDelay: Spread
}

const [name = '', count = '', folder = '', url = ''] = process.argv.slice(2)
const history = new History(Number(count))
const kind = keeperNamed(name, url)

const questions: Readonly<Record<string, () => PageQuery>> = {
  'by time': () => ({ start: history.someTime() }),
  'content topic': () => ({ contentTopics: [denseTopic()], start: history.someTime() }),
  'content topic, backward': () => ({ contentTopics: [denseTopic()], end: history.someTime(), backward: true }),
  'content topic and shard': () => {
    const topic = denseTopic()
    return { contentTopics: [topic], pubsubTopic: pubsubTopicOf(topic), start: history.someTime() }
  },
  '100 content topics': () => ({ contentTopics: contentTopics.slice(0, 100), start: history.someTime() }),
  'rare content topic': () => ({ contentTopics: [rareTopic] }),
  'one shard': () => ({ pubsubTopic: pubsubTopicOf(denseTopic()), start: history.someTime() }),
  'presence, by time': () => ({ start: history.someTime(), presence: true }),
  'one hash': () => ({ hashes: [history.someHash()] }),
  '100 hashes': () => ({ hashes: Array.from({ length: 100 }, () => history.someHash()) }),
}

await mkdir(folder, { recursive: true })
let keeper = await kind.open(folder)
const inserted = await insertAll(keeper)
await keeper.close()
keeper = await kind.open(folder)
const bytesPerMessage = (await folderBytes()) / history.messages
const cold = await coldPage(keeper)
const delay = monitorEventLoopDelay({ resolution: 1 })
const pages: Record<string, Spread | null> = {}
for (const [question, ask] of Object.entries(questions)) pages[question] = await spreadOf(keeper, ask)
const resident = residentMiB(process.pid)
const forget = await forgetSome(keeper)
const bytesAfter = await folderBytes()
await keeper.close()
await rm(folder, { recursive: true, force: true })
const measured: Measured = {
  ...inserted,
  bytesPerMessage,
  residentMiB: resident,
  cold,
  pages,
  forget,
  bytesAfter,
  loopDelay: { p50: delay.percentile(50) / 1e6, p99: delay.max / 1e6 },
}
console.log(JSON.stringify(measured))

async function insertAll(keeper: Keeper): Promise<Pick<Measured, 'insertsPerSecond' | 'cpuPerThousand'>> {
  let seconds = 0
  let microseconds = 0
  for (let first = 0; first < history.messages; first += pieceMessages) {
    const piece = history.slice(first, pieceMessages)
    const [start, cpu] = [performance.now(), process.cpuUsage()]
    await keeper.insert(piece)
    seconds += (performance.now() - start) / 1000
    const { user, system } = process.cpuUsage(cpu)
    microseconds += user + system
  }
  return { insertsPerSecond: history.messages / seconds, cpuPerThousand: microseconds / 1000 / history.messages }
}

async function coldPage(keeper: Keeper): Promise<number | null> {
  const start = performance.now()
  const page = keeper.page({ start: history.someTime() })
  if (page === undefined) return null
  await page
  return performance.now() - start
}

/** Times of a question, asked one after the other. */
async function spreadOf(keeper: Keeper, ask: () => PageQuery): Promise<Spread | null> {
  const first = keeper.page(ask())
  if (first === undefined) return null
  const start = performance.now()
  await first
  const often = Math.max(5, Math.min(rounds, Math.floor(patience / Math.max(1, performance.now() - start))))
  // What is asked for is made beforehand.
  const asked = Array.from({ length: often }, ask)
  delay.enable()
  const { times } = await timed(often, 1, async (index) => keeper.page(asked[index] ?? ask()))
  delay.disable()
  return { p50: percentile(times, 0.5), p99: percentile(times, 0.99) }
}

/** Retention, while somebody reads pages. */
async function forgetSome(keeper: Keeper): Promise<Measured['forget']> {
  if (keeper.forget === undefined) return null
  const before = await keeper.held()
  const times: number[] = []
  const reading = { over: false }
  const reader = readPages(keeper, times, reading)
  const start = performance.now()
  await keeper.forget(Math.floor(history.messages * surplus))
  const seconds = (performance.now() - start) / 1000
  reading.over = true
  await reader
  const messages = before - (await keeper.held())
  return { seconds, messages, meanwhile: { p50: percentile(times, 0.5), p99: percentile(times, 0.99) } }
}

async function readPages(keeper: Keeper, times: number[], reading: { over: boolean }): Promise<void> {
  const newest = () => ({ contentTopics: [denseTopic()], backward: true })
  do {
    const query = newest()
    const start = performance.now()
    await keeper.page(query)
    times.push(performance.now() - start)
    await new Promise(setImmediate)
  } while (!reading.over || times.length < 20)
}

async function folderBytes(): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const sizes = files.map(
    async ({ parentPath, name }) => (await stat(path.join(parentPath, name)).catch(() => undefined))?.size ?? 0,
  )
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}
