/** The history as @waku/sdk asks for it: 500 messages, both ways, from a cursor, by hash, by time. */
import type { IDecodedMessage } from '@waku/sdk'
import t, { type Test } from 'tap'
import { complaints } from '../kit/complaints.ts'
import { pooled } from '../kit/pool.ts'
import { clientOf, Inbox, pages, textOf } from '../kit/sdk.ts'
import { twins } from '../kit/twins.ts'

const contentTopic = '/waypost/1/history/proto'
const count = 500
/** Messages that share a millisecond, which is all the precision that @waku/sdk's clock has. */
const perTimestamp = 4

const [node] = await twins(t)
const writer = await clientOf(t, node)
const client = await clientOf(t, node)
const decoder = client.createDecoder({ contentTopic })

// Other traffic on the same shard, which no query may bring.
const noise = writer.createEncoder({ contentTopic: '/waypost/1/noise/proto' })
await writer.lightPush.send(noise, { payload: Buffer.from('noise') })

/**
 * In milliseconds, a multiple of 4: the SDK computes nanoseconds of a time range in a double, exact only for these. A store
 * takes what is 20 s from its clock either way: from a little below that ahead, sending has more than half a minute.
 */
const start = Math.floor(Date.now() / 4) * 4 + 15_000
const encoder = writer.createEncoder({ contentTopic })
await pooled(25, Array(count).keys(), send)

async function send(index: number): Promise<void> {
  const timestamp = new Date(start + Math.floor(index / perTimestamp))
  const message = { payload: Buffer.from(`message ${index}`), timestamp }
  const { failures } = await writer.lightPush.send(encoder, message, { autoRetry: false })
  if (failures.length > 0) throw new Error(String(failures[0]?.error))
}

/** By time, and by hash among those of one time (13/WAKU2-STORE): what each query should yield, in this order. */
const all = (await pages(client, decoder, { paginationLimit: 100 })).flat()
const expected = all.toSorted((a, b) => timeOf(a) - timeOf(b) || (a.hashStr < b.hashStr ? -1 : 1))

function timeOf({ timestamp }: IDecodedMessage): number {
  return timestamp?.getTime() ?? 0
}

const hashesOf = (messages: readonly IDecodedMessage[]): string[] => messages.map(({ hashStr }) => hashStr)

t.test('all 500 are there, once each', async (t) => {
  const texts = Array.from({ length: count }, (_, index) => `message ${index}`)
  t.same(all.map(textOf).toSorted(), texts.toSorted())
})

/** Holds pages against their limit. On a busy machine a page may end early, with a cursor for the rest. */
function keepTo(t: Test, limit: number, found: readonly IDecodedMessage[][]): void {
  const lengths = found.map(({ length }) => length)
  t.equal(Math.max(...lengths), limit, 'no page is longer than asked, and there are some as long')
  t.ok(Math.min(...lengths) > 0, 'none is empty')
}

for (const { asked, limit } of [
  { asked: undefined, limit: 20 },
  { asked: 100, limit: 100 },
  { asked: 37, limit: 37 },
]) {
  t.test(`pages of ${asked ?? 'the default length'} bring them in order, forwards and backwards`, async (t) => {
    const forward = await pages(client, decoder, { paginationForward: true, paginationLimit: asked })
    keepTo(t, limit, forward)
    t.same(hashesOf(forward.flat()), hashesOf(expected))
    const backward = await pages(client, decoder, { paginationForward: false, paginationLimit: asked })
    keepTo(t, limit, backward)
    t.same(hashesOf(backward.toReversed().flat()), hashesOf(expected), 'newest page first, oldest first in each')
  })
}

t.test('a query from the cursor of a message brings what follows it, or went before it', async (t) => {
  const middle = expected[250]!
  const paginationCursor = client.store.createCursor(middle)
  const after = await pages(client, decoder, { paginationCursor, paginationForward: true, paginationLimit: 100 })
  t.same(hashesOf(after.flat()), hashesOf(expected.slice(251)))
  const before = await pages(client, decoder, { paginationCursor, paginationForward: false, paginationLimit: 100 })
  t.same(hashesOf(before.toReversed().flat()), hashesOf(expected.slice(0, 250)))
})

t.test('a query by hash brings these messages and no others', async (t) => {
  const wanted = [3, 77, 499].map((index) => expected[index]!)
  const found = await pages(client, decoder, { messageHashes: wanted.map(({ hash }) => hash) })
  t.same(hashesOf(found.flat()), hashesOf(wanted))
})

t.test('a query for a time range brings both ends of it', async (t) => {
  const [from, to] = [start + 8, start + 20]
  const found = await pages(client, decoder, { timeStart: new Date(from), timeEnd: new Date(to) })
  t.equal(found.flat().length, 13 * perTimestamp)
  t.same(hashesOf(found.flat()), hashesOf(expected.filter((one) => timeOf(one) >= from && timeOf(one) <= to)))
})

t.test('a query for another content topic brings nothing of these', async (t) => {
  const other = client.createDecoder({ contentTopic: '/waypost/1/nothing/proto' })
  t.same((await pages(client, other)).flat(), [])
})

for (const { id, ephemeral, age } of [
  { id: 'ephemeral', ephemeral: true, age: 0 },
  { id: 'older than 20 seconds', ephemeral: false, age: 30_000 },
  { id: 'made in the future', ephemeral: false, age: -600_000 },
]) {
  t.test(`a message that is ${id} reaches who is there and is not kept`, async (t) => {
    const contentTopic = '/waypost/1/passing/proto'
    const inbox = new Inbox(client)
    await inbox.subscribe([contentTopic])
    const message = { payload: Buffer.from(id), timestamp: new Date(Date.now() - age) }
    const { failures } = await writer.lightPush.send(writer.createEncoder({ contentTopic, ephemeral }), message)
    t.same(failures, [])
    t.same((await inbox.until(1)).map(textOf), [id])
    t.same(await pages(client, client.createDecoder({ contentTopic })), [])
  })
}

t.test('none of this worries the operator', async (t) => {
  t.same([node].flatMap(complaints), [])
})
