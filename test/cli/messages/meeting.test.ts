/** Two people meet and write to each other by commands, through one node. */
import t from 'tap'
import { made, Person, statusNode } from './kit.ts'

t.test('two people meet through one node, and each has each message once', async (t) => {
  t.testdir()
  const { tcp } = await statusNode(t)
  const [alice, bob] = [new Person(t, 'alice', tcp), new Person(t, 'bob', tcp)]
  const { a, b } = await made(alice, bob)
  t.match(b, /^0x04[0-9a-f]{128}$/)
  t.match(await alice.told('contact', 'add', b, 'it is alice'), [{ id: b, state: 'asked', isBlocked: false }])
  t.match(await bob.told('receive'), [{ from: a, name: 'alice', kind: 'contact request', text: 'it is alice' }])
  t.match(await bob.told('contact', 'list'), [{ id: a, name: 'alice', state: 'asks us' }])
  t.match(await bob.told('contact', 'accept', a.slice(0, 20)), [{ id: a, state: 'contact' }])
  const [sent] = await alice.told('send', b.slice(0, 20), 'hello bob')
  t.match(sent, { chat: b, status: 'sending' })
  const [heard, ...others] = await bob.told('receive')
  t.same(others, [])
  t.match(heard?.clock, /^\d+$/, 'a text: it may be above what a number holds')
  t.type(heard?.writtenAt, 'number')
  t.same(heard, {
    id: sent?.id,
    chat: a,
    from: a,
    name: 'alice',
    kind: 'text',
    text: 'hello bob',
    clock: heard?.clock,
    writtenAt: heard?.writtenAt,
    receivedAt: heard?.receivedAt,
    status: 'received',
    isEdited: false,
    isPinned: false,
    reactions: {},
  })
  await bob.told('react', sent?.id ?? '', 'laugh')
  const [reply] = await bob.told('send', a, 'and hello alice', '--reply-to', sent?.id ?? '')
  t.match(await alice.told('receive'), [{ id: reply?.id, text: 'and hello alice', replyTo: sent?.id, name: 'bobby' }])
  t.same(await alice.told('receive'), [], 'each once')
  const history = await alice.told('history', b)
  t.match(history, [
    { kind: 'contact request', status: 'delivered' },
    { text: 'hello bob', status: 'delivered', reactions: { laugh: [b] } },
    { text: 'and hello alice', status: 'received' },
  ])
  t.match(await alice.told('chats'), [{ id: b, kind: 'person', name: 'bobby', unread: 1, isOpen: true }])
  const { stdout } = await alice.run(['history', b.slice(0, 20), '--containing', 'HELLO BOB'])
  t.match(stdout, /^\d{4}-\d\d-\d\d \d\d:\d\d {2}alice \(0x04[0-9a-f]{10}\.\.\) {2}hello bob \{laugh 1\}\n$/)
})
