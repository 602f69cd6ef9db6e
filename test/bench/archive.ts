/**
 * The archive on LevelDB beside LevelDB itself, and on PostgreSQL where Debian's is installed, in one run: `node bin/node.js dist/test/bench/archive.js [messages]`.
 *
 * Raw writes put one key per message in synced batches of a group's size; raw scans read 100 values in key order. They
 * are what binding and disk allow. Trust the ratios: the figures move with the machine and with who shares it.
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import path from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { ClassicLevel } from 'classic-level'
import { type Archive, openArchive } from '../../src/archive/archive.ts'
import type { Backend } from '../../src/archive/backend.ts'
import { defaultCommitLimits } from '../../src/archive/commit.ts'
import { openLevel } from '../../src/archive/level/level.ts'
import { openPostgres } from '../../src/archive/postgres/postgres.ts'
import { type Envelope, sealEnvelope } from '../../src/core/envelope.ts'
import type { Query } from '../../src/core/query.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { postgres } from '../kit/postgres.ts'
import { findTool } from '../kit/tools.ts'

const messages = Number(process.argv[2] ?? 100_000)
const payloadBytes = 1024
const topics = 200
const shards = 4
const rounds = 400
const pageMessages = 100
const rareTopic = '/bench/1/rare/proto'
const rareEvery = 1000

/** Few topics have most of the messages, as conversations do: the n-th has a share of about 1/n. */
const topicOf = Array.from({ length: topics }, (_, index) => `/bench/1/topic-${index}/proto`)

function envelopeOf(index: number): Envelope {
  const rank = Math.floor(topics ** Math.random()) - 1
  const contentTopic = index % rareEvery === 0 ? rareTopic : topicOf[rank]!
  const message = { payload: randomBytes(payloadBytes), contentTopic, timestamp: BigInt(index) * 1_000_000n }
  return sealEnvelope(`/waku/2/rs/1/${contentTopic.length % shards}`, message, 0)
}

interface Timing {
  readonly p50: number
  readonly p99: number
}

/** Milliseconds of `rounds` calls, one after the other. */
async function time(work: () => Promise<unknown>): Promise<Timing> {
  for (let warm = 0; warm < 20; warm++) await work()
  const taken: number[] = []
  for (let round = 0; round < rounds; round++) {
    const start = performance.now()
    await work()
    taken.push(performance.now() - start)
  }
  return percentiles(taken)
}

function percentiles(taken: number[]): Timing {
  taken.sort((a, b) => a - b)
  const at = (share: number) => taken[Math.floor(taken.length * share)] ?? 0
  return { p50: at(0.5), p99: at(0.99) }
}

async function perSecond(count: number, work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return (count / (performance.now() - start)) * 1000
}

async function folderBytes(folder: string): Promise<number> {
  const sizes = (await readdir(folder)).map(async (file) => (await stat(path.join(folder, file))).size)
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}

type Raw = ClassicLevel<Buffer, Uint8Array>

async function openRaw(folder: string): Promise<Raw> {
  const options = { writeBufferSize: 32 * 1024 * 1024, cacheSize: 64 * 1024 * 1024, maxFileSize: 16 * 1024 * 1024 }
  const database: Raw = new ClassicLevel(folder, { keyEncoding: 'buffer', valueEncoding: 'view', ...options })
  await database.open()
  return database
}

function rawKey(index: number): Buffer {
  const key = Buffer.alloc(8)
  key.writeBigUInt64BE(BigInt(index))
  return key
}

async function writeRaw(database: Raw, stored: readonly Envelope[], sync: boolean): Promise<void> {
  const group = defaultCommitLimits.groupMessages
  for (let start = 0; start < stored.length; start += group) {
    const operations = stored.slice(start, start + group).map(({ bytes }, index) => {
      return { type: 'put' as const, key: rawKey(start + index), value: bytes }
    })
    await database.batch(operations, { sync })
  }
}

