/** From an archive into an export and back, on each backend. */
import path from 'node:path'
import t, { type Test } from 'tap'
import type { Archive } from '../../../src/archive/archive.ts'
import type { Backend } from '../../../src/archive/backend.ts'
import { ExportDecoder } from '../../../src/archive/export/decoder.ts'
import type { ExportRecord } from '../../../src/archive/export/format.ts'
import { type WalkOptions, walk } from '../../../src/archive/export/walk.ts'
import { Importer } from '../../../src/archive/import.ts'
import { openLevel } from '../../../src/archive/level/level.ts'
import { openMemory } from '../../../src/archive/memory.ts'
import { archiveOn, contentTopic, envelopeAt, envelopes, hashes, inOrder, pages, pubsubTopic, store } from '../kit.ts'
import { exportOf, recordOf } from './kit.ts'

const backends: Readonly<Record<string, (t: Test) => Promise<Backend>>> = {
  memory: async () => openMemory(),
  level: (t) => openLevel({ folder: path.join(t.testdir(), 'archive') }),
}

const limits = { maxMessageBytes: 150 * 1024 }

async function walked(archive: Archive, selection = {}, options: WalkOptions = {}): Promise<ExportRecord[]> {
  const records: ExportRecord[] = []
  for await (const page of walk(archive, selection, options)) records.push(...page)
  return records
}

for (const [name, open] of Object.entries(backends)) {
  t.test(`on ${name}, all that is stored comes out in order, and goes into another archive as it was`, async (t) => {
    const archive = await archiveOn(t, await open(t))
    const other = { pubsubTopic: '/waku/2/rs/1/7', contentTopic: '/other/1/x/proto' }
    // Many with one time: the order among them is that of their hashes.
    const same = Array.from({ length: 250 }, () => envelopeAt(100n))
    const stored = inOrder([...envelopes(300), ...envelopes(40, other), ...same])
    await store(archive, stored)
    const records = await walked(archive)
    t.same(
      records.map(({ hash }) => hash),
      hashes(stored),
    )
    t.same(records, stored.map(recordOf))
    const copy = await archiveOn(t, openMemory())
    const decoded = [...new ExportDecoder().push(exportOf(records))].flatMap((part) =>
      part.is === 'records' ? part.records : [],
    )
    t.same(await new Importer(copy, limits).import(decoded), { stored: stored.length, present: 0, refused: [] })
    t.same(await pages(copy), await pages(archive))
    t.same(await new Importer(copy, limits).import(decoded), { stored: 0, present: stored.length, refused: [] })
  })

  t.test(`on ${name}, an export can be of some topics and times, and begin behind any message`, async (t) => {
    const archive = await archiveOn(t, await open(t))
    const other = { pubsubTopic: '/waku/2/rs/1/7', contentTopic: '/other/1/x/proto' }
    const stored = inOrder([
      ...envelopes(200),
      ...envelopes(30, other),
      ...Array.from({ length: 120 }, () => envelopeAt(50n)),
    ])
    await store(archive, stored)
    const of = (matches: (time: bigint, topic: string) => boolean) =>
      hashes(stored.filter(({ message, pubsubTopic }) => matches(message.timestamp!, pubsubTopic)))
    const some = await walked(archive, { start: 10n, end: 60n, pubsubTopic })
    t.same(
      hashes(some),
      of((time, topic) => time >= 10n && time <= 60n && topic === pubsubTopic),
    )
    t.same(
      hashes(await walked(archive, { contentTopics: [contentTopic] })),
      of((_, topic) => topic === pubsubTopic),
    )
    for (const at of [0, 99, 100, 120, 180, stored.length - 1]) {
      const after = recordOf(stored[at]!)
      t.same(hashes(await walked(archive, {}, { after })), hashes(stored).slice(at + 1), `behind ${at}`)
    }
    t.same(await walked(archive, { end: -1n }), [])
  })
}

t.test('a walk ends though messages keep coming, and has all that were there before', async (t) => {
  const archive = await archiveOn(t, openMemory())
  const before = envelopes(1000)
  await store(archive, before)
  const found = new Set<string>()
  let time = 1000n
  for await (const page of walk(archive, {})) {
    for (const { hash } of page) found.add(hash)
    await store(
      archive,
      Array.from({ length: 200 }, () => envelopeAt(time++)),
    )
  }
  t.ok(before.every(({ hash }) => found.has(hash)))
  t.equal(found.size, before.length)
})

t.test('a walk goes on though retention deletes what it has read, cursor and all', async (t) => {
  let now = Date.now()
  const archive = await archiveOn(t, openMemory({ clock: () => now }))
  const stored = envelopes(500)
  await store(archive, stored)
  const found: string[] = []
  for await (const page of walk(archive, {})) {
    found.push(...hashes(page))
    if (found.length === 200) {
      await archive.prune({ before: 250n }, 500)
      now += 2 * 3_600_000
      await archive.reclaim()
    }
  }
  t.same(found, [...hashes(stored.slice(0, 200)), ...hashes(stored.slice(250))])
})
