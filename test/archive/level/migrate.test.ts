/** An archive of schema 1, written by the code that wrote it then, becomes one of the present schema. */
import { cp, readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t, { type Test } from 'tap'
import type { Loss } from '../../../src/archive/backend.ts'
import { Catalog } from '../../../src/archive/level/catalog.ts'
import { openLevel } from '../../../src/archive/level/level.ts'
import { isOld, migrate, planMigration } from '../../../src/archive/level/migrate.ts'
import { repair } from '../../../src/archive/level/repair.ts'
import { schemaVersion } from '../../../src/archive/level/schema.ts'
import { archiveOn, envelopeAt, hashes, inOrder, pages, store } from '../kit.ts'
import { openLevel as openSchemaOne } from '../schema-1/level.ts'
import { edit, smallPartitions } from './kit.ts'

const stored = Array.from({ length: 900 }, (_, index) =>
  envelopeAt(BigInt((index * 7) % 900), {
    pubsubTopic: `/waku/2/rs/1/${index % 3}`,
    contentTopic: `/t/1/${index % 5}/x`,
  }),
)
const limits = { ...smallPartitions, messages: 200 }

/** A folder that the release before left. */
async function old(t: Test): Promise<string> {
  const folder = path.join(t.testdir(), 'archive')
  const archive = await archiveOn(t, await openSchemaOne({ folder }))
  await store(archive, stored)
  await archive[Symbol.asyncDispose]()
  return folder
}

async function hasAll(t: Test, folder: string): Promise<void> {
  const archive = await archiveOn(t, await openLevel({ folder, limits }))
  const found = await pages(archive)
  t.same(
    found.flatMap(({ messages }) => hashes(messages)),
    hashes(inOrder(stored)),
  )
  t.equal(archive.held.messages, stored.length)
  await archive[Symbol.asyncDispose]()
  t.notOk(await isOld(folder), 'the old files are gone')
  t.same((await readdir(folder)).sort(), ['catalog', 'dropped', 'partitions'])
}

t.test('all messages are taken over, and the old files go', async (t) => {
  const folder = await old(t)
  t.ok(await isOld(folder))
  await hasAll(t, folder)
  await hasAll(t, folder)
})

t.test('a dry run says what is to be done, and changes nothing', async (t) => {
  const folder = await old(t)
  const before = await readdir(folder)
  const plan = await planMigration(folder)
  t.match(plan, { from: 1, to: schemaVersion, messages: stored.length })
  t.ok(plan!.bytes > 0 && plan!.freeBytes > 0)
  t.ok((await readdir(folder)).includes('CURRENT'))
  t.equal(before.includes('catalog'), (await readdir(folder)).includes('catalog'))
  await hasAll(t, folder)
  t.match(await planMigration(folder), { from: schemaVersion, to: schemaVersion, messages: 0, bytes: 0 })
})

t.test('it goes on where it was broken off, wherever that was', async (t) => {
  const folder = await old(t)
  for (let attempt = 0; attempt < 4; attempt++) {
    const copy = path.join(t.testdirName, `broken-${attempt}`)
    await cp(folder, copy, { recursive: true })
    await breakOff(copy, attempt)
    t.ok(await isOld(copy))
    await hasAll(t, copy)
  }
})

/** Starts a migration whose put fails the `count`-th time. */
async function breakOff(folder: string, count: number): Promise<void> {
  const empty = path.join(folder, '..', `empty-${count}`)
  const backend = await openLevel({ folder: empty, limits })
  let puts = 0
  const catalog = await Catalog.open(folder)
  const broken = migrate({
    folder,
    catalog,
    told: () => {},
    stat: () => backend.stat(),
    put: async (envelopes) => {
      if (puts++ === count) throw new Error('killed')
      return await backend.put(envelopes)
    },
  })
  await broken.catch((error: unknown) => {
    if (!(error instanceof Error) || error.message !== 'killed') throw error
  })
  await catalog.close()
  await backend.close()
  // What was put so far is in the archive that is to be.
  await cp(path.join(empty, 'partitions'), path.join(folder, 'partitions'), { recursive: true })
}

t.test('old files that were to be deleted when it was broken off are deleted', async (t) => {
  const folder = await old(t)
  const kept = path.join(t.testdirName, 'kept')
  await cp(folder, kept, { recursive: true })
  await hasAll(t, folder)
  await cp(kept, folder, { recursive: true })
  const catalog = await Catalog.open(folder)
  await catalog.setTakenOver(true)
  await catalog.close()
  await hasAll(t, folder)
})

t.test('what the old database counted and does not hold is known to be lost', async (t) => {
  const folder = await old(t)
  await edit(folder, async (database) => {
    const keys = await database.keys({ gte: Buffer.of(1), lt: Buffer.of(2), limit: 5 }).all()
    await database.del(keys[3]!)
    await database.put(keys[4]!, Buffer.from('nothing'))
  })
  const archive = await archiveOn(t, await openLevel({ folder, limits }))
  t.equal(archive.held.messages, stored.length - 2)
  t.match(archive.status().losses, [{ messages: 2, from: 0n, to: 899n }])
})

t.test('a damaged table of the old database is refused before LevelDB reads it, and can be mended', async (t) => {
  const folder = await old(t)
  await edit(folder, (database) => database.compactRange(Buffer.of(), Buffer.of(0xff)))
  const table = path.join(folder, (await readdir(folder)).find((name) => name.endsWith('.ldb'))!)
  const bytes = await readFile(table)
  // Among the messages, which stand behind the settings.
  bytes[bytes.length >> 2]! ^= 1
  await writeFile(table, bytes)
  await t.rejects(openLevel({ folder, limits }), { code: 'archive/damaged', message: /waypost store repair/ })
  t.ok(await isOld(folder), 'nothing was taken over')
  t.match(await repair(folder), { changed: true, marksLost: true })
  const archive = await archiveOn(t, await openLevel({ folder, limits }))
  const [{ messages: lost }] = archive.status().losses as [Loss]
  t.ok(lost > 0 && lost < 200, `${lost} are lost`)
  t.equal(archive.held.messages, stored.length - lost)
})
