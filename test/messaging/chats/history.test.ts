import t from 'tap'
import { chatMessage, editMessage } from '../../../src/messaging/application/chat.ts'
import { History } from '../../../src/messaging/chats/history.ts'
import { withEdit } from '../../../src/messaging/conversation/claims.ts'
import { opened } from '../storage/kit.ts'

const nobody = { mayDelete: () => false, mayPin: () => false }

const edit = (clock: bigint, text: string) =>
  editMessage.decode(editMessage.encode({ clock, text, contentType: 1, messageId: 'm', chatId: 'c' }))

t.test('what is claimed of a message is told who wrote it, once that is here', async (t) => {
  const database = await opened(t)
  const history = new History(database)
  const message = chatMessage.decode(chatMessage.encode({ clock: 1n, text: 'helo', contentType: 1, chatId: 'c' }))
  await database.transaction(async (rows) => {
    const authors: (string | undefined)[] = []
    const claim = (from: string, clock: bigint) =>
      history.claim(rows, 'c', 'm', (claims, author) => {
        authors.push(author)
        return withEdit(claims, from, edit(clock, `by ${from}`), author)
      })
    t.ok(await claim('mallory', 2n), 'before the message anybody may be its author')
    await history.add(rows, { id: 'm', chatId: 'c', from: 'alice', receivedAt: 1, status: 'received', message })
    t.notOk(await claim('mallory', 3n))
    t.ok(await claim('alice', 2n))
    t.same(authors, [undefined, 'alice', 'alice'])
    t.equal((await history.shown(rows, 'm', nobody))?.text, 'by alice')
  })
})