async function scanRaw(database: Raw): Promise<void> {
  const gte = rawKey(Math.floor(Math.random() * (messages - pageMessages)))
  const iterator = database.iterator({ gte, highWaterMarkBytes: 4 * 1024 * 1024 })
  await iterator.nextv(pageMessages)
  await iterator.close()
}

/** Puts everything as fast as it is taken, every message acknowledged after its sync. Gives the time of each put. */
async function putAll(archive: Archive, stored: readonly Envelope[]): Promise<number[]> {
  const taken: number[] = []
  let next = 0
  const writer = async () => {
    for (let envelope = stored[next++]; envelope !== undefined; envelope = stored[next++]) {
      const start = performance.now()
      await archive.put(envelope, 'history')
      taken.push(performance.now() - start)
    }
  }
  await Promise.all(Array.from({ length: 2 * defaultCommitLimits.groupMessages }, writer))
  return taken
}

function random(): bigint {
  return BigInt(Math.floor(Math.random() * messages)) * 1_000_000n
}

function show(name: string, figures: string): void {
  console.log(`${name.padEnd(44)} ${figures}`)
}

function showTiming(name: string, { p50, p99 }: Timing, raw?: Timing): void {
  const ratio =
    raw === undefined ? '' : `  ${(p50 / raw.p50).toFixed(2)}x / ${(p99 / raw.p99).toFixed(2)}x of the raw scan`
  show(name, `p50 ${p50.toFixed(2)} ms  p99 ${p99.toFixed(2)} ms${ratio}`)
}

const folder = await mkdtemp(path.join(tmpdir(), 'waypost-bench-'))
const stored = Array.from({ length: messages }, (_, index) => envelopeOf(index))
console.log(
  `${messages} messages of ${payloadBytes} B on ${shards} shards, ${topics} content topics; Node ${process.version},`,
)
console.log(`${cpus().length} x ${cpus()[0]?.model}, ${folder}\n`)

const raw = await openRaw(path.join(folder, 'raw'))
const rawUnsynced = await perSecond(messages, () => writeRaw(raw, stored, false))
await raw.close()
await rm(path.join(folder, 'raw'), { recursive: true })
const rawSynced = await openRaw(path.join(folder, 'raw'))
const rawRate = await perSecond(messages, () => writeRaw(rawSynced, stored, true))
show('raw batches, unsynced', `${rawUnsynced.toFixed(0)} messages/s`)
show('raw batches, synced', `${rawRate.toFixed(0)} messages/s`)

async function archiveOn(backend: Backend): Promise<Archive> {
  return await openArchive({ backend, metrics: createMetrics(), log: silentLog() })
}

async function open(): Promise<Archive> {
  return await archiveOn(await openLevel({ folder: path.join(folder, 'archive') }))
}

let archive = await open()
let puts: number[] = []
const cpu = process.cpuUsage()
const rate = await perSecond(messages, async () => {
  puts = await putAll(archive, stored)
})
const { user, system } = process.cpuUsage(cpu)
show(
  'archive, grouped, every message synced',
  `${rate.toFixed(0)} messages/s  ${(rate / rawRate).toFixed(2)} of raw synced, ${(rate / rawUnsynced).toFixed(2)} of unsynced`,
)
show('  CPU', `${((user + system) / 1000 / messages).toFixed(4)} s per 1000 messages`)
showTiming('  from put to acknowledgement, saturated', percentiles(puts))
const late = Array.from({ length: 300 }, (_, index) => envelopeOf(messages + index))
let next = 0
showTiming(
  '  from put to acknowledgement, one at a time',
  await time(() => archive.put(late[next++ % 300]!, 'history')),
)

// The log becomes tables, so that what follows is measured on tables.
await archive[Symbol.asyncDispose]()
archive = await open()

