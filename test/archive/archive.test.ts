import t from 'tap'
import type { Backend } from '../../src/archive/backend.ts'
import { openMemory } from '../../src/archive/memory.ts'
import { isWaypostError } from '../../src/core/errors.ts'
import { type Schedule, toNanoseconds } from '../../src/core/time.ts'
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.ts'
import { archiveOn, ask, envelopeAt, hashes, pubsubTopic } from './kit.ts'

const now = 1_700_000_000_000
const clock = () => now
const fresh = () => envelopeAt(toNanoseconds(now))

/** A backend that fails when it is told to. */
function fragile(): Backend & { failing: Error | undefined } {
  const backend = openMemory()
  const check = () => {
    if (fragileBackend.failing !== undefined) throw fragileBackend.failing
  }
  const fragileBackend: Backend & { failing: Error | undefined } = {
    failing: undefined,
    put: async (envelopes) => {
      check()
      return await backend.put(envelopes)
    },
    prune: async (limits, most) => {
      check()
      return await backend.prune(limits, most)
    },
    recover: async () => check(),
    locate: (hash) => backend.locate(hash),
    scan: (selection, bounds) => backend.scan(selection, bounds),
    reclaim: () => backend.reclaim(),
    stat: () => backend.stat(),
    close: () => backend.close(),
  }
  return fragileBackend
}

/** A schedule whose time comes when the test says so. */
function manual() {
  const due: { run: () => void; delay: number }[] = []
  const schedule: Schedule = (run, delay) => {
    const entry = { run, delay }
    due.push(entry)
    return () => {
      const index = due.indexOf(entry)
      if (index >= 0) due.splice(index, 1)
    }
  }
  return { schedule, due, fire: () => due.shift()?.run() }
}

async function counted(metrics: Metrics, name: 'waku_archive_errors_total', type: string): Promise<number | undefined> {
  const { values } = await metrics[name].get()
  return values.find(({ labels }) => labels.type === type)?.value
}

t.test('live messages are kept when their timestamp is within 20 seconds of now', async (t) => {
  const metrics = createMetrics()
  const archive = await archiveOn(t, openMemory(), { clock, metrics })
  const at = (offset: number) => archive.put(envelopeAt(toNanoseconds(now + offset)))
  t.equal(await at(0), 'stored')
  t.equal(await at(-20_000), 'stored')
  t.equal(await at(20_000), 'stored')
  t.equal(await at(-20_001), 'too-old')
  t.equal(await at(20_001), 'in-the-future')
  t.equal(await archive.put(envelopeAt(undefined)), 'no-timestamp')
  t.equal(await archive.put(envelopeAt(0n)), 'too-old')
  t.equal(await archive.put(envelopeAt(2n ** 63n - 1n)), 'in-the-future')
  t.equal(archive.held.messages, 3)
  t.equal(await counted(metrics, 'waku_archive_errors_total', 'invalid_message_too_old'), 3)
  t.equal(await counted(metrics, 'waku_archive_errors_total', 'invalid_message_future_timestamp'), 2)
})

t.test('messages of another archive are kept whatever their age', async (t) => {
  const archive = await archiveOn(t, openMemory(), { clock })
  t.equal(await archive.put(envelopeAt(1n), 'history'), 'stored')
  t.equal(await archive.put(envelopeAt(undefined), 'history'), 'no-timestamp')
  t.equal(await archive.put(envelopeAt(1n, { ephemeral: true }), 'history'), 'ephemeral')
})

t.test('an ephemeral message is never kept', async (t) => {
  const archive = await archiveOn(t, openMemory(), { clock })
  t.equal(await archive.put(envelopeAt(toNanoseconds(now), { ephemeral: true })), 'ephemeral')
  t.equal(archive.held.messages, 0)
})

t.test('what was offered is there after a while, and what cannot be stored is counted', async (t) => {
  const metrics = createMetrics()
  const commit = { gather: 1, groupMessages: 10, groupBytes: 1e6, pendingMessages: 2, pendingBytes: 1e6 }
  const archive = await archiveOn(t, openMemory(), { clock, metrics, commit })
  const [a, b, c] = [fresh(), fresh(), fresh()]
  archive.offer(a)
  archive.offer(b)
  archive.offer(c)
  await t.rejects(archive.put(fresh()), { code: 'archive/full' })
  await archive.put(a)
  t.equal(archive.held.messages, 2)
  const { values } = await metrics.waypost_archive_dropped_messages_total.get()
  t.match(values, [{ value: 1, labels: { reason: 'queue_full' } }])
})

