import { chmod, mkdir, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { ClassicLevel } from 'classic-level'
import t from 'tap'
import { schemaVersion, settingKeys } from '../../../src/archive/level/layout.ts'
import { openLevel } from '../../../src/archive/level/level.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { archiveOn, ask, envelopes, hashes, store } from '../kit.ts'

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
  const version = Buffer.alloc(4)
  version.writeUInt32BE(schemaVersion + 1)
  await edit(folder, (database) => database.put(settingKeys.schema, version))
  await t.rejects(openLevel({ folder }), {
    code: 'archive/newer-schema',
    data: { folder, found: schemaVersion + 1, known: schemaVersion },
  })
})

const damages: { id: string; damage: (folder: string) => Promise<void> }[] = [
  { id: 'CURRENT is missing', damage: (folder) => rm(path.join(folder, 'CURRENT')) },
  { id: 'CURRENT is empty', damage: (folder) => truncate(path.join(folder, 'CURRENT')) },
  { id: 'CURRENT is something else', damage: (folder) => writeFile(path.join(folder, 'CURRENT'), 'MANIFEST-999\n') },
  { id: 'the manifest is empty', damage: async (folder) => truncate(path.join(folder, await manifest(folder))) },
  { id: 'the manifest is missing', damage: async (folder) => rm(path.join(folder, await manifest(folder))) },
  { id: 'the schema is missing', damage: (folder) => edit(folder, (database) => database.del(settingKeys.schema)) },
]

for (const { id, damage } of damages) {
  t.test(`an archive is refused, and left as it is, when ${id}`, async (t) => {
    const folder = t.testdir()
    const archive = await archiveOn(t, await openLevel({ folder }))
    await store(archive, envelopes(3))
    await archive[Symbol.asyncDispose]()
    await damage(folder)
    const before = await readdir(folder)
    await t.rejects(openLevel({ folder }), { code: 'archive/damaged', data: { folder } })
    const after = await readdir(folder)
    t.ok(
      before.filter((file) => /\.(ldb|log)$/.test(file)).every((file) => after.includes(file) || id.includes('schema')),
    )
  })
}

t.test('a record that is not what its hash says is counted, and never served', async (t) => {
  const folder = t.testdir()
  const stored = envelopes(10)
  const archive = await archiveOn(t, await openLevel({ folder }))
  await store(archive, stored)
  await archive[Symbol.asyncDispose]()
  await edit(folder, async (database) => {
    let index = 0
    for await (const [key, value] of database.iterator({ gte: Buffer.of(1), lt: Buffer.of(2) })) {
      const damage = damagedRecords[index++]
      if (damage === 'lost') await database.del(key)
      else if (damage !== undefined) await database.put(key, damage(value))
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

t.test('an index row that is damaged hides its message, and no other', async (t) => {
  const folder = t.testdir()
  const stored = envelopes(5)
  const archive = await archiveOn(t, await openLevel({ folder }))
  await store(archive, stored)
  await archive[Symbol.asyncDispose]()
  await edit(folder, async (database) => {
    for (const kind of [2, 3]) {
      const [key = Buffer.of()] = await database.keys({ gte: Buffer.of(kind), limit: 1 }).all()
      await database.put(key, Buffer.of(1))
    }
  })
  const again = await archiveOn(t, await openLevel({ folder }))
  const contentTopics = [stored[0]!.message.contentTopic]
  t.same(hashes((await ask(again, { contentTopics })).messages), hashes(stored.slice(1)))
  t.equal((await ask(again, { hashes: hashes(stored) })).messages.length, 4)
  t.same(hashes((await ask(again)).messages), hashes(stored), 'the records are whole')
})

async function manifest(folder: string): Promise<string> {
  const file = (await readdir(folder)).find((name) => name.startsWith('MANIFEST-'))
  if (file === undefined) throw new Error('no manifest')
  return file
}

async function edit(folder: string, change: (database: ClassicLevel<Buffer, Buffer>) => Promise<void>): Promise<void> {
  const database = new ClassicLevel<Buffer, Buffer>(folder, { keyEncoding: 'buffer', valueEncoding: 'buffer' })
  await database.open()
  await change(database)
  await database.close()
}
