import { createHash } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import type { Envelope } from '../../../src/core/envelope.ts'
import { encodePayload, type SyncPayload, zeroHash } from '../../../src/protocols/store-sync/codec.ts'
import { answerBytes, maxAnsweredRanges, maxRangeItems } from '../../../src/protocols/store-sync/limits.ts'
import { SyncSession } from '../../../src/protocols/store-sync/session.ts'
import { SyncIndex } from '../../../src/protocols/store-sync/sync-index.ts'
import { type Id, NwakuSide } from './nwaku.ts'

const topic = '/waku/2/rs/1/0'
const scope = { pubsubTopics: [topic], contentTopics: [] }

function idAt(time: bigint, name: string | number): Id {
  return { time, hash: createHash('sha256').update(`${time} ${name}`).digest('hex') }
}

/** What the index reads of an envelope. */
function envelopeOf({ time, hash }: Id, pubsubTopic = topic, contentTopic = '/a/1/b/proto'): Envelope {
  return { pubsubTopic, hash, message: { timestamp: time, contentTopic } } as Envelope
}

function indexOf(ids: readonly Id[]): SyncIndex {
  const index = new SyncIndex()
  for (const id of ids) index.add(envelopeOf(id))
  return index
}

interface Side {
  turn(frame: Uint8Array): Promise<{ body: Uint8Array; last: boolean } | undefined>
  sends(): string[]
}

function ours(ids: readonly Id[]): Side & { session: SyncSession } {
  const session = new SyncSession(indexOf(ids), scope)
  return { session, turn: (frame) => session.speak(frame), sends: () => [...session.toSend] }
}

function nwakus(ids: readonly Id[]): Side & { side: NwakuSide } {
  const side = new NwakuSide(ids, [topic])
  return { side, turn: async (frame) => side.turn(frame), sends: () => side.toSend.map(({ hash }) => hash) }
}

/** Lets two sides talk; `first` is the frame with which the second opens. Gives turns and bytes. */
async function talk(one: Side, other: Side, first: Uint8Array): Promise<{ turns: number; bytes: number }> {
  let frame = first
  let bytes = frame.length
  let turns = 0
  for (let [speaks, hears] = [one, other]; ; [speaks, hears] = [hears, speaks]) {
    const reply = await speaks.turn(frame)
    turns += 1
    if (reply === undefined) break
    bytes += reply.body.length
    frame = reply.body
    if (reply.last) {
      await hears.turn(frame)
      break
    }
    if (turns > 5000) throw new Error('it does not end')
  }
  return { turns, bytes }
}

function without(all: readonly Id[], some: readonly Id[]): string[] {
  const known = new Set(some.map(({ hash }) => hash))
  return all.map(({ hash }) => hash).filter((hash) => !known.has(hash))
}

const window = 1_000_000n

/** Two sets with something in common; times may come many times. */
const sets = fc
  .array(fc.tuple(fc.oneof(fc.bigInt(0n, window - 1n), fc.bigInt(0n, 20n)), fc.integer({ min: 0, max: 9 })), {
    maxLength: 1500,
    size: 'max',
  })
  .map((rows) => rows.map(([time, where], index) => ({ id: idAt(time, index), where })))

t.test('each side sends exactly what the other lacks', async () => {
  await fc.assert(
    fc.asyncProperty(sets, async (rows) => {
      const left = rows.filter(({ where }) => where !== 0).map(({ id }) => id)
      const right = rows.filter(({ where }) => where !== 1).map(({ id }) => id)
      const [a, b] = [ours(left), ours(right)]
      await talk(b, a, a.session.open(0n, window))
      return same(a.sends(), without(left, right)) && same(b.sends(), without(right, left))
    }),
    { numRuns: 60 },
  )
})

/** Times as they are in the field: nine bytes each, which nwaku's decoder demands even where fewer would do. */
const today = 1_764_000_000_000_000_000n

