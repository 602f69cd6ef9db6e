/**
 * Store over the network: messages go in by light push and by relay and come out in pages. Beside it the archive itself,
 * called in this process: what the network, libp2p and the protocol add. The archive alone has a bench of its own.
 *
 * `npm run bench:store`; with `--profile`, where the time of the node goes while it answers queries.
 */
import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { type Archive, openArchive } from '../../src/archive/archive.ts'
import { openLevel } from '../../src/archive/level/level.ts'
import type { Envelope } from '../../src/core/envelope.ts'
import type { Query } from '../../src/core/query.ts'
import { push } from '../../src/protocols/lightpush/client.ts'
import { StoreClient } from '../../src/protocols/store/client.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { host } from '../kit/host.ts'
import { asked, Bench, machine } from './kit/bench.ts'
import { openPath } from './kit/paths.ts'
import { byRelay, envelopeOf, relayPeer } from './kit/peers.ts'
import { cpuSeconds, pin } from './kit/process.ts'
import { instant, printProfile, profileFolder } from './kit/profile.ts'
import { percentile } from './kit/statistics.ts'
import { type Subject, waypost } from './kit/subject.ts'
import { figure, printTable, spread } from './kit/table.ts'
import { type Timed, timed } from './kit/timed.ts'

const payloadBytes = 1024
const messages = 4000
const contentTopics = 20
const pageMessages = 100
const pages = 400
/** Messages on their way at once, to share a sync: half of the streams that one connection may have for light push. */
const window = 16

type Row = Record<string, string>

async function row(by: string, pid: number, work: () => Promise<Timed>): Promise<Row> {
  const before = cpuSeconds(pid)
  const { count, seconds, times } = await work()
  return {
    by,
    'per second': figure(count / seconds),
    'CPU s per 1,000': figure(((cpuSeconds(pid) - before) / count) * 1000),
    'p50 / p99 ms': spread(percentile(times, 0.5), percentile(times, 0.99)),
  }
}

function contentTopicOf(index: number): string {
  return `/bench/1/topic-${index % contentTopics}/proto`
}

function fresh(index: number): Envelope {
  return envelopeOf(randomBytes(payloadBytes), contentTopicOf(index))
}

function pageOf(index: number): Query {
  return { contentTopics: [contentTopicOf(index)], direction: 'forward', limit: pageMessages, includeData: true }
}

/** A page is a page only when it is full. */
function checked({ messages }: { messages: readonly unknown[] }): void {
  if (messages.length !== pageMessages) throw new Error(`a page of ${messages.length} messages`)
}

async function archiveRows(bench: Bench): Promise<{ insert: Row; query: Row }> {
  const backend = await openLevel({ folder: path.join(bench.testdirName, 'archive') })
  const archive: Archive = await openArchive({ backend, metrics: createMetrics(), log: silentLog() })
  bench.teardown(() => archive[Symbol.asyncDispose]())
  const put = (index: number) => archive.put(fresh(index))
  const query = async (index: number) => checked(await archive.query(pageOf(index)))
  return {
    insert: await row('archive call', process.pid, () => timed(messages, window, put)),
    query: await row('archive call', process.pid, () => timed(pages, 1, query)),
  }
}

/** Every push is answered when the message is on disk. */
async function byLightPush(bench: Bench, { pid, address }: Subject): Promise<Row> {
  const { libp2p } = await host(bench)
  const { remotePeer } = await libp2p.dial(address)
  const pushed = async (index: number): Promise<void> => {
    const { bytes, pubsubTopic } = fresh(index)
    const { outcome } = await push(libp2p, remotePeer, bytes, pubsubTopic)
    if (outcome !== 'relayed') throw new Error(`a push was answered: ${outcome}`)
  }
  return row('light push, acknowledged', pid, () => timed(messages, window, pushed))
}

/** Gossip is not acknowledged: its time is until the message has reached the relay peer beyond. */
async function throughRelay(bench: Bench, subject: Subject): Promise<Row> {
  const path = await openPath(bench, subject, { source: byRelay, sink: relayPeer, sinks: 1 })
  const load = path.load(payloadBytes)
  return row('relay', subject.pid, async () => {
    const { messages: count, ...outcome } = await load.saturate(window, { messages, milliseconds: 10_000 })
    return { count, ...outcome }
  })
}

async function queryRows(bench: Bench, { pid, address }: Subject): Promise<Row[]> {
  const { libp2p } = await host(bench)
  const { remotePeer } = await libp2p.dial(address)
  const client = new StoreClient({ libp2p })
  const query = async (index: number) => checked(await client.query(remotePeer, pageOf(index)))
  return [
    await row('store query', pid, () => timed(pages, 1, query)),
    await row('store query, 8 at once', pid, () => timed(pages, 8, query)),
  ]
}

const storing = ['--store=true', '--lightpush=true', '--rate-limit=0/1s']

async function compare(bench: Bench): Promise<void> {
  const archive = await archiveRows(bench)
  const subject = await waypost(bench, { flags: storing })
  const relayed = await throughRelay(bench, subject)
  const pushed = await byLightPush(bench, subject)
  printTable(`Store: ${messages} messages of ${payloadBytes} bytes in`, [archive.insert, pushed, relayed])
  printTable(`Store: pages of ${pageMessages} by content topic out`, [
    archive.query,
    ...(await queryRows(bench, subject)),
  ])
}

async function profile(bench: Bench): Promise<void> {
  const folder = profileFolder(bench)
  const subject = await waypost(bench, { flags: storing, profileFolder: folder })
  await throughRelay(bench, subject)
  await byLightPush(bench, subject)
  await queryRows(bench, subject)
  const from = instant()
  await queryRows(bench, subject)
  await subject.stop()
  printProfile(`Store: pages of ${pageMessages} by content topic out`, folder, from)
}

console.log(machine())
pin(process.pid, 1)
await using bench = new Bench()
await (asked('profile') ? profile(bench) : compare(bench))
