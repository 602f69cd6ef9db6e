/** What an archive makes of the files that a crash, or a disk, leaves behind. */
import { mkdir, readdir, rename } from 'node:fs/promises'
import path from 'node:path'
import t, { type Test } from 'tap'
import type { Archive } from '../../../src/archive/archive.ts'
import type { Backend } from '../../../src/archive/backend.ts'
import { Catalog } from '../../../src/archive/level/catalog.ts'
import { numberKey } from '../../../src/archive/level/layout.ts'
import { openLevel } from '../../../src/archive/level/level.ts'
import { Pair } from '../../../src/archive/level/pair.ts'
import { recover } from '../../../src/archive/level/recovery.ts'
import type { Envelope } from '../../../src/core/envelope.ts'
import { archiveOn, ask, envelopes, hashes, pages, pruneAll, store } from '../kit.ts'
import { crashed, edit, firstPartition, onePartition, partitionsOf, remove, smallPartitions } from './kit.ts'

const stored = envelopes(40)

/** The folder of an archive that a crash left, with `stored` in it. */
async function left(t: Test, limits = onePartition): Promise<string> {
  const folder = path.join(t.testdir(), 'archive')
  const archive = await archiveOn(t, await openLevel({ folder, limits }))
  for (let at = 0; at < stored.length; at += 10) await store(archive, stored.slice(at, at + 10))
  // With one more put, though of nothing new, the mark of the last reaches the disk.
  await store(archive, stored.slice(0, 1))
  const copy = await crashed(folder, path.join(t.testdirName, 'copy'))
  await archive[Symbol.asyncDispose]()
  return copy
}

async function opened(t: Test, folder: string, limits = onePartition): Promise<{ archive: Archive; level: Backend }> {
  const level = await openLevel({ folder, limits })
  return { archive: await archiveOn(t, level), level }
}

/** Every way to a message leads to these, and to no other. */
async function holds(t: Test, archive: Archive, expected: readonly Envelope[], all = stored): Promise<void> {
  const found = async (query: Parameters<typeof pages>[1]) =>
    (await pages(archive, query)).flatMap(({ messages }) => hashes(messages))
  t.same(await found({}), hashes(expected), 'by time')
  t.same(await found({ contentTopics: [stored[0]!.message.contentTopic] }), hashes(expected), 'by content topic')
  t.same(await found({ hashes: hashes(all) }), hashes(expected), 'by hash')
  t.equal(archive.held.messages, expected.length, 'the count')
}

t.test('an archive that was not closed has everything', async (t) => {
  const folder = await left(t)
  const { archive, level } = await opened(t, folder)
  await holds(t, archive, stored)
  t.same(await level.losses?.(), [])
})

t.test('an index that a power cut took is made again from the records', async (t) => {
  const folder = await left(t)
  await remove(firstPartition(folder).index)
  const { archive, level } = await opened(t, folder)
  await holds(t, archive, stored)
  t.same(await level.losses?.(), [])
})

const losses = [
  { id: 'at the end', numbers: [36, 37, 38, 39], from: 35n, to: 39n },
  { id: 'in the middle', numbers: [11, 12, 13], from: 10n, to: 14n },
  { id: 'at the beginning', numbers: [0, 1], from: 0n, to: 2n },
  { id: 'that are all', numbers: Array.from({ length: 40 }, (_, number) => number), from: 0n, to: 39n },
]

for (const { id, numbers, from, to } of losses) {
  t.test(`acknowledged records ${id} that are lost are a gap, and can be stored again`, async (t) => {
    const folder = await left(t)
    await edit(firstPartition(folder).records, async (database) => {
      for (const number of numbers) await database.del(Buffer.of(0, 0, 0, number))
    })
    const { archive, level } = await opened(t, folder)
    const lost = stored.slice(numbers[0], numbers.at(-1)! + 1)
    await holds(
      t,
      archive,
      stored.filter((envelope) => !lost.includes(envelope)),
    )
    t.match(await level.losses?.(), [{ messages: lost.length, from, to }], 'by the times around it')
    await store(archive, lost)
    await holds(t, archive, stored)
    await archive[Symbol.asyncDispose]()
    const again = await opened(t, folder)
    await holds(t, again.archive, stored)
    t.equal((await again.level.losses?.())?.length, 1, 'it is still told')
  })
}

/** Recovers the first partition of an archive; its index takes `batches`, and no more. */
async function breakOff(folder: string, batches: number): Promise<void> {
  const catalog = await Catalog.open(folder)
  const pair = await Pair.open(firstPartition(folder).folder, 'older', folder)
  const { database } = pair.index
  const batch = database.batch.bind(database)
  let made = 0
  const limited = () => {
    if (made++ === batches) throw new Error('killed')
    return batch()
  }
  Object.assign(database, { batch: limited })
  const mark = (await catalog.entries()).get(1)!.tally
  const broken = recover(pair, { ...mark, tail: 0 }, (gap) => catalog.addGap({ ...gap, partition: 1 }))
  await broken.catch((error: unknown) => {
    if (!(error instanceof Error) || error.message !== 'killed') throw error
  })
  await pair.abandon()
  await catalog.close()
}

