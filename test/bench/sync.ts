/**
 * Reconciliation of two stores: what goes over the wire, and what it costs, for few and for many differences.
 *
 * `npm run bench:sync`, or with `-- --messages=100000` for another size of the sets.
 */
import { randomBytes } from 'node:crypto'
import { hashBytes } from '../../src/core/hash.ts'
import { SyncSession } from '../../src/protocols/store-sync/session.ts'
import { SyncIndex } from '../../src/protocols/store-sync/sync-index.ts'
import { machine } from './kit/bench.ts'
import { figure, printTable } from './kit/table.ts'

const topic = '/waku/2/rs/0/0'
const scope = { pubsubTopics: [topic], contentTopics: [] }

/** Nanoseconds between two messages: an hour holds 3.6 million of them. */
const step = 1_000_000n

interface Stored {
  readonly time: bigint
  readonly hash: string
}

function add(index: SyncIndex, { time, hash }: Stored): void {
  // All that an index reads of an envelope.
  index.add({ pubsubTopic: topic, hash, message: { timestamp: time, contentTopic: '/a/1/b/proto' } } as never)
}

/** Two stores take turns until one is done. The first lacks what the second has. */
async function reconcile(lacking: SyncIndex, full: SyncIndex, end: bigint) {
  const [one, other] = [new SyncSession(lacking, scope), new SyncSession(full, scope)]
  const started = process.cpuUsage()
  let frame = one.open(0n, end)
  let bytes = frame.length
  let turns = 1
  for (let [speaks, hears] = [other, one]; ; [speaks, hears] = [hears, speaks]) {
    const reply = await speaks.speak(frame)
    if (reply === undefined) break
    frame = reply.body
    bytes += frame.length
    turns += 1
    if (reply.last) break
  }
  return { found: other.toSend.length, bytes, turns, cpu: process.cpuUsage(started).user / 1000 }
}

const [, asked = '1000000'] =
  process.argv.map((word) => /^--messages=(\d+)$/.exec(word)).find((found) => found !== null) ?? []
const count = Number(asked)
console.log(machine())

const all: Stored[] = Array.from({ length: count }, (_, index) => ({
  time: BigInt(index) * step,
  hash: randomBytes(hashBytes).toString('hex'),
}))
const full = new SyncIndex()
const before = process.memoryUsage().arrayBuffers
const filling = performance.now()
for (const one of all) add(full, one)
const filled = performance.now() - filling
const held = process.memoryUsage().arrayBuffers - before

const rows: Record<string, string>[] = []
for (const differences of [0, 10, 1000, 100_000].filter((differences) => differences < count)) {
  const missing = new Set<number>()
  while (missing.size < differences) missing.add(Math.floor(Math.random() * count))
  const lacking = new SyncIndex()
  for (const [place, one] of all.entries()) if (!missing.has(place)) add(lacking, one)
  const { found, bytes, turns, cpu } = await reconcile(lacking, full, BigInt(count) * step)
  if (found !== differences) throw new Error(`found ${found} of ${differences} differences`)
  rows.push({
    differences: String(differences),
    turns: String(turns),
    bytes: String(bytes),
    'per difference': figure(bytes / differences),
    'hashes of the differences / bytes': figure((differences * hashBytes) / bytes),
    'bytes / hashes of the set': figure(bytes / (count * hashBytes)),
    'CPU ms of both': figure(cpu),
  })
}
printTable(`two stores of ${count} messages, one lacks some of them`, rows)
console.log(`\nindex: ${figure(count / filled)} thousand messages a second added, ${figure(held / count)} bytes each`)
