/** What every backend of the archive has to do. */
import type { Test } from 'tap'
import { amountOf, type Backend } from '../../src/archive/backend.ts'
import { maxPageBytes, maxQueryTopics } from '../../src/core/query.ts'
import type { Clock } from '../../src/core/time.ts'
import { archiveOn, ask, envelopeAt, envelopes, hashes, inOrder, pages, pruneAll, pubsubTopic, store } from './kit.ts'

const int64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n }

/** Opens an empty backend that lives as long as the test. */
export type Open = (t: Test, clock?: Clock) => Promise<Backend>

/** `grain`: messages at the most that a backend keeps beyond the limits of retention, because it deletes them together. */
export function conformance(t: Test, open: Open, grain = 0): void {
  t.test('a message comes back as the bytes that were stored', async (t) => {
    const archive = await archiveOn(t, await open(t))
    const envelope = envelopeAt(1n)
    await store(archive, [envelope])
    const { messages, cursor } = await ask(archive)
    t.equal(cursor, undefined)
    t.equal(messages.length, 1)
    t.equal(messages[0]?.hash, envelope.hash)
    t.equal(messages[0]?.data?.pubsubTopic, envelope.pubsubTopic)
    t.same(Buffer.from(messages[0]?.data?.bytes ?? []), Buffer.from(envelope.bytes))
  })

  t.test('an empty archive answers with an empty page', async (t) => {
    const archive = await archiveOn(t, await open(t))
    t.same(await ask(archive), { messages: [] })
    t.same(await ask(archive, { contentTopics: ['/a/1/b/c'], pubsubTopic, direction: 'backward' }), { messages: [] })
    t.same(await ask(archive, { hashes: [envelopeAt(1n).hash] }), { messages: [] })
  })

  t.test('messages are ordered by timestamp, then by hash, over the whole range of timestamps', async (t) => {
    const archive = await archiveOn(t, await open(t))
    const times = [0n, -1n, 1n, int64.min, int64.max, 255n, 256n, -256n, 2n ** 32n, 1n, 1n, -(2n ** 40n), 0n]
    const stored = times.map((time, index) =>
      envelopeAt(time, { contentTopic: `/t/1/${index % 3}/x`, pubsubTopic: `/waku/2/rs/1/${index % 2}` }),
    )
    await store(archive, stored)
    const expected = hashes(inOrder(stored))
    t.same(hashes((await ask(archive)).messages), expected)
    t.same(hashes((await ask(archive, { direction: 'backward' })).messages), expected, 'oldest first both ways')
    const contentTopics = ['/t/1/0/x', '/t/1/1/x', '/t/1/2/x']
    t.same(hashes((await ask(archive, { contentTopics })).messages), expected, 'merged from content topics')
    t.same(hashes((await ask(archive, { hashes: hashes(stored) })).messages), expected, 'by hash')
  })

  t.test('pages follow each other without a gap or an overlap, both ways', async (t) => {
    const archive = await archiveOn(t, await open(t))
    const stored = Array.from({ length: 25 }, (_, index) => envelopeAt(BigInt(index >> 3)))
    await store(archive, stored)
    const expected = hashes(inOrder(stored))
    for (const limit of [1, 4, 5, 25]) {
      const forward = await pages(archive, { limit })
      t.same(
        forward.flatMap(({ messages }) => hashes(messages)),
        expected,
        `forward by ${limit}`,
      )
      const backward = await pages(archive, { limit, direction: 'backward' })
      t.same(
        backward.reverse().flatMap(({ messages }) => hashes(messages)),
        expected,
        `backward by ${limit}`,
      )
      t.equal(forward.length, Math.ceil(25 / limit), 'no empty page at the end')
    }
  })

  t.test('both ends of a time range belong to it', async (t) => {
    const archive = await archiveOn(t, await open(t))
    const stored = envelopes(6)
    await store(archive, stored)
    const between = async (start?: bigint, end?: bigint, direction: 'forward' | 'backward' = 'forward') =>
      hashes((await ask(archive, { start, end, direction })).messages)
    t.same(await between(2n, 4n), hashes(stored.slice(2, 5)))
    t.same(await between(2n, 4n, 'backward'), hashes(stored.slice(2, 5)))
    t.same(await between(3n, 3n), hashes(stored.slice(3, 4)))
    t.same(await between(4n), hashes(stored.slice(4)))
    t.same(await between(undefined, 1n, 'backward'), hashes(stored.slice(0, 2)))
    t.same(await between(4n, 2n), [], 'an end before the start')
    t.same(await between(int64.max + 1n), [], 'beyond all timestamps')
    t.same(await between(undefined, int64.min - 1n), [], 'before all timestamps')
    t.same(await between(int64.min - 1n, int64.max + 1n), hashes(stored))
  })

  t.test('all criteria of a query are combined', async (t) => {
    const archive = await archiveOn(t, await open(t))
    const kinds = ['0', '1'].flatMap((shard) => ['a', 'b', 'c'].map((topic) => ({ shard, topic })))
    const stored = kinds.flatMap(({ shard, topic }) =>
      envelopes(4, { pubsubTopic: `/waku/2/rs/1/${shard}`, contentTopic: `/t/1/${topic}/x` }),
    )
    await store(archive, stored)
    const criteria = {
      pubsubTopic: '/waku/2/rs/1/1',
      contentTopics: ['/t/1/a/x', '/t/1/c/x', '/t/1/a/x', '/t/1/unknown/x'],
      start: 1n,
      end: 2n,
    }
    const expected = inOrder(
      stored.filter(
        ({ pubsubTopic, message }) =>
          pubsubTopic === criteria.pubsubTopic &&
          criteria.contentTopics.includes(message.contentTopic) &&
          (message.timestamp === 1n || message.timestamp === 2n),
      ),
    )
    t.equal(expected.length, 4)
    t.same(hashes((await ask(archive, criteria)).messages), hashes(expected))
    t.same(hashes((await ask(archive, { ...criteria, hashes: hashes(stored) })).messages), hashes(expected))
    t.same((await ask(archive, { ...criteria, pubsubTopic: '/waku/2/rs/1/7' })).messages, [])
    const backward = await ask(archive, { ...criteria, direction: 'backward', limit: 3 })
    t.same(hashes(backward.messages), hashes(expected.slice(1)))
  })

  t.test('hashes are looked up, known, unknown, and twice', async (t) => {
    const archive = await archiveOn(t, await open(t))
    const stored = envelopes(5)
    await store(archive, stored)
    const asked = [stored[3]!.hash, envelopeAt(9n).hash, stored[1]!.hash, stored[3]!.hash]
    t.same(hashes((await ask(archive, { hashes: asked })).messages), [stored[1]!.hash, stored[3]!.hash])
    const paged = await pages(archive, { hashes: hashes(stored), limit: 2, direction: 'backward' })
    t.same(
      paged.map(({ messages }) => messages.length),
      [2, 2, 1],
    )
  })

  t.test('a presence query is answered without data', async (t) => {
    const archive = await archiveOn(t, await open(t))
    const stored = envelopes(3)
    await store(archive, stored)
    for (const criteria of [{ hashes: hashes(stored) }, { contentTopics: [stored[0]!.message.contentTopic] }, {}]) {
      const { messages } = await ask(archive, { ...criteria, includeData: false })
      t.same(
        messages,
        stored.map(({ hash }) => ({ hash, data: undefined })),
      )
    }
  })

  t.test('a message stored again is held once', async (t) => {
    const archive = await archiveOn(t, await open(t))
    const envelope = envelopeAt(1n)
    await store(archive, [envelope, envelope])
    await store(archive, [envelope, envelopeAt(2n)])
    t.equal((await ask(archive)).messages.length, 2)
    t.equal(archive.held.messages, 2)
  })

  t.test('topics are any text, and no topic is the head of another', async (t) => {
    const archive = await archiveOn(t, await open(t))
    const topics = [
      '',
      '/',
      '\0',
      'a\0',
      'a',
      'a\0b',
      'ä',
      'a\u0308',
      '日本',
      '🦊',
      '\ufffd',
      "'; drop table messages --",
      'x'.repeat(5000),
    ]
    const stored = topics.map((contentTopic) => envelopeAt(1n, { contentTopic, pubsubTopic: `/p/${contentTopic}` }))
    await store(archive, stored)
    for (const { message, pubsubTopic, hash } of stored) {
      const id = JSON.stringify(message.contentTopic.slice(0, 20))
      t.same(hashes((await ask(archive, { contentTopics: [message.contentTopic] })).messages), [hash], id)
      t.same(hashes((await ask(archive, { pubsubTopic })).messages), [hash], id)
    }
  })

  t.test('a page ends at its bytes, with one message at the least', async (t) => {
    const archive = await archiveOn(t, await open(t))
    const big = Array.from({ length: 8 }, (_, index) =>
      envelopeAt(BigInt(index), { payload: Buffer.alloc(1_000_000, index) }),
    )
    const huge = envelopeAt(100n, { payload: Buffer.alloc(maxPageBytes + 1) })
    await store(archive, [...big, huge])
    const criteria = [{}, { contentTopics: [huge.message.contentTopic] }, { hashes: hashes([...big, huge]) }]
    for (const query of criteria) {
      const forward = await pages(archive, query)
      t.same(
        forward.map(({ messages }) => messages.length),
        [3, 3, 2, 1],
      )
      t.same(
        forward.flatMap(({ messages }) => hashes(messages)),
        hashes([...big, huge]),
      )
      const backward = await pages(archive, { ...query, direction: 'backward' })
      t.same(
        backward.map(({ messages }) => messages.length),
        [1, 3, 3, 2],
      )
    }
  })

  t.test('many content topics are one sequence', async (t) => {
    const archive = await archiveOn(t, await open(t))
    const contentTopics = Array.from({ length: maxQueryTopics }, (_, index) => `/t/1/${index}/x`)
    const stored = Array.from({ length: 500 }, (_, index) =>
      envelopeAt(BigInt(index), { contentTopic: contentTopics[(index * 37) % 101] ?? '/not/1/asked/for' }),
    )
    await store(archive, stored)
    const expected = hashes(stored.filter(({ message }) => contentTopics.includes(message.contentTopic)))
    const forward = await pages(archive, { contentTopics, limit: 60 })
    t.same(
      forward.flatMap(({ messages }) => hashes(messages)),
      expected,
    )
    const backward = await pages(archive, { contentTopics, limit: 60, direction: 'backward' })
    t.same(
      backward.reverse().flatMap(({ messages }) => hashes(messages)),
      expected,
    )
  })

  t.test('paging is exact while messages arrive', async (t) => {
    const archive = await archiveOn(t, await open(t))
    const before = Array.from({ length: 120 }, (_, index) => envelopeAt(BigInt(index >> 2) * 10n))
    await store(archive, before)
    const arriving = (async () => {
      for (let index = 0; index < 60; index++) await store(archive, [envelopeAt(BigInt(index * 5))])
    })()
    const seen = (await pages(archive, { limit: 7 })).flatMap(({ messages }) => hashes(messages))
    await arriving
    t.equal(new Set(seen).size, seen.length, 'none twice')
    t.same(
      seen.filter((hash) => before.some((envelope) => envelope.hash === hash)),
      hashes(inOrder(before)),
      'none lost',
    )
  })

  t.test('an unknown cursor is refused', async (t) => {
    const archive = await archiveOn(t, await open(t))
    await store(archive, envelopes(3))
    await t.rejects(ask(archive, { cursor: envelopeAt(1n).hash }), { code: 'archive/unknown-cursor' })
    await t.rejects(ask(archive, { cursor: '0'.repeat(64) }), { code: 'archive/unknown-cursor' })
  })

  t.test('a cursor counts wherever it stands, also outside of the criteria', async (t) => {
    const archive = await archiveOn(t, await open(t))
    const stored = envelopes(6)
    const other = envelopeAt(3n, { contentTopic: '/other/1/t/x', pubsubTopic: '/waku/2/rs/1/9' })
    await store(archive, [...stored, other])
    const after = stored.filter(
      ({ hash, message }) => message.timestamp! > 3n || (message.timestamp === 3n && hash > other.hash),
    )
    const contentTopics = [stored[0]!.message.contentTopic]
    t.same(hashes((await ask(archive, { contentTopics, cursor: other.hash })).messages), hashes(after))
    t.same(hashes((await ask(archive, { cursor: stored[1]!.hash, start: 4n })).messages), hashes(stored.slice(4)))
    t.same((await ask(archive, { cursor: stored[5]!.hash, end: 4n })).messages, [])
    t.same(
      hashes((await ask(archive, { cursor: stored[5]!.hash, end: 1n, direction: 'backward' })).messages),
      hashes(stored.slice(0, 2)),
    )
  })

  t.test('the oldest messages are deleted, as far as the limits say and no further', async (t) => {
    const backend = await open(t)
    const archive = await archiveOn(t, backend)
    const stored = Array.from({ length: 40 }, (_, index) =>
      envelopeAt(BigInt(index), { pubsubTopic: `/waku/2/rs/1/${index % 3}`, contentTopic: `/t/1/${index % 4}/x` }),
    )
    await store(archive, stored)
    const left = async () => hashes((await ask(archive)).messages)
    /** The newest `least` are kept, and of those before them a few. */
    const isKept = async (least: number, message: string) => {
      const found = await left()
      t.same(found, hashes(stored.slice(40 - found.length)), `${message}: the newest`)
      t.ok(found.length >= least && found.length <= least + grain, `${message}: ${found.length} of ${least}`)
      t.equal(archive.held.messages, found.length)
    }
    if (grain === 0) t.equal((await archive.prune({ before: 10n }, 3)).messages, 3, 'a step')
    await pruneAll(archive, { before: 10n })
    await isKept(30, 'by time')
    await pruneAll(archive, { keepMessages: 20 })
    await isKept(20, 'by count')
    const keepBytes = amountOf(stored.slice(30)).bytes
    await pruneAll(archive, { keepBytes })
    await isKept(10, 'by bytes')
    t.equal((await archive.prune({ keepBytes, keepMessages: 10, before: 20n }, 100)).messages, 0)
    const found = await left()
    const contentTopics = ['/t/1/0/x', '/t/1/1/x', '/t/1/2/x', '/t/1/3/x']
    t.same(hashes((await ask(archive, { contentTopics })).messages), found, 'indices too')
    t.same(hashes((await ask(archive, { hashes: hashes(stored) })).messages), found)
    const oldest = { timestamp: BigInt(40 - found.length) }
    t.match(await backend.stat(), { messages: found.length, oldest, newest: { timestamp: 39n } })
    t.equal((await backend.stat()).bytes, archive.held.bytes)
  })

  t.test('a client goes on behind a cursor that was deleted meanwhile, for an hour', async (t) => {
    let now = 1_000_000_000_000
    const archive = await archiveOn(t, await open(t, () => now))
    const stored = envelopes(40)
    await store(archive, stored)
    await pruneAll(archive, { before: 30n })
    await archive.reclaim()
    const left = hashes((await ask(archive)).messages)
    const [one, other] = stored.slice(2)
    t.notOk(left.includes(one!.hash) || left.includes(other!.hash), 'both are deleted')
    t.same(hashes((await ask(archive, { cursor: one!.hash })).messages), left)
    t.same((await ask(archive, { cursor: one!.hash, direction: 'backward' })).messages, [])
    await store(archive, [other!])
    t.same(hashes((await ask(archive, { cursor: one!.hash })).messages), [other!.hash, ...left], 'stored again')
    now += 3_600_001
    await archive.reclaim()
    await t.rejects(ask(archive, { cursor: one!.hash }), { code: 'archive/unknown-cursor' })
    t.same(hashes((await ask(archive, { cursor: other!.hash })).messages), left)
  })

  t.test('a query that costs too much ends early, and goes on behind its cursor', async (t) => {
    const backend = await open(t)
    const archive = await archiveOn(t, backend)
    const stored = envelopes(40)
    await store(archive, stored)
    const bounds = { includeData: true, messages: 100, bytes: maxPageBytes }
    const few = await backend.scan({ direction: 'forward' }, { ...bounds, rows: 7, expired: () => false })
    t.same(hashes(few.rows), hashes(stored.slice(0, 7)))
    t.equal(few.stoppedAt?.hash, stored[6]?.hash)
    const late = await backend.scan({ direction: 'forward' }, { ...bounds, rows: 1000, expired: () => true })
    t.same(hashes(late.rows), hashes(stored.slice(0, 1)), 'one message whatever the time')
    t.equal(late.stoppedAt?.hash, stored[0]?.hash)
  })
}
