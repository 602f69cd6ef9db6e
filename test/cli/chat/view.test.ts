/** The screen of waypost chat: it fits, and nothing that a peer wrote commands the terminal. */
import t from 'tap'
import { cellsOf, wrap } from '../../../src/cli/chat/cells.ts'
import { type ChatView, renderChat } from '../../../src/cli/chat/view.ts'
import type { ShownMessage } from '../../../src/cli/messages/shown.ts'

const me = { id: `0x04${'aa'.repeat(64)}`, name: 'alice' }
const bob = `0x04${'bb'.repeat(64)}`

function message(text: string, changes: Partial<ShownMessage> = {}): ShownMessage {
  return {
    id: '0x01',
    chat: bob,
    from: bob,
    name: 'bobby',
    kind: 'text',
    text,
    clock: '1',
    writtenAt: 0,
    receivedAt: 0,
    status: 'received',
    isEdited: false,
    isPinned: false,
    reactions: {},
    ...changes,
  }
}

const view: ChatView = {
  me,
  entries: [
    { id: bob, kind: 'person', name: 'bobby', unread: 0, isOpen: true, asksUs: false },
    { id: 'square', kind: 'public', name: 'square', unread: 3, isOpen: false, asksUs: false },
  ],
  selected: bob,
  messages: [message('hello'), message('hi', { from: me.id, status: 'sending' })],
  notice: 'connected',
  input: 'a line',
}

t.test('chats with what is new stand beside what was said, below it what is typed', async (t) => {
  const lines = renderChat(view, { columns: 80, rows: 24 })
  t.equal(lines.length, 24)
  t.match(lines[0], /^waypost chat {2}alice {2}- {2}bobby \(0x04bbbbbbbbbb\.\.\)$/)
  t.match(lines[1], /^> bobby {17} \| \d\d:\d\d bobby: hello$/)
  t.match(lines[2], /^ {2}#square x \(3\) {9} \| \d\d:\d\d you: hi \.\.$/)
  t.same(lines.slice(-2), ['connected', '> a line_'])
})

t.test('no line is wider than the screen, whatever is written, and the last messages are there', async (t) => {
  const texts = [
    'word '.repeat(60),
    '漢字'.repeat(80),
    '👨‍👩‍👧'.repeat(90),
    'x'.repeat(500),
    `z${'\u0301'.repeat(300)}`,
    'the last',
  ]
  const long = {
    ...view,
    messages: texts.map((text) => message(text)),
    input: '字'.repeat(200),
    notice: 'n'.repeat(300),
  }
  for (const size of [
    { columns: 80, rows: 24 },
    { columns: 40, rows: 8 },
    { columns: 12, rows: 5 },
  ]) {
    const lines = renderChat(long, size)
    t.equal(lines.length, size.rows)
    t.same(
      lines.filter((line) => cellsOf(line) > size.columns),
      [],
    )
  }
  t.match(renderChat(long, { columns: 80, rows: 24 }).join('\n'), 'the last')
})

t.test('what commands a terminal is replaced: in texts, names of people and names of chats', async (t) => {
  const bad = '\u001b[2Jx\u202e\u0007'
  const lines = renderChat(
    { ...view, entries: [{ ...view.entries[0]!, name: bad }], messages: [message(bad, { name: bad })], notice: bad },
    { columns: 80, rows: 24 },
  )
  t.notMatch(lines.join(''), /\p{C}/u)
  t.match(lines.join(''), '?[2Jx??')
})

t.test('a line is broken at a blank where there is one', async (t) => {
  t.same(wrap('one two three', 8), ['one two', 'three'])
  t.same(wrap('onetwothree', 4), ['onet', 'woth', 'ree'])
  t.same(wrap('', 4), [''])
})