t.test('the figures of a scrape follow what is stored', async (t) => {
  const metrics = createMetrics()
  const archive = await archiveOn(t, openMemory(), { clock, metrics })
  await Promise.all([archive.put(fresh()), archive.put(fresh())])
  const scrape = await metrics.registry.metrics()
  t.match(scrape, 'waku_archive_messages{type="stored"} 2')
  t.match(scrape, 'waku_archive_messages_per_shard{shard="0"} 2')
  t.match(scrape, 'waku_archive_insert_duration_seconds_count 1')
  t.match(scrape, 'waypost_archive_commit_messages_sum 2')
  await ask(archive)
  t.match(await metrics.registry.metrics(), 'waku_archive_query_duration_seconds_count 1')
})

t.test('an archive whose disk fails says so, answers, and comes back by itself', async (t) => {
  const backend = fragile()
  const metrics = createMetrics()
  const { schedule, due, fire } = manual()
  const archive = await archiveOn(t, backend, { clock, metrics, schedule })
  const before = fresh()
  await archive.put(before)
  backend.failing = new Error('ENOSPC: no space left on device')
  const failed = await archive.put(fresh()).catch((error: unknown) => error)
  t.ok(isWaypostError(failed, 'archive/unavailable'))
  t.match(archive.status(), { state: 'degraded', why: 'ENOSPC: no space left on device', since: now, messages: 1 })
  await t.rejects(archive.put(fresh()), { code: 'archive/unavailable' }, 'refused at once')
  archive.offer(fresh())
  t.same(hashes((await ask(archive)).messages), [before.hash], 'it can still be read')
  t.match(await metrics.registry.metrics(), 'waypost_archive_degraded 1')

  const delays: (number | undefined)[] = []
  for (let attempt = 0; attempt < 7; attempt++) {
    delays.push(due[0]?.delay)
    fire()
    await new Promise(setImmediate)
  }
  t.same(delays, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000], 'it tries again, ever more slowly')
  backend.failing = undefined
  fire()
  await new Promise(setImmediate)
  t.match(archive.status(), { state: 'ready', messages: 1 })
  t.equal(due.length, 0)
  t.equal(await archive.put(fresh()), 'stored')
  t.match(await metrics.registry.metrics(), 'waypost_archive_degraded 0')
})

t.test('all messages of a group that fails are refused', async (t) => {
  const backend = fragile()
  const metrics = createMetrics()
  const archive = await archiveOn(t, backend, { clock, metrics, schedule: manual().schedule })
  backend.failing = new Error('EIO')
  const outcomes = await Promise.allSettled([fresh(), fresh(), fresh()].map((envelope) => archive.put(envelope)))
  t.same(
    outcomes.map(({ status }) => status),
    ['rejected', 'rejected', 'rejected'],
  )
  t.equal(await counted(metrics, 'waku_archive_errors_total', 'insert_failure'), 3)
})

t.test('a query that the backend cannot answer is refused as unavailable', async (t) => {
  const backend = fragile()
  backend.scan = async () => {
    throw new Error('EIO')
  }
  const archive = await archiveOn(t, backend)
  await t.rejects(ask(archive), { code: 'archive/unavailable', data: { why: 'EIO' } })
})

t.test('closing writes what waits, and then nothing is taken any more', async (t) => {
  const backend = openMemory()
  const archive = await archiveOn(t, backend, { clock })
  const stored = archive.put(fresh())
  await archive[Symbol.asyncDispose]()
  t.equal(await stored, 'stored')
  t.equal((await backend.stat()).messages, 1)
  t.equal(archive.status().state, 'closed')
  await t.rejects(archive.put(fresh()), { code: 'archive/unavailable' })
  await t.rejects(ask(archive, { pubsubTopic }), { code: 'archive/unavailable' })
  await archive[Symbol.asyncDispose]()
})
