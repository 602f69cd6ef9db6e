/** Retention on disk: whole partitions go, the bytes of their messages with them, and queries go on meanwhile. */
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import t, { type Test } from 'tap'
import { openLevel } from '../../../src/archive/level/level.ts'
import { partitionLimits } from '../../../src/archive/level/route.ts'
import { archiveOn, ask, envelopeAt, envelopes, hashes, pages, pruneAll, store } from '../kit.ts'
import { onePartition, partitionsOf, smallPartitions } from './kit.ts'

/** A payload that is found wherever it stands. */
function secret(index: number): Buffer {
  return Buffer.from(`a message that nobody is to read any more, ${index} `.repeat(20))
}

/** All bytes in the files of a folder. */
async function everything(folder: string): Promise<Buffer> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => path.join(parentPath, name))
  return Buffer.concat(await Promise.all(files.map((file) => readFile(file))))
}

async function filled(t: Test, limits = smallPartitions) {
  const folder = path.join(t.testdir(), 'archive')
  const stored = Array.from({ length: 40 }, (_, index) => envelopeAt(BigInt(index), { payload: secret(index) }))
  const archive = await archiveOn(t, await openLevel({ folder, limits }))
  await store(archive, stored)
  return { folder, archive, stored }
}

t.test('of deleted messages no bytes are left in the files', async (t) => {
  const { folder, archive } = await filled(t)
  t.ok((await everything(folder)).includes(secret(3)), 'while it is kept it is there')
  await pruneAll(archive, { before: 24n })
  await archive.reclaim()
  await archive[Symbol.asyncDispose]()
  const left = await everything(folder)
  for (let index = 0; index < 24; index++) t.notOk(left.includes(secret(index)), `message ${index}`)
  t.ok(left.includes(secret(30)), 'of those that are kept they are')
})

t.test('a partition goes as a whole, and not before all of it is surplus', async (t) => {
  const { folder, archive, stored } = await filled(t)
  t.equal((await partitionsOf(folder)).length, 4)
  await pruneAll(archive, { before: 23n })
  t.same(hashes((await ask(archive)).messages), hashes(stored.slice(12)))
  t.equal((await partitionsOf(folder)).length, 3)
  await pruneAll(archive, { before: 100n })
  t.same((await ask(archive)).messages, [])
  t.equal(archive.held.messages, 0)
  await store(archive, stored.slice(0, 1))
  t.same(hashes((await ask(archive)).messages), hashes(stored.slice(0, 1)), 'and then it begins anew')
})

t.test('what a policy keeps is never less than it says, and less than a tenth more', async (t) => {
  const folder = path.join(t.testdir(), 'archive')
  const retention = { maxMessages: 3200 }
  const limits = partitionLimits(retention)
  const archive = await archiveOn(t, await openLevel({ folder, limits }), { retention })
  const stored = envelopes(6000)
  let most = 0
  for (let at = 0; at < stored.length; at += 250) {
    await store(archive, stored.slice(at, at + 250))
    most = Math.max(most, archive.held.messages)
    t.ok(archive.held.messages >= Math.min(3200, at + 250))
  }
  await pruneAll(archive, { keepMessages: 3200 })
  t.ok(archive.held.messages >= 3200 && archive.held.messages < 3520, `${archive.held.messages} are left`)
})

t.test('a policy that is told later holds for the partitions that come then', async (t) => {
  const folder = path.join(t.testdir(), 'archive')
  const archive = await archiveOn(t, await openLevel({ folder, limits: onePartition }), { retention: {} })
  const stored = envelopes(6000)
  await store(archive, stored.slice(0, 1000))
  archive.keep({ maxMessages: 3200 })
  await store(archive, stored.slice(1000))
  await pruneAll(archive, { keepMessages: 3200 })
  t.ok(archive.held.messages >= 3200 && archive.held.messages < 3520, `${archive.held.messages} are left`)
  // It may be at work by itself, too.
  await archive[Symbol.asyncDispose]()
})

t.test('a walk goes on while what it walks through is deleted', async (t) => {
  const { archive, stored } = await filled(t)
  const walk = pages(archive, { limit: 2, direction: 'backward' })
  await pruneAll(archive, { before: 24n })
  const seen = (await walk).toReversed().flatMap(({ messages }) => hashes(messages))
  t.same(seen, hashes(stored.slice(40 - seen.length)), 'what it meets is in order, and without a gap')
  t.ok(seen.length >= 16)
})

t.test('cursors into deleted partitions lead on after the archive was opened again', async (t) => {
  const { folder, archive, stored } = await filled(t)
  await pruneAll(archive, { before: 24n })
  await archive[Symbol.asyncDispose]()
  const again = await archiveOn(t, await openLevel({ folder, limits: onePartition }))
  t.same(hashes((await ask(again, { cursor: stored[20]!.hash })).messages), hashes(stored.slice(24)))
})
