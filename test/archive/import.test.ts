/** Messages from elsewhere go into an archive: what is taken, what is refused, and what is under way at once. */
import t from 'tap'
import type { Archive } from '../../src/archive/archive.ts'
import type { ExportRecord } from '../../src/archive/export/format.ts'
import { type Importable, Importer } from '../../src/archive/import.ts'
import { openMemory } from '../../src/archive/memory.ts'
import type { Envelope } from '../../src/core/envelope.ts'
import { WaypostError } from '../../src/core/errors.ts'
import { envelope } from '../kit/messages.ts'
import { recordOf } from './export/kit.ts'
import { archiveOn, ask, envelopeAt, envelopes, hashes, pubsubTopic } from './kit.ts'

const limits = { maxMessageBytes: 150 * 1024 }

t.test('nothing is imported that is not what it says, and each is named with its reason', async (t) => {
  const archive = await archiveOn(t, openMemory())
  const good = recordOf(envelopeAt(1n))
  const ephemeral = envelope({ ephemeral: true }, pubsubTopic)
  const timeless = envelope({ timestamp: undefined }, pubsubTopic)
  const large = recordOf(envelopeAt(2n, { payload: Buffer.alloc(limits.maxMessageBytes) }))
  const rows: readonly [ExportRecord, string][] = [
    [{ ...good, hash: 'a'.repeat(64) }, 'wrong-hash'],
    [{ ...good, timestamp: 2n }, 'wrong-time'],
    [{ ...good, pubsubTopic: '/waku/2/rs/1/1' }, 'wrong-hash'],
    [{ ...good, pubsubTopic: '/waku/2/default-waku/proto' }, 'no-shard'],
    [{ ...good, bytes: Buffer.from('nonsense') }, 'malformed'],
    [{ ...good, bytes: Buffer.concat([good.bytes, Buffer.of(0)]) }, 'malformed'],
    [recordOf(ephemeral), 'ephemeral'],
    [{ ...recordOf(timeless), timestamp: 0n }, 'wrong-time'],
    [large, 'too-large'],
  ]
  const outcome = await new Importer(archive, limits).import([...rows.map(([record]) => record), good, good])
  t.same([outcome.stored, outcome.present], [1, 1])
  t.same(
    new Set(outcome.refused.map(({ hash, why }) => `${hash} ${why}`)),
    new Set(rows.map(([{ hash }, why]) => `${hash} ${why}`)),
  )
  t.same(hashes((await ask(archive)).messages), [good.hash])
})

t.test('an import waits while live messages fill the queue, and ends when the archive does', async (t) => {
  const commit = { gather: 1, groupMessages: 5, groupBytes: 1e6, pendingMessages: 5, pendingBytes: 1e6 }
  const archive = await archiveOn(t, openMemory(), { commit })
  const records = envelopes(60).map(recordOf)
  t.match(await new Importer(archive, limits).import(records), { stored: 60 })
  await archive[Symbol.asyncDispose]()
  await t.rejects(new Importer(archive, limits).import(records), { code: 'archive/unavailable' })
})

/** An archive whose commits wait until the test lets them go. */
class HeldArchive implements Importable {
  readonly #archive: Archive
  readonly gate = Promise.withResolvers<void>()
  /** Messages given to it that are not acknowledged, now and at the most. */
  waiting = 0
  mostWaiting = 0
  #asked = 0
  readonly #wanted: number
  readonly #lookedUp = Promise.withResolvers<void>()

  /** `wanted`: how many hashes are asked for until `lookedUp` resolves. */
  constructor(archive: Archive, wanted: number) {
    this.#archive = archive
    this.#wanted = wanted
  }

  get lookedUp(): Promise<void> {
    return this.#lookedUp.promise
  }

  async query(query: Parameters<Archive['query']>[0]) {
    this.#asked += query.hashes?.length ?? 0
    if (this.#asked >= this.#wanted) this.#lookedUp.resolve()
    return await this.#archive.query(query)
  }

  async put(one: Envelope) {
    this.waiting += 1
    this.mostWaiting = Math.max(this.mostWaiting, this.waiting)
    await this.gate.promise
    this.waiting -= 1
    return await this.#archive.put(one, 'import')
  }
}

t.test('while a group is committed the next is looked up, and no more than two are under way', async (t) => {
  const held = new HeldArchive(await archiveOn(t, openMemory()), 1000)
  const importing = new Importer(held, limits).import(envelopes(3000).map(recordOf))
  await held.lookedUp
  held.gate.resolve()
  t.match(await importing, { stored: 3000, present: 0 })
  t.ok(held.mostWaiting > 0 && held.mostWaiting <= 1000, `${held.mostWaiting} messages`)
})

t.test('nothing is told to be stored before it is', async (t) => {
  const archive = await archiveOn(t, openMemory())
  const held = new HeldArchive(archive, 800)
  const records = envelopes(800).map(recordOf)
  let told = 0
  const importing = new Importer(held, limits).import(records).then(({ stored }) => {
    told = stored
  })
  await held.lookedUp
  t.equal(told, 0)
  held.gate.resolve()
  await importing
  t.equal(told, 800)
  t.equal(archive.held.messages, 800)
})

t.test('what comes twice at the same time is stored and counted once', async (t) => {
  const archive = await archiveOn(t, openMemory())
  const importer = new Importer(archive, limits)
  const records = envelopes(700).map(recordOf)
  const outcomes = await Promise.all([1, 2, 3].map(() => importer.import([...records, ...records])))
  t.equal(
    outcomes.reduce((sum, { stored }) => sum + stored, 0),
    700,
  )
  t.equal(
    outcomes.reduce((sum, { present }) => sum + present, 0),
    5 * 700,
  )
  t.equal(archive.held.messages, 700)
})

t.test('a commit that fails fails the import, and the next one with the same messages stores them', async (t) => {
  const archive = await archiveOn(t, openMemory())
  let failures = 20
  const importer = new Importer(
    {
      query: (query) => archive.query(query),
      put: async (one, source) => {
        if (failures-- > 0) throw new WaypostError('archive/unavailable', { why: 'the test says so' })
        return await archive.put(one, source)
      },
    },
    limits,
  )
  const records = envelopes(20).map(recordOf)
  const first = importer.import(records)
  const second = importer.import(records)
  await t.rejects(first, { code: 'archive/unavailable' })
  t.match(await second, { stored: 20, present: 0 })
})
