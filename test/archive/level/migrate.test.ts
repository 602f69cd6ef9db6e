/** An archive of schema 1, written by the code that wrote it then, becomes one of the present schema. */
import { cp, readdir } from 'node:fs/promises'
import path from 'node:path'
import t, { type Test } from 'tap'
import { Catalog } from '../../../src/archive/level/catalog.ts'
import { openLevel } from '../../../src/archive/level/level.ts'
import { isOld, migrate, planMigration } from '../../../src/archive/level/migrate.ts'
import { schemaVersion } from '../../../src/archive/level/schema.ts'
import { archiveOn, envelopeAt, hashes, inOrder, pages, store } from '../kit.ts'
import { openLevel as openSchemaOne } from '../schema-1/level.ts'
import { smallPartitions } from './kit.ts'

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
  t.equal(await planMigration(folder), undefined)
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
