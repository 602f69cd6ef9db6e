/** History on the real database: each message once, with what was said about it, whatever came first. */
import t, { type Test } from 'tap'
import { ChatKind, ContentType, chatMessage } from '../../../src/messaging/application/chat.ts'
import { History, maxAwaited } from '../../../src/messaging/chats/history.ts'
import { Inbox } from '../../../src/messaging/chats/inbox.ts'
import type { HistoryRecord } from '../../../src/messaging/chats/record.ts'
import { type Powers, withDeletion, withEdit } from '../../../src/messaging/conversation/claims.ts'
import { openDatabase } from '../../../src/messaging/storage/database.ts'
import type { Database } from '../../../src/messaging/storage/rows.ts'

const nobody: Powers = { mayDelete: () => false, mayPin: () => false }

async function database(t: Test): Promise<Database> {
  const opened = await openDatabase(`${t.testdir({})}/messages`, Buffer.alloc(32, 7))
  t.teardown(() => opened[Symbol.asyncDispose]())
  return opened
}

function idOf(number: number): string {
  return `0x${String(number).padStart(64, '0')}`
}

function record(number: number, text: string, chatId = 'square'): HistoryRecord {
  const draft = { clock: BigInt(number), timestamp: 1n, text, chatId, kind: ChatKind.publicChat }
  const message = chatMessage.decode(chatMessage.encode({ ...draft, contentType: ContentType.text }))
  return { id: idOf(number), chatId, from: 'alice', receivedAt: 5, status: 'received', message }
}

async function texts(history: History, chat: string, page = {}): Promise<string[]> {
  const all: string[] = []
  for await (const { text } of history.of(chat, nobody, page)) all.push(text)
  return all
}

const edit = (from: string, text: string) => (claims: Parameters<typeof withEdit>[0]) =>
  withEdit(claims, from, { clock: 9n, text, contentType: ContentType.text } as Parameters<typeof withEdit>[2])

t.test('a message is kept once, in the order of the clocks, and found by its words', async (t) => {
  const rows = await database(t)
  const history = await History.load(rows)
  for (const number of [2, 1, 10, 9])
    t.equal(await rows.transaction((turn) => history.add(turn, record(number, `Number ${number}`))), true)
  t.equal(await rows.transaction((turn) => history.add(turn, record(9, 'Number 9'))), false)
  await rows.transaction((turn) => history.add(turn, record(11, 'elsewhere', 'market')))
  t.same(await texts(history, 'square'), ['Number 10', 'Number 9', 'Number 2', 'Number 1'])
  t.same(await texts(history, 'square', { limit: 2, before: idOf(9) }), ['Number 2', 'Number 1'])
  t.same(await texts(history, 'square', { containing: 'number 1' }), ['Number 10', 'Number 1'])
})

t.test('what was said about a message before it came counts, in its own chat only', async (t) => {
  const rows = await database(t)
  const history = await History.load(rows)
  await rows.transaction((turn) => history.claim(turn, 'square', idOf(1), edit('alice', 'edited')))
  await rows.transaction((turn) => history.claim(turn, 'market', idOf(2), edit('alice', 'by another chat')))
  await rows.transaction((turn) => history.add(turn, record(1, 'as written')))
  await rows.transaction((turn) => history.add(turn, record(2, 'untouched')))
  t.same(await texts(history, 'square'), ['untouched', 'edited'])
  const late = await rows.transaction((turn) => history.claim(turn, 'market', idOf(2), edit('alice', 'late')))
  t.equal(late, false)
  t.match(await history.shown(rows, idOf(1), nobody), { text: 'edited', isEdited: true })
})

t.test('who may delete what others wrote decides what is shown', async (t) => {
  const rows = await database(t)
  const history = await History.load(rows)
  await rows.transaction((turn) => history.add(turn, record(1, 'rude')))
  await rows.transaction((turn) =>
    history.claim(turn, 'square', idOf(1), (claims) => withDeletion(claims, 'admin', { clock: 3n } as never)),
  )
  t.equal((await history.shown(rows, idOf(1), nobody))?.text, 'rude')
  const powers = { ...nobody, mayDelete: (id: string) => id === 'admin' }
  t.match(await history.shown(rows, idOf(1), powers), { text: '', deletedBy: 'admin' })
})

t.test('what its author has deleted is not kept, whichever came first', async (t) => {
  const rows = await database(t)
  const history = await History.load(rows)
  const deleted = (claims: Parameters<typeof withDeletion>[0]) => withDeletion(claims, 'alice', { clock: 3n } as never)
  await rows.transaction((turn) => history.add(turn, record(1, 'a slip')))
  t.equal((await history.find(rows, idOf(1)))?.message.text, 'a slip')
  await rows.transaction((turn) => history.claim(turn, 'square', idOf(1), deleted))
  await rows.transaction((turn) => history.claim(turn, 'square', idOf(2), deleted))
  await rows.transaction((turn) => history.add(turn, record(2, 'another')))
  for (const id of [1, 2]) t.equal((await history.find(rows, idOf(id)))?.message.text, '')
})

t.test(
  'what is said about messages that never come has a bound, and leaves room when its chat is forgotten',
  async (t) => {
    const rows = await database(t)
    const history = await History.load(rows)
    await rows.transaction(async (turn) => {
      for (let number = 0; number < maxAwaited; number += 1)
        await history.claim(turn, 'strange', idOf(number), edit('mallory', 'x'))
    })
    const claimed = () => rows.transaction((turn) => history.claim(turn, 'square', idOf(-1), edit('alice', 'edited')))
    t.equal(await claimed(), false)
    await rows.transaction((turn) => history.forget(turn, 'strange'))
    t.equal(await claimed(), true)
  },
)

t.test('the inbox hands out what was put in, in order, until it is done, across a restart', async (t) => {
  const rows = await database(t)
  const inbox = await Inbox.load(rows)
  for (const id of ['a', 'b', 'c']) await rows.transaction(async (turn) => inbox.put(turn, { chat: 'square', id }))
  const [first] = await waiting(inbox)
  await inbox.done(first?.row ?? '')
  const again = await Inbox.load(rows)
  await rows.transaction(async (turn) => again.put(turn, { chat: 'square', id: 'd' }))
  t.same(
    (await waiting(again)).map(({ id }) => id),
    ['b', 'c', 'd'],
  )
})

async function waiting(inbox: Inbox) {
  const all: { row: string; id: string }[] = []
  for await (const one of inbox.waiting()) all.push(one)
  return all
}
