/** Communities that are not for everybody, by commands, through one node. */
import t from 'tap'
import { made, Person, statusNode } from './kit.ts'

t.test('it lets in whom its owner accepts, and a ban holds until it is taken back', async (t) => {
  t.testdir()
  const { tcp } = await statusNode(t)
  const [alice, bob] = [new Person(t, 'alice', tcp), new Person(t, 'bob', tcp)]
  const { a, b } = await made(alice, bob)
  const [begun] = await alice.told('community', 'create', 'reading circle', '--guarded')
  const id = begun?.id ?? ''
  const asks = () => bob.told('community', 'join', id)
  const whom = [id.slice(0, 8), b.slice(0, 8)]
  t.match(await asks(), [{ id, name: 'reading circle', isMember: false }])
  await alice.told('receive')
  t.match(await alice.told('community', 'list'), [{ id, members: [a], requests: [{ id: b, name: 'bobby' }] }])
  t.match(await alice.told('community', 'decline', ...whom), [{ members: [a], requests: [] }])
  await asks()
  t.match(await alice.told('community', 'accept', ...whom), [{ members: [a, b], requests: [] }])
  t.match(await alice.told('community', 'ban', ...whom), [{ members: [a], banned: [b] }])
  await asks()
  t.match(await alice.told('community', 'unban', ...whom), [{ members: [a], banned: [], requests: [] }], 'in vain')
  await asks()
  t.match(await alice.told('community', 'accept', ...whom), [{ members: [a, b], requests: [] }])
  t.match(await alice.told('community', 'channel', 'add', id, 'poems'), [
    { channels: [{ name: 'general' }, { name: 'poems' }] },
  ])
  t.match(await alice.run(['community', 'channel', 'remove', id, 'novels']), { code: 64, stderr: /no channel novels/ })
  const [{ channels } = { channels: [] }] = await alice.told('community', 'channel', 'remove', id, 'general')
  t.match(channels, [{ name: 'poems' }])
  t.match(await bob.run(['community', 'kick', id, a]), { code: 65, stderr: /this community is not ours/ })
})

t.test('one that is encrypted is read by members, and known by its name alone to others', async (t) => {
  t.testdir()
  const { tcp } = await statusNode(t)
  const [alice, bob] = [new Person(t, 'alice', tcp), new Person(t, 'bob', tcp)]
  const { a, b } = await made(alice, bob)
  const [begun] = await alice.told('community', 'create', 'reading circle', '--encrypted')
  const id = begun?.id ?? ''
  t.match(begun, { isEncrypted: true, members: [a] })
  const [followed] = await bob.told('community', 'follow', id)
  t.match(followed, { name: 'reading circle', isEncrypted: true })
  t.same([followed?.members, followed?.channels], [[], []], 'who is in it, and where, is for members')
  await bob.told('community', 'join', id)
  await alice.told('receive')
  await bob.told('receive')
  t.match(await bob.told('community', 'list'), [
    { id, isMember: true, members: [a, b], channels: [{ name: 'general' }] },
  ])
  const [said] = await alice.told('send', `${id}/general`, 'chapter one')
  t.match(await bob.told('receive'), [{ id: said?.id, from: a, text: 'chapter one' }])
})