/**
 * At most eight share a time, and all within eight nanoseconds are fewer than a hundred: nwaku drops a range of more of
 * them from its answer. A generator alone does not keep to that, for it likes the ends of its range.
 */
const apart = 2048n
const nwakuSets = sets.map((rows) =>
  rows.map(({ id, where }, index) => ({ id: idAt(today + id.time * apart + BigInt(index >> 3), index), where })),
)
const nwakuWindow = window * apart

t.test('with a side that plays as nwaku does, both send what the other lacks, whoever begins', async () => {
  await fc.assert(
    fc.asyncProperty(nwakuSets, fc.boolean(), async (rows, weBegin) => {
      const left = rows.filter(({ where }) => where !== 0).map(({ id }) => id)
      const right = rows.filter(({ where }) => where !== 1).map(({ id }) => id)
      const [us, them] = [ours(left), nwakus(right)]
      if (weBegin) await talk(them, us, us.session.open(today, today + nwakuWindow))
      else await talk(us, them, them.side.open(today, today + nwakuWindow))
      return same(us.sends(), without(left, right)) && same(them.sends(), without(right, left))
    }),
    { numRuns: 60 },
  )
})

t.test('equal sets end after one turn, and say so in one byte', async (t) => {
  const ids = Array.from({ length: 1000 }, (_, index) => idAt(BigInt(index) * 7n, index))
  const [a, b] = [ours(ids), ours(ids)]
  const reply = await b.turn(a.session.open(0n, window))
  t.same(reply, { body: Uint8Array.of(0), last: true })
  t.equal(await a.turn(reply!.body), undefined)
})

t.test('shards that are not common end the session with an empty frame', async (t) => {
  const session = new SyncSession(new SyncIndex(), { pubsubTopics: ['/waku/2/rs/1/5'], contentTopics: [] })
  t.same(await session.speak(ours([]).session.open(0n, window)), { body: new Uint8Array(0), last: true })
})

t.test('a scope of content topics leaves the others out', async (t) => {
  const all = Array.from({ length: 400 }, (_, index) => idAt(BigInt(index), index))
  const index = new SyncIndex()
  for (const [place, id] of all.entries())
    index.add(envelopeOf(id, topic, place % 2 === 0 ? '/even/1/b/proto' : '/odd/1/b/proto'))
  const us = new SyncSession(index, scope)
  const them = new SyncSession(new SyncIndex(), { ...scope, contentTopics: ['/even/1/b/proto'] })
  const side = (session: SyncSession): Side => ({
    turn: (frame) => session.speak(frame),
    sends: () => [...session.toSend],
  })
  await talk(side(us), side(them), them.open(0n, window))
  t.same(
    [...us.toSend].sort(),
    all
      .filter((_, place) => place % 2 === 0)
      .map(({ hash }) => hash)
      .sort(),
  )
})

t.test('what lies before our window is passed over, and the rest is found', async (t) => {
  const ids = Array.from({ length: 600 }, (_, index) => idAt(BigInt(index), index))
  const mine = ours(ids.filter((_, index) => index % 3 !== 0))
  const index = indexOf(ids.filter((_, index) => index % 3 !== 1))
  index.dropBefore(300n)
  const late = new SyncSession(index, scope)
  await talk({ turn: (frame) => late.speak(frame), sends: () => [] }, mine, mine.session.open(0n, window))
  const recent = ids.filter(({ time }) => time >= 300n)
  t.same(
    [...late.toSend].sort(),
    recent
      .filter((_, index) => index % 3 === 0)
      .map(({ hash }) => hash)
      .sort(),
  )
  t.same(
    mine.sends().sort(),
    recent
      .filter((_, index) => index % 3 === 1)
      .map(({ hash }) => hash)
      .sort(),
  )
})

