/** What no backend may answer otherwise: any query is answered as by a plain sorted array, also while messages are stored and deleted. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Test } from 'tap'
import type { Archive } from '../../src/archive/archive.ts'
import type { Envelope } from '../../src/core/envelope.ts'
import type { Query } from '../../src/core/query.ts'
import type { Open } from './conformance.ts'
import { archiveOn, ask, envelopeAt, hashes, inOrder, pages, pruneAll, store } from './kit.ts'

const pubsubTopics = ['/waku/2/rs/1/0', '/waku/2/rs/1/1', '/p/\0']
const contentTopics = ['/t/1/a/x', '/t/1/a/x\0', '/t/1/🦊/x', '', '/t/1/never/x']

const times = fc.bigInt({ min: -3n, max: 6n })

const envelope: fc.Arbitrary<Envelope> = fc
  .record({
    timestamp: times,
    pubsubTopic: fc.constantFrom(...pubsubTopics),
    contentTopic: fc.constantFrom(...contentTopics.slice(0, 4)),
    size: fc.constantFrom(0, 10, 1000),
    seed: fc.nat(),
  })
  .map(({ timestamp, pubsubTopic, contentTopic, size, seed }) => {
    return envelopeAt(timestamp, { pubsubTopic, contentTopic, payload: Buffer.alloc(size + 4, `${seed}`) })
  })

interface Question extends Omit<Query, 'cursor' | 'hashes'> {
  /** Stored messages to ask for, or one that is not stored. */
  readonly picks: readonly number[]
}

const question: fc.Arbitrary<Question> = fc.record(
  {
    pubsubTopic: fc.constantFrom(...pubsubTopics, '/p/never'),
    contentTopics: fc.array(fc.constantFrom(...contentTopics), { maxLength: 6 }),
    start: times,
    end: times,
    picks: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.array(fc.nat({ max: 80 }), { maxLength: 20 })),
    direction: fc.constantFrom('forward' as const, 'backward' as const),
    limit: fc.integer({ min: 1, max: 30 }),
    includeData: fc.boolean(),
  },
  { requiredKeys: ['direction', 'limit', 'includeData', 'picks'] },
)

/** What a query asks for, by the words of 13/WAKU2-STORE: filter, sort. */
function answer(stored: readonly Envelope[], query: Omit<Query, 'cursor'>): Envelope[] {
  const { pubsubTopic, contentTopics = [], hashes = [], start, end } = query
  return inOrder(
    stored.filter(
      (envelope) =>
        (pubsubTopic === undefined || envelope.pubsubTopic === pubsubTopic) &&
        (contentTopics.length === 0 || contentTopics.includes(envelope.message.contentTopic)) &&
        (hashes.length === 0 || hashes.includes(envelope.hash)) &&
        (start === undefined || envelope.message.timestamp! >= start) &&
        (end === undefined || envelope.message.timestamp! <= end),
    ),
  )
}

function queryOf({ picks, ...criteria }: Question, stored: readonly Envelope[]): Omit<Query, 'cursor'> {
  const picked = picks.map((pick) => stored[pick]?.hash ?? 'ee'.repeat(32))
  return { ...criteria, hashes: picked }
}

/** Pages through `query`, and compares with what the array says. */
async function check(archive: Archive, stored: readonly Envelope[], query: Omit<Query, 'cursor'>): Promise<void> {
  const walked = await pages(archive, query)
  const inWalk = query.direction === 'forward' ? walked : walked.toReversed()
  const messages = inWalk.flatMap(({ messages }) => messages)
  const expected = answer(stored, query)
  assert.deepEqual(hashes(messages), hashes(expected))
  assert.ok(walked.slice(0, -1).every(({ messages }) => messages.length === query.limit))
  const bytes = query.includeData ? expected.map((envelope) => hex(envelope.bytes)) : expected.map(() => undefined)
  assert.deepEqual(
    messages.map(({ data }) => data && hex(data.bytes)),
    bytes,
  )
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/** Holds a backend against the array, `runs` times a test. */
export function properties(t: Test, open: Open, runs: number): void {
  t.test('a query is answered as by a sorted array', async (t) => {
    const messages = fc.uniqueArray(envelope, { maxLength: 80, selector: ({ hash }) => hash })
    await fc.assert(
      fc.asyncProperty(messages, fc.array(question, { minLength: 1, maxLength: 8 }), async (stored, questions) => {
        const backend = await open(t)
        const archive = await archiveOn(t, backend)
        await store(archive, stored)
        for (const asked of questions) await check(archive, stored, queryOf(asked, stored))
        const keepMessages = stored.length >> 1
        await pruneAll(archive, { keepMessages })
        assert.ok(archive.held.messages >= keepMessages)
        const left = inOrder(stored).slice(stored.length - archive.held.messages)
        for (const asked of questions) await check(archive, left, queryOf(asked, stored))
        await archive[Symbol.asyncDispose]()
      }),
      { numRuns: runs },
    )
    t.pass(`${runs} runs`)
  })

  t.test('what is stored while the oldest are deleted is there or was deleted, never hidden', async (t) => {
    const messages = fc.uniqueArray(envelope, { minLength: 30, maxLength: 80, selector: ({ hash }) => hash })
    await fc.assert(
      fc.asyncProperty(messages, fc.integer({ min: 1, max: 15 }), async (all, keepMessages) => {
        const archive = await archiveOn(t, await open(t))
        const deletions: Promise<unknown>[] = []
        for (const envelope of all) {
          deletions.push(store(archive, [envelope]), archive.prune({ keepMessages }, 7))
          if (deletions.length % 10 === 0) await archive.reclaim()
        }
        await Promise.all(deletions)
        const stored = await pages(archive, { limit: 100 })
        const found = new Set(stored.flatMap(({ messages }) => hashes(messages)))
        assert.equal(found.size, archive.held.messages, 'what is held is found')
        const present = await Promise.all(
          hashes(all).map(async (hash) => (await ask(archive, { hashes: [hash] })).messages),
        )
        assert.deepEqual(new Set(present.flatMap(hashes)), found, 'by hash too')
        await pruneAll(archive, { keepMessages })
        assert.ok(archive.held.messages >= Math.min(keepMessages, all.length))
        await archive[Symbol.asyncDispose]()
      }),
      { numRuns: runs },
    )
    t.pass(`${runs} runs`)
  })

  t.test('a walk meets what was there before it once, whatever arrives meanwhile', async (t) => {
    const messages = fc.uniqueArray(envelope, { minLength: 40, maxLength: 80, selector: ({ hash }) => hash })
    await fc.assert(
      fc.asyncProperty(messages, question, async (all, asked) => {
        const backend = await open(t)
        const archive = await archiveOn(t, backend)
        const [before, arriving] = [all.slice(0, 20), all.slice(20)]
        await store(archive, before)
        const query = { ...queryOf({ ...asked, picks: [] }, before), limit: 3 }
        const storing = store(archive, arriving)
        const seen = (await pages(archive, query)).flatMap(({ messages }) => hashes(messages))
        await storing
        assert.equal(new Set(seen).size, seen.length)
        const expected = new Set(hashes(answer(before, query)))
        assert.equal(seen.filter((hash) => expected.has(hash)).length, expected.size)
        assert.deepEqual(hashes((await ask(archive)).messages), hashes(inOrder(all)))
        await archive[Symbol.asyncDispose]()
      }),
      { numRuns: runs },
    )
    t.pass(`${runs} runs`)
  })
}
