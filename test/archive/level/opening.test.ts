import { chmod, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { numberKey } from '../../../src/archive/level/layout.ts'
import { openLevel } from '../../../src/archive/level/level.ts'
import { encodeSchema, schemaVersion } from '../../../src/archive/level/schema.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { archiveOn, ask, envelopes, hashes, store } from '../kit.ts'
import { edit, firstPartition, onePartition, smallPartitions } from './kit.ts'

t.test('what was stored is there when the archive is opened again', async (t) => {
  const folder = t.testdir()
  const stored = envelopes(20)
  const first = await archiveOn(t, await openLevel({ folder }))
  const storing = store(first, stored)
  await first[Symbol.asyncDispose]()
  await storing
  const backend = await openLevel({ folder })
  const again = await archiveOn(t, backend)
  t.same(hashes((await ask(again)).messages), hashes(stored))
  t.equal(again.held.messages, 20)
  t.equal((await backend.stat()).bytes, again.held.bytes)
})

t.test('a locked archive is refused, and free once it is closed', async (t) => {
  const folder = t.testdir()
  const first = await openLevel({ folder })
  await t.rejects(openLevel({ folder }), { code: 'archive/locked', data: { folder } })
  await first.close()
  await (await openLevel({ folder })).close()
})

t.test('a folder that cannot be one is refused', async (t) => {
  const folder = t.testdir({ file: 'a file' })
  await t.rejects(openLevel({ folder: path.join(folder, 'file') }), { code: 'archive/unwritable' })
  await t.rejects(openLevel({ folder: path.join(folder, 'file', 'below') }), { code: 'archive/unwritable' })
  await (await openLevel({ folder: path.join(folder, 'made', 'below') })).close()
})

/** Root may write everywhere. */
const isRoot = process.getuid?.() === 0

t.test(
  'a folder without permission to write is refused',
  { skip: isRoot && 'needs a user that is not root' },
  async (t) => {
    const folder = path.join(t.testdir(), 'closed')
    await mkdir(folder)
    await chmod(folder, 0o500)
    await t.rejects(openLevel({ folder }), { code: 'archive/unwritable' })
  },
)

t.test('an archive of a later schema is refused', async (t) => {
  const folder = t.testdir()
  await (await openLevel({ folder })).close()
  await edit(path.join(folder, 'catalog'), (database) => database.put(Buffer.of(0), encodeSchema(schemaVersion + 1)))
  await t.rejects(openLevel({ folder }), {
    code: 'archive/newer-schema',
    data: { folder, found: schemaVersion + 1, known: schemaVersion },
  })
})

t.test('an archive whose schema has no checksum yet is opened', async (t) => {
  const folder = t.testdir()
  await (await openLevel({ folder })).close()
  await edit(path.join(folder, 'catalog'), (database) => database.put(Buffer.of(0), Buffer.of(0, 0, 0, 2)))
  await (await openLevel({ folder })).close()
})

const damages: { id: string; damage: (folder: string) => Promise<void> }[] = [
  { id: 'CURRENT is missing', damage: (folder) => rm(path.join(folder, 'CURRENT')) },
  { id: 'CURRENT is empty', damage: (folder) => truncate(path.join(folder, 'CURRENT')) },
  { id: 'CURRENT is something else', damage: (folder) => writeFile(path.join(folder, 'CURRENT'), 'MANIFEST-999\n') },
  { id: 'the manifest is empty', damage: async (folder) => truncate(path.join(folder, await manifest(folder))) },
  { id: 'the manifest is missing', damage: async (folder) => rm(path.join(folder, await manifest(folder))) },
]

const databases = ['catalog', 'partitions/00000001/records', 'partitions/00000001/index']

for (const database of databases) {
  for (const { id, damage } of damages) {
    t.test(`an archive is refused, and left as it is, when of ${database} ${id}`, async (t) => {
      const folder = t.testdir()
      const archive = await archiveOn(t, await openLevel({ folder }))
      await store(archive, envelopes(3))
      await archive[Symbol.asyncDispose]()
      await damage(path.join(folder, database))
      const before = await filesOf(folder)
      t.ok(before.some((file) => file.endsWith('.log') || file.endsWith('.ldb')))
      await t.rejects(openLevel({ folder }), { code: 'archive/damaged', data: { folder } })
      const after = await filesOf(path.join(folder))
      t.same(inFolder(after, database), inFolder(before, database))
    })
  }
}

t.test('an archive whose schema is missing is refused', async (t) => {
  const folder = t.testdir()
  const archive = await archiveOn(t, await openLevel({ folder }))
  await store(archive, envelopes(3))
  await archive[Symbol.asyncDispose]()
  await edit(path.join(folder, 'catalog'), (database) => database.del(Buffer.of(0)))
  await t.rejects(openLevel({ folder }), { code: 'archive/damaged', data: { folder } })
})

t.test('a record that is not what its hash says is counted, and never served', async (t) => {
  const folder = t.testdir()
  const stored = envelopes(10)
  const archive = await archiveOn(t, await openLevel({ folder, limits: onePartition }))
  for (const envelope of stored) await store(archive, [envelope])
  await archive[Symbol.asyncDispose]()
  await edit(firstPartition(folder).records, async (database) => {
    for (const [number, damage] of damagedRecords.entries()) {
      const key = numberKey(number)
      if (damage === 'lost') await database.del(key)
      else await database.put(key, damage((await database.get(key))!))
    }
  })
  const metrics = createMetrics()
  const again = await archiveOn(t, await openLevel({ folder }), { metrics })
  const contentTopics = [stored[0]!.message.contentTopic]
  const intact = hashes(stored.slice(damagedRecords.length))
  t.same(hashes((await ask(again, { contentTopics })).messages), intact)
  t.same(hashes((await ask(again, { contentTopics, limit: 3 })).messages), intact.slice(0, 3), 'the page is filled')
  t.same(hashes((await ask(again, { contentTopics, direction: 'backward' })).messages), intact)
  const { values } = await metrics.waypost_archive_damaged_messages_total.get()
  t.equal(values[0]?.value, 3 * damagedRecords.length)
})

/** What becomes of the first records: the payload differs, the end is missing, nothing is left, the row is gone. */
const damagedRecords = [
  (record: Buffer) => Buffer.concat([record.subarray(0, 30), Buffer.of(record[30]! ^ 1), record.subarray(31)]),
  (record: Buffer) => record.subarray(0, record.length - 3),
  () => Buffer.alloc(0),
  'lost' as const,
]

t.test('entries of a file that is damaged are made again from the records', async (t) => {
  const folder = t.testdir()
  const stored = envelopes(5)
  const archive = await archiveOn(t, await openLevel({ folder }))
  await store(archive, stored)
  await archive[Symbol.asyncDispose]()
  const file = path.join(firstPartition(folder).folder, 'entries')
  const entries = await readFile(file)
  for (const damage of [
    () => truncate(file, 100),
    () => writeFile(file, Buffer.concat([entries.subarray(0, -1), Buffer.of(entries.at(-1)! ^ 1)])),
    () => rm(file),
  ]) {
    await damage()
    const again = await archiveOn(t, await openLevel({ folder }))
    const contentTopics = [stored[0]!.message.contentTopic]
    t.same(hashes((await ask(again, { contentTopics })).messages), hashes(stored))
    t.same(hashes((await ask(again, { hashes: hashes(stored) })).messages), hashes(stored))
    t.same(hashes((await ask(again)).messages), hashes(stored))
    await again[Symbol.asyncDispose]()
  }
})

t.test('a row of the index that is damaged is told as that', async (t) => {
  const folder = t.testdir()
  const archive = await archiveOn(t, await openLevel({ folder, limits: smallPartitions }))
  for (const envelope of envelopes(30)) await store(archive, [envelope])
  await archive[Symbol.asyncDispose]()
  await edit(firstPartition(folder).index, async (database) => {
    const [key = Buffer.of()] = await database.keys({ gte: Buffer.of(1), limit: 1 }).all()
    await database.put(key, Buffer.of(1))
  })
  const opening = openLevel({ folder }).then((level) => archiveOn(t, level))
  await t.rejects(opening, { code: 'archive/damaged', message: /waypost store repair/ })
})

async function manifest(folder: string): Promise<string> {
  const file = (await readdir(folder)).find((name) => name.startsWith('MANIFEST-'))
  if (file === undefined) throw new Error('no manifest')
  return file
}

/** Where data stands. */
async function filesOf(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true })).filter((file) => /\.(ldb|log)$/.test(file)).sort()
}

function inFolder(files: readonly string[], folder: string): string[] {
  return files.filter((file) => file.startsWith(folder))
}
