/** Large partitions are checked before and after they are opened, such that no damage ends a process twice. */
import { existsSync } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { Inspection } from '../../../src/archive/level/inspection.ts'
import { openLevel } from '../../../src/archive/level/level.ts'
import { createLog, silentLog } from '../../../src/telemetry/log.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { archiveOn, ask, envelopes, pages, pruneAll, store } from '../kit.ts'
import { edit, filledPartition, firstTable, flip, largeMessages, onePartition, smallPartitions } from './kit.ts'

const clock = () => 7

/** To this, every partition is large. */
function inspectionOf(folder: string): Inspection {
  return new Inspection({ folder, clock, log: silentLog(), maxAtOnce: 0 })
}

function isMarked(partition: string): boolean {
  return existsSync(path.join(partition, 'unchecked'))
}

/** Inspects a partition before it is opened, and gives how it ended afterwards. */
async function inspected(inspection: Inspection, folder: string): Promise<{ damage: Promise<unknown> }> {
  const { promise: damage, resolve: ended } = Promise.withResolvers<unknown>()
  await inspection.inspect({ folder, wasClosed: true, ended })
  return { damage }
}

t.test('a mark stands in a partition as long as its data is not checked', async (t) => {
  const { folder, partition } = await filledPartition(t)
  await using inspection = inspectionOf(folder)
  const { damage } = await inspected(inspection, partition)
  t.ok(isMarked(partition))
  t.equal(await damage, undefined)
  t.notOk(isMarked(partition))
  t.equal(inspection.trouble, undefined)
})

t.test('what LevelDB reads at once is checked before', async (t) => {
  const { folder, partition, table } = await filledPartition(t)
  // In front of the footer stands the index.
  await flip(table, -48 - 20)
  await using inspection = inspectionOf(folder)
  await t.rejects(inspected(inspection, partition), { code: 'archive/damaged' })
})

t.test('damaged data is found afterwards, and before when a process ended meanwhile', async (t) => {
  const { folder, partition, table } = await filledPartition(t)
  await flip(table, 40)
  await using inspection = inspectionOf(folder)
  const { damage } = await inspected(inspection, partition)
  t.match(await damage, { code: 'archive/damaged' })
  t.match(inspection.trouble, { why: /does not match its checksums/, since: 7 })
  t.ok(isMarked(partition))
  await using again = inspectionOf(folder)
  await t.rejects(inspected(again, partition), { code: 'archive/damaged' })
})

t.test('a process that ended before the check did is followed by one that checks all at once', async (t) => {
  const { folder, partition } = await filledPartition(t)
  await writeFile(path.join(partition, 'unchecked'), '')
  await using inspection = inspectionOf(folder)
  await inspection.inspect({ folder: partition, wasClosed: true, ended: () => t.fail('nothing is left to check') })
  t.notOk(isMarked(partition))
})

t.test('an archive that is closed before the check ends is left without a mark', async (t) => {
  const { folder, partition } = await filledPartition(t)
  const inspection = inspectionOf(folder)
  await inspected(inspection, partition)
  await inspection[Symbol.asyncDispose]()
  t.notOk(isMarked(partition))
})

t.test('a partition that is large and damaged is closed to queries, and the archive tells why', async (t) => {
  const { folder, table } = await filledPartition(t, largeMessages())
  await flip(table, 40)
  const metrics = createMetrics()
  const told = Promise.withResolvers<string>()
  const log = createLog({ level: 'error', format: 'json', destination: { write: told.resolve } })
  const archive = await archiveOn(t, await openLevel({ folder, limits: onePartition, log }), { metrics })
  t.equal(archive.status().state, 'ready', 'it is too large to be checked before it is opened')
  t.match(JSON.parse(await told.promise), { msg: 'partition damaged', why: /waypost store repair/ })
  await t.rejects(ask(archive), { code: 'archive/unavailable', message: /does not match its checksums/ })
  t.match(archive.status(), { state: 'degraded', why: /does not match its checksums/ })
  t.match(await metrics.registry.metrics(), 'waypost_archive_degraded 0')
  archive.showDegraded()
  t.match(await metrics.registry.metrics(), 'waypost_archive_degraded 1')
})

t.test('a deleted partition whose index is damaged is forgotten', async (t) => {
  const folder = path.join(t.testdir(), 'archive')
  const stored = envelopes(40)
  const archive = await archiveOn(t, await openLevel({ folder, limits: smallPartitions }))
  for (const envelope of stored) await store(archive, [envelope])
  await pruneAll(archive, { before: 20n })
  await archive[Symbol.asyncDispose]()
  const [grave = ''] = await readdir(path.join(folder, 'dropped'))
  const index = path.join(folder, 'dropped', grave, 'index')
  await edit(index, (database) => database.compactRange(Buffer.alloc(1), Buffer.alloc(1, 0xff)))
  const again = await archiveOn(t, await openLevel({ folder, limits: smallPartitions }))
  t.ok((await ask(again, { cursor: stored[0]!.hash })).messages.length > 0)
  await again[Symbol.asyncDispose]()
  await flip(await firstTable(index), -48 - 20)
  const damaged = await archiveOn(t, await openLevel({ folder, limits: smallPartitions }))
  await t.rejects(ask(damaged, { cursor: stored[0]!.hash }), { code: 'archive/unknown-cursor' })
  t.equal((await pages(damaged)).flatMap(({ messages }) => messages).length, damaged.held.messages)
  t.notOk(existsSync(index))
})
