/** Communities by commands, through one node. */
import t from 'tap'
import { made, Person, type Shown, statusNode } from './kit.ts'

interface Channel {
  readonly id: string
  readonly name: string
}

function channelsOf(community: Shown | undefined): readonly Channel[] {
  return community?.channels as readonly Channel[]
}

t.test('who is let in reads and writes, and who is put out does neither', async (t) => {
  t.testdir()
  const { tcp } = await statusNode(t)
  const [alice, bob] = [new Person(t, 'alice', tcp), new Person(t, 'bob', tcp)]
  const { a, b } = await made(alice, bob)
  const looks = ['--description', 'what grows', '--color', '#4360df', '--channel', 'roses']
  const [begun] = await alice.told('community', 'create', 'gardeners', ...looks)
  const id = begun?.id ?? ''
  const [general, roses] = channelsOf(begun)
  t.same(begun, {
    id,
    name: 'gardeners',
    description: 'what grows',
    isOurs: true,
    isEncrypted: false,
    isMember: true,
    members: [a],
    banned: [],
    channels: [
      { id: general?.id, name: 'general' },
      { id: roses?.id, name: 'roses' },
    ],
    requests: [],
  })
  t.match(await bob.told('community', 'follow', id), [
    { id, name: 'gardeners', description: 'what grows', isOurs: false, isMember: false, members: [a] },
  ])
  const outside = { code: 65, stdout: '', stderr: /we are not in this community/ }
  const short = id.slice(0, 12)
  t.match(await bob.run(['send', `${short}/general`, 'not yet']), outside)
  t.match(await bob.told('community', 'join', short), [{ id, isMember: false }])
  t.same(await alice.told('receive'), [], 'bob is let in meanwhile')
  const [red] = await alice.told('send', `${short}/roses`, 'red ones')
  t.match(await bob.told('receive'), [{ id: red?.id, chat: roses?.id, from: a, name: 'alice', text: 'red ones' }])
  const [said] = await bob.told('send', general?.id ?? '', 'tomatoes')
  t.match(await alice.told('receive'), [{ id: said?.id, chat: general?.id, from: b, name: 'bobby', text: 'tomatoes' }])
  const { stdout } = await bob.run(['community', 'list'])
  t.equal(
    stdout,
    `member     gardeners  ${id}\n  channel  general    ${general?.id}\n  channel  roses      ${roses?.id}\n`,
  )
  t.match(await alice.told('community', 'kick', short, b.slice(0, 20)), [{ id, members: [a] }])
  await alice.told('send', `${short}/roses`, 'without bob')
  t.match(await bob.run(['send', `${short}/general`, 'once more']), outside)
  t.match(await bob.told('history', `${short}/roses`), [{ id: red?.id }], 'what he read stays, and nothing was added')
  t.match(await alice.told('community', 'members', short), [{ id: a, name: 'alice' }])
})
