/** Messages as a person reads them: what a peer wrote commands no terminal, and looks like nothing of ours. */
import t from 'tap'
import { messageText, shownMessage } from '../../../src/cli/messages/shown.ts'
import type { Message } from '../../../src/messaging/chats/message.ts'

const message: Message = {
  id: `0x${'ab'.repeat(32)}`,
  chat: 'square',
  from: `0x04${'cd'.repeat(64)}`,
  name: 'alice',
  text: 'hello',
  kind: 'text',
  clock: 2n ** 63n,
  writtenAt: Date.UTC(2026, 0, 2, 3, 4),
  receivedAt: 0,
  status: 'received',
  isEdited: false,
  isPinned: false,
  reactions: {},
}

const line = (changes: Partial<Message>): string => messageText(shownMessage({ ...message, ...changes }))

t.test('a line has time, name, the beginning of the id, and the text', async (t) => {
  t.match(line({}), /^2026-01-0[123] \d\d:\d\d {2}alice \(0x04cdcdcdcdcd\.\.\) {2}hello$/)
  t.match(line({ name: '' }), / {2}0x04cdcdcdcdcd\.\. {2}hello$/)
  t.match(line({ deletedBy: message.from }), / {2}\(deleted\)$/)
  t.match(line({ reactions: { love: ['a', 'b'] }, isEdited: true }), / {2}hello \(edited\) \{love 2\}$/)
  t.match(line({ writtenAt: 1e300 }), /^without a time {2}/)
})

t.test('what commands a terminal or reorders a line is replaced, in texts and names', async (t) => {
  for (const bad of ['\u001b[2J', '\u009b1m', '\u202e', '\u0007', '\u200f']) {
    const shown = line({ text: `a${bad}b`, name: `al${bad}` })
    t.notMatch(shown, bad.slice(0, 1), JSON.stringify(bad))
    t.match(shown, /a\?.*b/)
  }
  t.match(line({ text: '👨‍👩‍👧 ok' }), '👨‍👩‍👧 ok', 'a family of emoji stays together')
})

t.test('further lines are indented: none passes for another message', async (t) => {
  for (const end of ['\n', '\r\n', '\r', '\u2028'])
    t.same(
      line({ text: `one${end}2026-01-01 00:00  bob  two` })
        .split('\n')
        .slice(1),
      ['    2026-01-01 00:00  bob  two'],
    )
})

t.test('JSON has the clock as a text, and a picture by its size', async (t) => {
  const image = { bytes: new Uint8Array(3), format: 'png' } as const
  const shown = shownMessage({ ...message, kind: 'image', image }, '/tmp/a.png')
  t.equal(shown.clock, '9223372036854775808')
  t.same(shown.image, { format: 'png', bytes: 3, file: '/tmp/a.png' })
})