const wanted: Omit<Query, 'start'> = { direction: 'forward', limit: pageMessages, includeData: true }
const page = (query: () => Partial<Query>) => time(() => archive.query({ ...wanted, ...query() }))
const delay = monitorEventLoopDelay({ resolution: 1 })
const rawScan = await time(() => scanRaw(rawSynced))
showTiming('\nraw scan of 100', rawScan)
delay.enable()
const dense = () => topicOf[Math.floor(Math.random() * 10)]!
showTiming('page of 100, one content topic', await page(() => ({ contentTopics: [dense()], start: random() })), rawScan)
showTiming(
  '  backward',
  await page(() => ({ contentTopics: [dense()], end: random(), direction: 'backward' })),
  rawScan,
)
showTiming(
  '  100 content topics',
  await page(() => ({ contentTopics: topicOf.slice(0, 100), start: random() })),
  rawScan,
)
showTiming('  rare content topic', await page(() => ({ contentTopics: [rareTopic], start: random() })), rawScan)
showTiming(
  'page of 100, one pubsub topic',
  await page(() => ({ pubsubTopic: stored[1]!.pubsubTopic, start: random() })),
  rawScan,
)
showTiming('page of 100, by time only', await page(() => ({ start: random() })), rawScan)
showTiming('  presence only', await page(() => ({ start: random(), includeData: false })), rawScan)
const anyHash = () => stored[Math.floor(Math.random() * messages)]!.hash
showTiming('one message by hash', await page(() => ({ hashes: [anyHash()] })))
showTiming('100 messages by hash', await page(() => ({ hashes: Array.from({ length: 100 }, anyHash) })), rawScan)
show(
  'event loop delay during these',
  `max ${(delay.max / 1e6).toFixed(1)} ms, p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms`,
)

const bytes = await folderBytes(path.join(folder, 'archive'))
const bare = stored.reduce((sum, { bytes, pubsubTopic }) => sum + bytes.length + pubsubTopic.length + 32, 0)
show(
  '\ndisk',
  `${(bytes / messages).toFixed(0)} B a message, ${(bytes / bare).toFixed(3)} of message + pubsub topic + hash`,
)
show('counted for retention', `${(archive.held.bytes / messages).toFixed(0)} B a message`)

const doomed = Math.floor(messages / 5)
const pruning = await perSecond(doomed, async () => {
  while ((await archive.prune({ keepMessages: messages - doomed }, 200)).messages > 0);
})
show('retention', `${pruning.toFixed(0)} messages/s deleted`)
const start = performance.now()
await archive.reclaim()
show(
  '  room given back',
  `${(performance.now() - start).toFixed(0)} ms, disk now ${((await folderBytes(path.join(folder, 'archive'))) / bytes).toFixed(2)} of before`,
)
showTiming('  page of 100, by time only, from the start', await page(() => ({})), rawScan)

await archive[Symbol.asyncDispose]()
await rawSynced.close()
await rm(folder, { recursive: true })

/** The same on a PostgreSQL of its own on this machine, whose processes take their share of it. */
async function onPostgres(program: string): Promise<void> {
  await using ends = new AsyncDisposableStack()
  const owner = { teardown: (end: () => unknown) => ends.defer(async () => void (await end())) }
  const { url } = await postgres(owner, program, { settings: ['shared_buffers = 512MB', 'max_wal_size = 4GB'] })
  archive = await archiveOn(await openPostgres({ url }))
  const rate = await perSecond(messages, () => putAll(archive, stored))
  show('\nPostgreSQL, grouped, every message synced', `${rate.toFixed(0)} messages/s`)
  showTiming('  page of 100, one content topic', await page(() => ({ contentTopics: [dense()], start: random() })))
  showTiming('    100 content topics', await page(() => ({ contentTopics: topicOf.slice(0, 100), start: random() })))
  showTiming(
    '  page of 100, one pubsub topic',
    await page(() => ({ pubsubTopic: stored[1]!.pubsubTopic, start: random() })),
  )
  showTiming('  page of 100, by time only', await page(() => ({ start: random() })))
  showTiming('  one message by hash', await page(() => ({ hashes: [anyHash()] })))
  await archive[Symbol.asyncDispose]()
}

const program = findTool('postgres')
if (program !== undefined) await onPostgres(program)
