import t from 'tap'
import { protocolMessage } from '../../../src/messaging/encryption/protocol-message.ts'
import { type CompressedKey, KeyPair } from '../../../src/messaging/keys.ts'
import { maxWaiting, WaitingMessages } from '../../../src/messaging/messenger/waiting-messages.ts'
import { keysOf, opened } from '../storage/kit.ts'

const now = 1_700_000_000_000
const days = 24 * 60 * 60 * 1000
const community = KeyPair.generate().publicKey
const [bob, carol] = [KeyPair.generate().publicKey, KeyPair.generate().publicKey]
const [one, other] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]

function saying(text: string | Uint8Array, author: CompressedKey = bob, keyId: Uint8Array = one) {
  const message = protocolMessage.decode(protocolMessage.encode({ publicMessage: Buffer.from(text) }))
  return { community, author, keyId, message, sentAt: now }
}

/** What waits in a database of its own, in transactions. */
async function waiting(t: Parameters<typeof opened>[0]) {
  const database = await opened(t)
  const messages = new WaitingMessages(database)
  return {
    put: (what: ReturnType<typeof saying>, at = now) => database.transaction((rows) => messages.put(rows, what, at)),
    putAll: (all: readonly ReturnType<typeof saying>[]) =>
      database.transaction(async (rows) => {
        for (const what of all) await messages.put(rows, what, now)
      }),
    take: async (...keyIds: readonly Uint8Array[]) => {
      const isHeld = (keyId: Uint8Array) => keyIds.some((held) => Buffer.compare(held, keyId) === 0)
      const taken = await database.transaction((rows) => messages.take(rows, community, isHeld))
      return taken.map(({ message }) => Buffer.from(message.publicMessage ?? '').toString())
    },
    tidy: (at: number) => database.transaction((rows) => messages.tidy(rows, community, at)),
    clear: () => database.transaction((rows) => messages.clear(rows, community)),
    rows: () => keysOf(database, { prefix: 'waiting/' }),
  }
}

t.test('messages wait for their key in the order in which they came, and are handed over once', async (t) => {
  const { put, take, rows } = await waiting(t)
  for (const [text, keyId] of [
    ['a', one],
    ['b', other],
    ['c', one],
  ] as const)
    await put(saying(text, bob, keyId))
  t.same(await take(Buffer.alloc(32)), [])
  t.same(await take(one), ['a', 'c'])
  t.same(await take(one), [])
  await put(saying('d'))
  t.same(await take(one, other), ['b', 'd'])
  t.same(await rows(), [], 'and leave nothing')
})

t.test('of one author so many wait, and the oldest make room; others are not pushed out', async (t) => {
  const { put, take, rows } = await waiting(t)
  await put(saying('carol', carol))
  for (let n = 0; n < maxWaiting.ofOne + 3; n += 1) await put(saying(`${n}`))
  t.equal((await rows()).length, maxWaiting.ofOne + 2, 'with the list of them')
  const taken = await take(one)
  t.same([taken[0], taken[1], taken.at(-1)], ['carol', '3', `${maxWaiting.ofOne + 2}`])
})

t.test('together they have a bound in bytes and in number', async (t) => {
  const { put, putAll, take } = await waiting(t)
  const large = Buffer.alloc(maxWaiting.bytes / 4, 'x')
  for (let n = 0; n < 6; n += 1) await put(saying(Buffer.concat([Buffer.from(`${n}`), large])))
  t.same(
    (await take(one)).map((text) => text[0]),
    ['3', '4', '5'],
  )
  await put(saying(Buffer.alloc(maxWaiting.bytes, 'x')))
  t.same(await take(one), [], 'what is above it alone is not kept')
  const authors = Array.from({ length: maxWaiting.messages / maxWaiting.ofOne + 1 }, () => KeyPair.generate().publicKey)
  await putAll(authors.flatMap((author) => Array.from({ length: maxWaiting.ofOne }, () => saying('x', author))))
  t.equal((await take(one)).length, maxWaiting.messages)
})

t.test('what waited for a month goes, and so does all when it is cleared', async (t) => {
  const { put, take, tidy, clear, rows } = await waiting(t)
  await put(saying('old'), now)
  await put(saying('new'), now + days)
  t.same(await tidy(now + 2 * days), [
    { since: now, sentAt: now },
    { since: now + days, sentAt: now },
  ])
  t.same(await tidy(now + 30 * days), [{ since: now + days, sentAt: now }])
  t.same(await take(one), ['new'])
  await put(saying('x'))
  await clear()
  t.same(await rows(), [])
})
