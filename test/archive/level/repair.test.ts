import { cp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t, { type Test } from 'tap'
import { numberKey } from '../../../src/archive/level/layout.ts'
import { openLevel } from '../../../src/archive/level/level.ts'
import { repair } from '../../../src/archive/level/repair.ts'
import { archiveOn, ask, envelopes, hashes, store } from '../kit.ts'
import { edit, firstPartition, smallPartitions } from './kit.ts'

const stored = envelopes(30)
const clock = () => 7

/** Of the row of the catalog that says in which schema it is. */
const schemaKey = Buffer.of(0)

/** An archive of three partitions, closed. */
async function filled(t: Test): Promise<string> {
  const folder = path.join(t.testdir(), 'archive')
  const archive = await archiveOn(t, await openLevel({ folder, limits: smallPartitions }))
  for (const envelope of stored) await store(archive, [envelope])
  await archive[Symbol.asyncDispose]()
  return folder
}

async function served(t: Test, folder: string) {
  const archive = await archiveOn(t, await openLevel({ folder, limits: smallPartitions }))
  const found = hashes((await ask(archive)).messages)
  const { losses } = archive.status()
  await archive[Symbol.asyncDispose]()
  return { found, losses }
}

async function contents(folder: string): Promise<Map<string, string>> {
  const names = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
  const files = names
    .filter(({ name }) => !/^LO(G|CK)/.test(name))
    .map(({ parentPath, name }) => path.join(parentPath, name))
  return new Map(
    await Promise.all(
      files.sort().map(async (file) => [path.relative(folder, file), (await readFile(file)).toString('hex')] as const),
    ),
  )
}

t.test('an archive that is in order is not touched', async (t) => {
  const folder = await filled(t)
  const before = await contents(folder)
  t.match(await repair(folder, { clock }), {
    changed: false,
    messages: 30,
    partitions: [],
    losses: [],
    marksLost: false,
  })
  t.same(await contents(folder), before)
  t.same(await readdir(path.dirname(folder)), ['archive'])
})

t.test('records that are not what was stored are taken out, told, and kept beside the archive', async (t) => {
  const folder = await filled(t)
  await edit(firstPartition(folder).records, async (records) => {
    const record = (await records.get(numberKey(5)))!
    record[30]! ^= 1
    await records.put(numberKey(5), record)
    await records.del(numberKey(7))
  })
  const before = await contents(folder)
  const report = await repair(folder, { clock })
  t.match(report, { changed: true, messages: 28, kept: `${folder}.broken-7`, marksLost: false })
  t.same(report.partitions, [{ partition: 1, messages: 10, removed: 1, unproven: 0, lost: 2 }])
  t.same(await contents(`${folder}.broken-7`), before, 'a repair loses nothing')
  const { found, losses } = await served(t, folder)
  t.same(found, hashes(stored.filter((_, number) => number !== 5 && number !== 7)))
  t.match(losses, [
    { messages: 1, from: 5n, to: 5n },
    { messages: 1, from: 7n, to: 7n },
  ])
})

t.test('an index that is gone is made again', async (t) => {
  const folder = await filled(t)
  await rm(path.join(firstPartition(folder).index, 'CURRENT'))
  await t.rejects(served(t, folder), { code: 'archive/damaged', message: /waypost store repair --data-dir=/ })
  t.match(await repair(folder, { clock }), { changed: true, messages: 30, losses: [] })
  t.same((await served(t, folder)).found, hashes(stored))
})

t.test('a catalog that is gone is made again, and it is said that marks are', async (t) => {
  const folder = await filled(t)
  const catalog = path.join(folder, 'catalog')
  for (const name of await readdir(catalog)) await truncate(path.join(catalog, name))
  t.match(await repair(folder, { clock }), { changed: true, messages: 30, marksLost: true })
  t.same((await served(t, folder)).found, hashes(stored))
})

for (const { id, damage } of [
  { id: 'has a flipped bit', damage: (row: Buffer) => row.with(0, 128) },
  { id: 'is cut short', damage: (row: Buffer) => row.subarray(0, 3) },
  { id: 'is that of a later release, without a checksum', damage: () => Buffer.of(0, 0, 0, 3) },
]) {
  t.test(`a number of the schema that ${id} is damage, and mended; what was lost before stays known`, async (t) => {
    const folder = await filled(t)
    await rm(path.join(folder, 'partitions/00000002'), { recursive: true })
    const before = await served(t, folder)
    t.match(before.losses, [{ messages: 12 }])
    await edit(path.join(folder, 'catalog'), async (catalog) => {
      const row = await catalog.get(schemaKey)
      await catalog.put(schemaKey, Buffer.from(damage(row!)))
    })
    await t.rejects(served(t, folder), { code: 'archive/damaged', message: /waypost store repair/ })
    t.match(await repair(folder, { clock }), { changed: true, messages: 18, losses: before.losses })
    t.same(await served(t, folder), before)
  })
}

t.test('a dry run says what would be done, and changes nothing', async (t) => {
  const folder = await filled(t)
  await rm(path.join(firstPartition(folder).index, 'CURRENT'))
  const before = await contents(folder)
  const report = await repair(folder, { clock, dryRun: true })
  t.match(report, { changed: true, messages: 30, kept: undefined })
  t.same(await contents(folder), before)
  t.same(await readdir(path.dirname(folder)), ['archive'])
})

t.test('an archive that is in use is left alone', async (t) => {
  const folder = await filled(t)
  await archiveOn(t, await openLevel({ folder }))
  await t.rejects(repair(folder), { code: 'archive/locked' })
})

t.test('what a broken-off repair left beside the archive does no harm', async (t) => {
  const folder = await filled(t)
  await cp(folder, `${folder}.repair-6`, { recursive: true })
  t.match(await repair(folder, { clock }), { changed: false })
  t.same((await served(t, folder)).found, hashes(stored))
})

t.test('a table that a crash left half-written is no damage', async (t) => {
  const folder = await filled(t)
  await served(t, folder)
  const { index } = firstPartition(folder)
  const table = (await readdir(index)).find((name) => name.endsWith('.ldb'))
  t.ok(table, 'there are tables that are checked')
  await writeFile(path.join(index, '900000.ldb'), (await readFile(path.join(index, table!))).subarray(0, 100))
  t.same((await served(t, folder)).found, hashes(stored))
})

t.test('a table of the database that is damaged is refused before LevelDB reads it', async (t) => {
  const folder = await filled(t)
  await served(t, folder)
  const { index } = firstPartition(folder)
  const table = path.join(index, (await readdir(index)).find((name) => name.endsWith('.ldb'))!)
  const bytes = await readFile(table)
  bytes[5]! ^= 1
  await writeFile(table, bytes)
  await t.rejects(served(t, folder), { code: 'archive/damaged', message: /does not match its checksums/ })
  t.match(await repair(folder, { clock }), { changed: true, messages: 30 })
  t.same((await served(t, folder)).found, hashes(stored))
})

t.test('a filter that is damaged costs no message', async (t) => {
  const folder = await filled(t)
  await served(t, folder)
  const { records } = firstPartition(folder)
  await edit(records, (database) => database.compactRange(numberKey(0), numberKey(100)))
  const table = path.join(records, (await readdir(records)).find((name) => name.endsWith('.ldb'))!)
  const bytes = await readFile(table)
  const name = bytes.lastIndexOf('filter.leveldb')
  t.ok(name > 0, 'the table has a filter')
  bytes[name - 20]! ^= 1
  await writeFile(table, bytes)
  await t.rejects(served(t, folder), { code: 'archive/damaged' })
  const report = await repair(folder, { clock })
  t.match(report, { changed: true, messages: 30, losses: [], marksLost: false })
  t.same(report.partitions, [{ partition: 1, messages: 12, removed: 0, unproven: 0, lost: 0 }])
  t.same((await served(t, folder)).found, hashes(stored))
})