t.test('forgetting what is lost goes on where it was broken off', async (t) => {
  const many = envelopes(1300)
  const folder = path.join(t.testdir(), 'archive')
  const archive = await archiveOn(t, await openLevel({ folder, limits: onePartition }))
  for (let at = 0; at < many.length; at += 100) await store(archive, many.slice(at, at + 100))
  await archive[Symbol.asyncDispose]()
  const lost = [...many.slice(5, 1105), ...many.slice(1200, 1203)]
  const kept = many.filter((envelope) => !lost.includes(envelope))
  for (let batches = 0; batches < 7; batches++) {
    const copy = await crashed(folder, path.join(t.testdirName, `broken-${batches}`))
    await edit(firstPartition(copy).records, async (database) => {
      for (const envelope of lost) await database.del(numberKey(many.indexOf(envelope)))
    })
    await disown(copy)
    await breakOff(copy, batches)
    const again = await opened(t, copy)
    await holds(t, again.archive, kept, many)
    // When all was forgotten the messages around tell the times: a little more.
    t.match(await again.level.losses?.(), [
      { messages: 1100, from: batches < 6 ? 5n : 4n, to: batches < 6 ? 1104n : 1105n },
      { messages: 3, from: batches < 6 ? 1200n : 1199n, to: batches < 6 ? 1202n : 1203n },
    ])
    await store(again.archive, lost)
    await holds(t, again.archive, many, many)
    await again.archive[Symbol.asyncDispose]()
  }
})

/** Makes the first partition one that was not closed, and whose records stand in its log only. */
async function disown(folder: string): Promise<void> {
  await remove(firstPartition(folder).folder, 'filter')
  const catalog = await Catalog.open(folder)
  const entry = (await catalog.entries()).get(1)!
  await catalog.write(1, { clean: false, tally: { ...entry.tally, tail: 0 } })
  await catalog.close()
}

t.test('a gap whose messages the index knows is told by their times', async (t) => {
  const folder = path.join(t.testdir(), 'archive')
  const archive = await archiveOn(t, await openLevel({ folder, limits: smallPartitions }))
  await store(archive, stored)
  await archive[Symbol.asyncDispose]()
  await edit(firstPartition(folder).records, async (database) => {
    for (const number of [4, 5]) await database.del(Buffer.of(0, 0, 0, number))
  })
  await disown(folder)
  const again = await opened(t, folder, smallPartitions)
  await holds(t, again.archive, [...stored.slice(0, 4), ...stored.slice(6)])
  t.match(await again.level.losses?.(), [{ messages: 2, from: 4n, to: 5n }])
})

t.test('a partition whose folder is gone is a gap', async (t) => {
  const folder = path.join(t.testdir(), 'archive')
  const archive = await archiveOn(t, await openLevel({ folder, limits: smallPartitions }))
  await store(archive, stored)
  await archive[Symbol.asyncDispose]()
  await remove(folder, 'partitions/00000002')
  const again = await opened(t, folder, smallPartitions)
  await holds(t, again.archive, [...stored.slice(0, 12), ...stored.slice(24)])
  t.match(await again.level.losses?.(), [{ partition: 2, messages: 12, from: 12n, to: 23n }])
})

t.test('a partition whose making was broken off is none', async (t) => {
  const folder = await left(t)
  await mkdir(path.join(folder, 'partitions/00000007'))
  const { archive } = await opened(t, folder)
  await holds(t, archive, stored)
  t.same(await partitionsOf(folder), ['00000001'])
})

for (const { id, forgotten } of [
  { id: 'before the catalog heard of it', forgotten: false },
  { id: 'before the records were gone', forgotten: true },
]) {
  t.test(`a deletion that was broken off ${id} is ended`, async (t) => {
    const folder = path.join(t.testdir(), 'archive')
    const archive = await archiveOn(t, await openLevel({ folder, limits: smallPartitions }))
    await store(archive, stored)
    await archive[Symbol.asyncDispose]()
    await rename(path.join(folder, 'partitions/00000001'), path.join(folder, `dropped/1-${Date.now()}`))
    if (forgotten) await edit(path.join(folder, 'catalog'), (database) => database.del(Buffer.of(1, 0, 0, 0, 1)))
    const again = await opened(t, folder, smallPartitions)
    await holds(t, again.archive, stored.slice(12))
    t.same(await again.level.losses?.(), [])
    t.same(hashes((await ask(again.archive, { cursor: stored[3]!.hash })).messages), hashes(stored.slice(12)))
    await again.archive[Symbol.asyncDispose]()
    const [grave = ''] = await readdir(path.join(folder, 'dropped'))
    t.same((await readdir(path.join(folder, 'dropped', grave))).sort(), ['entries', 'index'], 'its messages are gone')
  })
}

t.test('a gap is told until what came after it is deleted', async (t) => {
  const folder = path.join(t.testdir(), 'archive')
  const archive = await archiveOn(t, await openLevel({ folder, limits: smallPartitions }))
  await store(archive, stored)
  await archive[Symbol.asyncDispose]()
  await remove(folder, 'partitions/00000002')
  const again = await opened(t, folder, smallPartitions)
  await pruneAll(again.archive, { before: 20n })
  t.equal((await again.level.losses?.())?.length, 1)
  await pruneAll(again.archive, { before: 36n })
  t.same(await again.level.losses?.(), [])
})
