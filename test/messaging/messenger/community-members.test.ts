/** Who comes into an encrypted community, and who goes: what each of them reads. */
import t from 'tap'
import { until } from '../../kit/until.ts'
import { channelsOf, club, headersOn, isIn, knowsMembers, newMember, says } from './club.ts'
import { type Device, device, TestNetwork } from './kit.ts'

t.test('who is put out is told no more, and what he says is not heard', async (t) => {
  const network = new TestNetwork()
  const { id, chat, owner, members } = await club(t, network, 2)
  const [bob, carol] = members as [Device, Device]
  await says(bob, chat, 'while bob is in', [owner, carol])
  bob.end.turn(false)
  await owner.me.kick(id, bob.me.id)
  await knowsMembers(carol, 2)
  await bob.me.send(chat, 'bob has not heard of it')
  bob.end.turn(true)
  await isIn(bob, chat, false)
  t.match((await bob.me.communities())[0], { isMember: false, members: [], channels: [] })
  await t.rejects(bob.me.send(chat, 'and now'), { code: 'messaging/cannot-send' })
  await says(carol, chat, 'without bob', [owner])
  await bob.me.fetch()
  t.notOk(bob.texts(chat).includes('without bob'))
  for (const one of [owner, carol]) t.notOk(one.texts(chat).includes('bob has not heard of it'))
  await bob.me.joinCommunity(id)
  await isIn(bob, chat)
  await says(owner, chat, 'bob is back', [bob, carol])
  await bob.me.fetch()
  t.notOk(bob.texts(chat).includes('without bob'), 'what was said meanwhile stays shut')
})

t.test('who leaves, and who is banned, gets no later key; each change makes one', async (t) => {
  const network = new TestNetwork()
  const made = await club(t, network, 3)
  const { id, chat, owner, members } = made
  const [bob, carol, dave] = members as [Device, Device, Device]
  await bob.me.leaveCommunity(id)
  await knowsMembers(dave, 3)
  await owner.me.ban(id, carol.me.id)
  await knowsMembers(dave, 2)
  await says(owner, chat, 'to dave', [dave])
  for (const one of [bob, carol]) await one.me.fetch()
  for (const one of [bob, carol]) t.notOk(one.texts(chat).includes('to dave'))
  const [communityTopic] = channelsOf(made)
  const stamps = (await headersOn(network, communityTopic!)).map(({ keys }) => keys?.rekey?.timestamp)
  t.equal(new Set(stamps).size, 6, 'of the owner alone, of three who came, and of two who went')
})

t.test('who comes later reads from then on', async (t) => {
  const network = new TestNetwork()
  const { id, chat, owner, members } = await club(t, network, 1)
  await says(members[0]!, chat, 'before dave', [owner])
  const dave = await newMember(t, network, { id, chat })
  await knowsMembers(owner, 3)
  await says(owner, chat, 'welcome dave', [dave])
  await dave.me.fetch()
  t.same(dave.texts(chat), ['welcome dave'])
})

t.test('a guarded one lets in whom its owner lets in, who then reads', async (t) => {
  const network = new TestNetwork()
  const { id, chat, owner } = await club(t, network, 0, { isEncrypted: true, isGuarded: true })
  const [bob, carol] = [await device(t, network), await device(t, network)]
  for (const one of [bob, carol]) await one.me.joinCommunity(id)
  await until(async () => (await owner.me.communities())[0]?.requests.length === 2)
  await owner.me.answerJoinRequest(id, carol.me.id, false)
  await owner.me.answerJoinRequest(id, bob.me.id, true)
  await isIn(bob, chat)
  await says(owner, chat, 'hello bob', [bob])
  await carol.me.fetch()
  t.match((await carol.me.communities())[0], { isMember: false, members: [] })
  t.notOk(carol.texts(chat).includes('hello bob'))
})