t.test('differences beyond what one answer holds are found over several turns', async (t) => {
  const ids = Array.from({ length: 60_000 }, (_, index) => idAt(BigInt(index) * 10n, index))
  const [a, b] = [ours(ids.filter((_, index) => index % 2 === 0)), ours(ids.filter((_, index) => index % 2 === 1))]
  const frames: number[] = []
  const watched = (side: Side): Side => ({
    ...side,
    async turn(frame) {
      const reply = await side.turn(frame)
      if (reply !== undefined) frames.push(reply.body.length)
      return reply
    },
  })
  await talk(watched(b), watched(a), a.session.open(0n, window))
  t.equal(a.sends().length + b.sends().length, 60_000)
  t.ok(Math.max(...frames) < 2 * answerBytes, `no answer is much above its bound (${Math.max(...frames)} bytes)`)
  t.ok(
    frames.some((bytes) => bytes > answerBytes / 2),
    'and some come near it',
  )
})

t.test('the bytes exchanged follow the difference, not the size of the sets', async (t) => {
  const all = Array.from({ length: 100_000 }, (_, index) => idAt(BigInt(index) * 10n, index))
  const index = indexOf(all)
  let previous = 0
  for (const differences of [0, 1, 10, 100, 1000]) {
    const missing = new Set(Array.from({ length: differences }, (_, n) => Math.floor((n * all.length) / differences)))
    const other = ours(all.filter((_, place) => !missing.has(place)))
    const session = new SyncSession(index, scope)
    const { bytes } = await talk(
      other,
      { turn: (frame) => session.speak(frame), sends: () => [] },
      session.open(0n, window),
    )
    t.equal(session.toSend.length, differences)
    t.ok(bytes < 200 + differences * 4000, `${differences} differences in 100,000: ${bytes} bytes`)
    t.ok(bytes >= previous, 'more differences take more')
    previous = bytes
  }
})

t.test('a peer that says what it likes costs a bounded answer', async (t) => {
  const ids = Array.from({ length: 20_000 }, (_, index) => idAt(BigInt(index), index))
  const honest = { ...scope, lower: 0n }
  const far = { time: window, hash: zeroHash }
  const many = Array.from({ length: 4 * maxAnsweredRanges }, (_, index) => ({
    type: 'fingerprint' as const,
    upper: { time: BigInt(index + 1), hash: zeroHash },
    fingerprint: new Uint8Array(32).fill(1),
  }))
  const rows: readonly { readonly id: string; readonly payload: SyncPayload }[] = [
    { id: 'tens of thousands of wrong fingerprints', payload: { ...honest, ranges: many } },
    {
      id: 'an empty list of everything, that wants ours',
      payload: { ...honest, ranges: [{ type: 'items', upper: far, items: [], reconciled: false }] },
    },
    {
      id: 'a bound at the end of time',
      payload: {
        ...honest,
        ranges: [{ type: 'fingerprint', upper: { time: 2n ** 63n - 1n, hash: zeroHash }, fingerprint: zeroHash }],
      },
    },
  ]
  for (const { id, payload } of rows) {
    const reply = await ours(ids).session.speak(encodePayload(payload))
    t.ok(reply !== undefined && reply.body.length < 2 * answerBytes, `${id}: ${reply?.body.length} bytes`)
  }
})

t.test('thousands of messages with one timestamp do not hold a session up', async (t) => {
  const heap = Array.from({ length: maxRangeItems + 1 }, (_, index) => idAt(500n, index))
  const some = Array.from({ length: 200 }, (_, index) => idAt(BigInt(index), `s${index}`))
  const [a, b] = [ours([...heap, ...some]), ours([])]
  const { turns } = await talk(b, a, a.session.open(0n, window))
  t.ok(turns < 20, `${turns} turns`)
  t.ok(
    some.every(({ hash }) => a.sends().includes(hash)),
    'the others are sent',
  )
})

t.test('above its bound the index forgets its oldest', async (t) => {
  const index = new SyncIndex(1000)
  for (let time = 0; time < 5000; time += 1) index.add(envelopeOf(idAt(BigInt(time), time)))
  t.ok(index.size <= 1000, `${index.size} messages`)
  t.ok(index.size > 800)
  t.ok(index.floor > 3900n)
})

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.toSorted().join() === b.toSorted().join()
}
