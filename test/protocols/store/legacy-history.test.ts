import t from 'tap'
import { type Envelope, sealEnvelope } from '../../../src/core/envelope.ts'
import type { LegacyCursor, LegacyPage, LegacyQuery } from '../../../src/core/legacy-query.ts'
import { decodeMessage } from '../../../src/core/message.ts'
import type { Page } from '../../../src/core/query.ts'
import { LegacyHistory } from '../../../src/protocols/store/legacy-history.ts'
import { hexOf } from '../../kit/vectors.ts'
import { contentTopic, messages, pubsubTopic, Remembered } from './history.ts'

const plain: LegacyQuery = { direction: 'forward', limit: 20 }

/** All pages of `history`, each page's messages in hexadecimal. */
async function pages(history: LegacyHistory, query: LegacyQuery): Promise<string[][]> {
  const read: string[][] = []
  let cursor: LegacyCursor | undefined
  do {
    const page = await history.query({ ...query, cursor })
    read.push(page.messages.map(hexOf))
    cursor = page.cursor
  } while (cursor !== undefined)
  return read
}

/** In the order of history. */
function bytesIn(envelopes: readonly Envelope[]): string[] {
  const known = new Map(envelopes.map(({ hash, bytes }) => [hash, hexOf(bytes)]))
  return new Remembered(envelopes).hashes.map((hash) => known.get(hash) ?? '')
}

/** Messages that version 2 cannot tell apart: `count` of one time, topic and payload, each with a meta of its own. */
function alike(count: number, timestamp = 1005n): Envelope[] {
  return Array.from({ length: count }, (_, index) =>
    sealEnvelope(pubsubTopic, { payload: Buffer.from('x'), contentTopic, timestamp, meta: Buffer.from(`${index}`) }, 0),
  )
}

t.test('pages make up the whole history, each message once, in both directions', async (t) => {
  const envelopes = [...messages(25, 4), ...alike(7)]
  const history = new LegacyHistory(new Remembered(envelopes))
  for (const limit of [1, 2, 7, 100]) {
    const forward = await pages(history, { ...plain, limit })
    t.same(forward.flat(), bytesIn(envelopes), `forward by ${limit}`)
    const backward = await pages(history, { ...plain, limit, direction: 'backward' })
    t.same(backward.toReversed().flat(), bytesIn(envelopes), `backward by ${limit}: oldest first in each page`)
  }
})

t.test(
  'a cursor of another node, whose store time says nothing here, repeats messages rather than leave any out',
  async (t) => {
    const envelopes = alike(3)
    const history = new LegacyHistory(new Remembered(envelopes))
    for (const direction of ['forward', 'backward'] as const) {
      const { cursor } = await history.query({ ...plain, direction, limit: 2 })
      if (cursor === undefined) return t.fail('no cursor')
      const theirs = { ...cursor, storeTime: cursor.senderTime + 10n ** 12n }
      t.equal((await history.query({ ...plain, direction, cursor: theirs })).messages.length, 2, direction)
      t.equal(
        (await history.query({ ...plain, direction, cursor })).messages.length,
        1,
        `${direction}: our own is exact`,
      )
    }
  },
)

t.test('a page behind a message that was deleted begins at its time', async (t) => {
  const envelopes = messages(10)
  const page = async (direction: 'forward' | 'backward', more: Partial<LegacyQuery> = {}): Promise<string[]> => {
    const { cursor } = await new LegacyHistory(new Remembered(envelopes)).query({ ...plain, direction, limit: 4 })
    const [last] = direction === 'forward' ? envelopes.slice(3) : envelopes.slice(-4)
    const left = new LegacyHistory(new Remembered(envelopes.filter((one) => one !== last)))
    return (await left.query({ ...plain, direction, cursor, ...more })).messages.map(hexOf)
  }
  const bytes = bytesIn(envelopes)
  t.same(await page('forward'), bytes.slice(4))
  t.same(await page('backward'), bytes.slice(0, 6))
  t.same(await page('forward', { start: 1008n }), bytes.slice(8), 'the later of the two beginnings')
  t.same(await page('forward', { start: 1n }), bytes.slice(4))
  t.same(await page('backward', { end: 1001n }), bytes.slice(0, 2), 'the earlier of the two ends')
})

t.test('a page that found nothing in its time has the cursor of where it stopped', async (t) => {
  const envelopes = messages(3)
  const [, second] = envelopes
  if (second === undefined) return t.fail('no messages')
  const all = new Remembered(envelopes)
  const tired = {
    async query(query: Parameters<typeof all.query>[0]): Promise<Page> {
      return query.limit === 20 ? { messages: [], cursor: second.hash } : await all.query(query)
    },
  }
  const page: LegacyPage = await new LegacyHistory(tired).query(plain)
  t.match(page, { messages: [], cursor: { pubsubTopic, senderTime: second.message.timestamp } })
})

const digest = Buffer.alloc(32, 1)
const good: LegacyCursor = { pubsubTopic, senderTime: 1000n, storeTime: 1000n, digest }
const bad: [string, Partial<LegacyCursor>][] = [
  ['empty pubsubTopic', { pubsubTopic: '' }],
  ['invalid senderTime', { senderTime: 0n }],
  ['invalid storeTime', { storeTime: 0n }],
  ['empty digest', { digest: Buffer.alloc(32) }],
]

t.test('a cursor without one of its parts is refused in the words of nwaku', async (t) => {
  const history = new LegacyHistory(new Remembered(messages(3)))
  t.equal((await history.query({ ...plain, cursor: good })).messages.length, 3, 'a whole one is not')
  for (const [why, part] of bad)
    await t.rejects(history.query({ ...plain, cursor: { ...good, ...part } }), {
      code: 'store/bad-query',
      data: { why },
    })
})

t.test('a cursor among more messages of its time than can be looked through is refused', async (t) => {
  const envelopes = messages(1001, 1001)
  const history = new LegacyHistory(new Remembered(envelopes))
  const cursor: LegacyCursor = { ...good, senderTime: decodeMessage(envelopes[0]?.bytes ?? digest).timestamp ?? 0n }
  await t.rejects(history.query({ ...plain, cursor }), { code: 'store/bad-query', message: /too many messages/ })
})
