import path from 'node:path'
import t, { type Test } from 'tap'
import { numberKey } from '../../../src/archive/level/layout.ts'
import { openLevel } from '../../../src/archive/level/level.ts'
import { isWhole, type PartitionReport, verify } from '../../../src/archive/level/verify.ts'
import { archiveOn, envelopes, store } from '../kit.ts'
import { edit, firstPartition, type Level, smallPartitions } from './kit.ts'

async function filled(t: Test): Promise<string> {
  const folder = path.join(t.testdir(), 'archive')
  const archive = await archiveOn(t, await openLevel({ folder, limits: smallPartitions }))
  for (const envelope of envelopes(30)) await store(archive, [envelope])
  await archive[Symbol.asyncDispose]()
  return folder
}

async function reports(folder: string): Promise<PartitionReport[]> {
  const found: PartitionReport[] = []
  for await (const report of verify(folder)) found.push(report)
  return found
}

t.test('an archive that is whole is said to be', async (t) => {
  const folder = await filled(t)
  const found = await reports(folder)
  t.same(
    found.map(({ messages }) => messages),
    [12, 12, 6],
  )
  t.ok(found.every(isWhole))
})

t.test('an archive that is in use is left alone', async (t) => {
  const folder = await filled(t)
  await archiveOn(t, await openLevel({ folder }))
  await t.rejects(reports(folder), { code: 'archive/locked' })
})

const record = (change: (record: Buffer) => Buffer) => async (records: Level) => {
  await records.put(numberKey(5), change((await records.get(numberKey(5)))!))
}

const harms: {
  id: string
  of: 'records' | 'index'
  harm: (database: Level) => Promise<void>
  found: Partial<PartitionReport>
}[] = [
  {
    id: 'a bit of a message is not as it was',
    of: 'records',
    harm: record((bytes) => Buffer.concat([bytes.subarray(0, 30), Buffer.of(bytes[30]! ^ 1), bytes.subarray(31)])),
    found: { messages: 11, damaged: { messages: 1, from: 5n, to: 5n } },
  },
  {
    id: 'a record is cut off',
    of: 'records',
    harm: record((bytes) => bytes.subarray(0, 3)),
    found: { messages: 11, damaged: { messages: 1, from: 5n, to: 5n } },
  },
  {
    id: 'a record is gone',
    of: 'records',
    harm: (records) => records.del(numberKey(5)),
    found: { messages: 11, missing: 1, lost: { messages: 1, from: 5n, to: 5n } },
  },
  {
    id: 'a row of a pubsub topic is gone, with all its entries',
    of: 'index',
    harm: (index) => deleteFirst(index, 1),
    found: { messages: 0, miscounted: 12 },
  },
  {
    id: 'a row of a content topic is gone',
    of: 'index',
    harm: (index) => deleteFirst(index, 2),
    found: { misplaced: 12 },
  },
  { id: 'a row of a hash is gone', of: 'index', harm: (index) => deleteFirst(index, 3), found: { misplaced: 12 } },
]

async function deleteFirst(index: Level, kind: number): Promise<void> {
  const [key = Buffer.of()] = await index.keys({ gte: Buffer.of(kind), limit: 1 }).all()
  await index.del(key)
}

for (const { id, of, harm, found } of harms) {
  t.test(`it is found when ${id}`, async (t) => {
    const folder = await filled(t)
    await edit(firstPartition(folder)[of], harm)
    const [first, ...others] = await reports(folder)
    t.notOk(isWhole(first!))
    t.match(first, found)
    t.ok(others.every(isWhole))
  })
}
