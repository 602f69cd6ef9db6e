import t from 'tap'
import { storedBytes } from '../../src/archive/backend.ts'
import { openMemory } from '../../src/archive/memory.ts'
import { isOverdue, pruneLimits, type RetentionPolicy, runInterval } from '../../src/archive/retention.ts'
import { type Schedule, toNanoseconds } from '../../src/core/time.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { archiveOn, ask, envelopeAt, hashes, store } from './kit.ts'

const minute = 60_000
const day = 24 * 60 * minute

t.test('a policy is what to delete at a time', async (t) => {
  t.same(pruneLimits({ maxAge: 1000, maxMessages: 5, maxBytes: 7 }, 3000), {
    before: toNanoseconds(2000),
    keepMessages: 5,
    keepBytes: 7,
  })
  t.same(pruneLimits({}, 3000), { before: undefined, keepMessages: undefined, keepBytes: undefined })
})

t.test('an archive is overdue before it is a tenth above its limit, and never at it', async (t) => {
  const policy = { maxMessages: 1000, maxBytes: 1_000_000 }
  t.notOk(isOverdue(policy, { messages: 1000, bytes: 1_000_000 }))
  t.ok(isOverdue(policy, { messages: 1099, bytes: 0 }))
  t.ok(isOverdue(policy, { messages: 0, bytes: 1_099_000 }))
  t.notOk(isOverdue({ maxAge: 1 }, { messages: 1e9, bytes: 1e15 }))
})

t.test('runs come often enough that no message is kept for a tenth longer than asked', async (t) => {
  for (const maxAge of [minute, 60 * minute, 2 * day, 30 * day]) t.ok(runInterval({ maxAge }) < maxAge / 10)
  t.equal(runInterval({ maxAge: 30 * day }), 10 * minute)
  t.equal(runInterval({ maxMessages: 5 }), 10 * minute)
})

/** An archive of `count` messages a minute apart, the last of them now, and the hand of its clock. */
async function aged(t: Parameters<typeof archiveOn>[0], retention: RetentionPolicy, count: number) {
  const time = { now: 1_700_000_000_000 }
  const runs: { run: () => void; delay: number }[] = []
  const waiting: (() => void)[] = []
  const schedule: Schedule = (run, delay) => {
    runs.push({ run, delay })
    waiting.shift()?.()
    return () => {}
  }
  /** Resolves when the run under way has ended. */
  const ran = () => new Promise<void>((resolve) => waiting.push(resolve))
  const backend = openMemory()
  const stored = Array.from({ length: count }, (_, index) => {
    return envelopeAt(toNanoseconds(time.now - (count - 1 - index) * minute))
  })
  await backend.put(stored)
  const metrics = createMetrics()
  const first = ran()
  const archive = await archiveOn(t, backend, { retention, clock: () => time.now, schedule, metrics })
  await first
  return { archive, stored, time, runs, ran, metrics }
}

t.test('messages beyond their age are deleted at the start and later, and no younger one', async (t) => {
  const { archive, stored, time, runs, ran } = await aged(t, { maxAge: 60 * minute }, 100)
  t.same(hashes((await ask(archive)).messages), hashes(stored.slice(39)))
  time.now += 10 * minute
  const again = ran()
  runs.at(-1)!.run()
  await again
  t.same(hashes((await ask(archive)).messages), hashes(stored.slice(49)))
})

t.test('messages beyond a count are deleted, down to the count', async (t) => {
  const { archive, stored, metrics } = await aged(t, { maxMessages: 30 }, 500)
  t.same(hashes((await ask(archive)).messages), hashes(stored.slice(470)))
  t.match(await metrics.registry.metrics(), 'waypost_archive_pruned_messages_total 470')
})

t.test('messages beyond a size are deleted, and no more than that', async (t) => {
  const maxBytes = 20 * storedBytes(envelopeAt(toNanoseconds(Date.now())).bytes.length)
  const { archive } = await aged(t, { maxBytes }, 100)
  t.ok(archive.held.bytes >= maxBytes)
  t.ok(archive.held.bytes < maxBytes * 1.1)
})

t.test('of several limits the one that deletes more counts', async (t) => {
  const { archive } = await aged(t, { maxAge: 60 * minute, maxMessages: 10 }, 100)
  t.equal(archive.held.messages, 10)
  const { archive: other } = await aged(t, { maxAge: 5 * minute, maxMessages: 10 }, 100)
  t.equal(other.held.messages, 6)
})

t.test('an archive that outgrows its limit is pruned at once', async (t) => {
  const { archive, time, ran } = await aged(t, { maxMessages: 100 }, 100)
  const pruned = ran()
  await store(
    archive,
    Array.from({ length: 20 }, () => envelopeAt(toNanoseconds(time.now))),
  )
  await pruned
  t.equal(archive.held.messages, 100)
})

t.test('without a limit everything is kept', async (t) => {
  const { archive } = await aged(t, {}, 50)
  t.equal(archive.held.messages, 50)
})

t.test('a run that fails is counted, and tried again after a minute', async (t) => {
  const runs: number[] = []
  const done = Promise.withResolvers<void>()
  const backend = openMemory()
  backend.prune = async () => {
    throw new Error('EIO')
  }
  const metrics = createMetrics()
  await archiveOn(t, backend, {
    retention: { maxMessages: 1 },
    metrics,
    schedule: (_, delay) => {
      runs.push(delay)
      if (runs.length === 2) done.resolve()
      return () => {}
    },
  })
  await done.promise
  t.ok(runs.includes(minute))
  t.match(await metrics.registry.metrics(), 'waku_archive_errors_total{type="retpolicy_failure"} 1')
})
