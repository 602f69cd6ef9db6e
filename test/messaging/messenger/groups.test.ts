import t from 'tap'
import { maxEvents } from '../../../src/messaging/application/group.ts'
import { newChat } from '../../../src/messaging/chats/chat.ts'
import { drafts, groupId, signEvent } from '../../../src/messaging/groups/event.ts'
import { Account } from '../../../src/messaging/identity/account.ts'
import { Engine } from '../../../src/messaging/messenger/engine.ts'
import { Groups } from '../../../src/messaging/messenger/groups.ts'
import { opened } from '../storage/kit.ts'
import { TestNetwork } from './kit.ts'

// A thousand signatures, made and looked at.
t.setTimeout(120_000)

t.test('a group whose log is full takes no more of us, and can still be read', async (t) => {
  const [me, database] = [await Account.create(), await opened(t)]
  const engine = await Engine.open({
    me,
    database,
    network: new TestNetwork().end(),
    failed: (error) => t.error(error),
  })
  const id = groupId('4fa2c41c-1e07-4d4f-9b0e-0b1f6a4c0f11', me.chat)
  const start = BigInt(Date.now()) - 10_000n
  // Each counts: what is said of admins is never overtaken.
  const events = Array.from({ length: maxEvents - 1 }, (_, index) =>
    index === 0 ? drafts.created('walks', 'blue', start) : drafts.adminsAdded([me.id], start + BigInt(index)),
  ).map((draft) => signEvent(id, draft, me.chat).raw)
  await engine.turn(async ({ rows }) => engine.chats.save(rows, { ...newChat(id, 'group', 'walks'), events }))
  const promote = (groups: Groups) => engine.turn((turn) => groups.promote(turn, id, [me.id]))
  const groups = new Groups(engine)
  await promote(groups)
  await t.rejects(promote(groups), { code: 'messaging/cannot-send' })
  const chat = await engine.chats.find(database, id)
  t.equal(chat?.events.length, maxEvents)
})
