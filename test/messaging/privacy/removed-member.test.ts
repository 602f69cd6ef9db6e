/** Who was put out of a group or a community, and keeps everything that his device ever had. */
import t from 'tap'
import { until } from '../../kit/until.ts'
import { channelsOf, club, isIn, knowsMembers, newMember, says } from '../messenger/club.ts'
import { befriend, type Device, device, TestNetwork } from '../messenger/kit.ts'
import { published } from './meeting.ts'
import { got, Loot } from './thief.ts'

t.test('a removed member of a group opens nothing that is sent after the removal is known', async (t) => {
  const network = new TestNetwork()
  const [alice, bob, carol] = [await published(t, network), await published(t, network), await published(t, network)]
  await befriend(alice, bob)
  await befriend(alice, carol)
  const group = await alice.me.createGroup('walks', [bob.me.id, carol.me.id])
  await until(async () => (await bob.me.members(group)).length === 3 && (await carol.me.members(group)).length === 3)
  // All have written to all: sessions stand between each two.
  for (const one of [alice, bob, carol]) await one.me.send(group, `from ${one.me.id}`)
  for (const one of [alice, bob, carol]) await until(() => one.texts(group).length === 2)
  const { id } = carol.me
  await carol.stop()
  const member = await Loot.take(t, carol)
  await alice.me.send(group, 'while carol is a member')
  await until(() => bob.texts(group).includes('while carol is a member'))
  await alice.me.removeFromGroup(group, id)
  await until(async () => (await bob.me.members(group)).length === 2)
  await alice.me.settled()
  await carol.start()
  await until(async () => (await carol.me.chats()).find((chat) => chat.id === group)?.isOpen === false)
  await carol.me.settled()
  await carol.stop()
  const removed = await Loot.take(t, carol)
  await alice.me.send(group, 'without carol')
  await until(() => bob.texts(group).includes('without carol'))
  await bob.me.send(group, 'she is gone')
  await until(() => alice.texts(group).includes('she is gone'))
  await alice.me.send(id, 'to carol alone')
  await alice.me.settled()
  const opened = [...(await member.opens(network.carried)), ...(await removed.opens(network.carried))]
  t.ok(got(opened, 'while carol is a member'), 'control: what was sent to the group before opens')
  t.ok(got(await removed.opens(network.carried), 'to carol alone'), 'control: and what is still sent to her')
  for (const text of ['without carol', 'she is gone']) t.notOk(got(opened, text), text)
})

for (const how of ['kicked', 'banned', 'gone by himself'])
  t.test(
    `a member of an encrypted community who is ${how} opens nothing that is said after that is known`,
    async (t) => {
      const network = new TestNetwork()
      const made = await club(t, network, 2)
      const { id, chat, owner, members } = made
      const [bob, carol] = members as [Device, Device]
      await says(carol, chat, 'by carol herself', [owner, bob])
      await carol.stop()
      const member = await Loot.take(t, carol)
      await says(bob, chat, 'while carol is a member', [owner])
      await carol.start()
      await carol.me.fetch()
      if (how === 'kicked') await owner.me.kick(id, carol.me.id)
      else if (how === 'banned') await owner.me.ban(id, carol.me.id)
      else await carol.me.leaveCommunity(id)
      for (const one of [owner, bob]) await knowsMembers(one, 2)
      await isIn(carol, chat, false)
      await carol.me.settled()
      await carol.stop()
      const removed = await Loot.take(t, carol)
      await says(owner, chat, 'without carol', [bob])
      await says(bob, chat, 'she is gone', [owner])
      const dave = await newMember(t, network, made)
      await says(dave, chat, 'dave instead', [owner, bob])
      const cutting = await owner.me.addChannel(id, 'cutting back')
      await isIn(bob, cutting)
      for (const loot of [member, removed]) loot.learn([...channelsOf(made), ...channelsOf({ id, chat: cutting })])
      const opened = [...(await member.opens(network.carried)), ...(await removed.opens(network.carried))]
      t.ok(got(opened, 'by carol herself'), 'control: what she said opens')
      t.ok(got(opened, 'while carol is a member'), 'control: and what was said to her')
      for (const text of ['without carol', 'she is gone', 'dave instead', 'cutting back', dave.me.id])
        t.notOk(got(opened, text), text)
      await bob.stop()
      const loyal = await Loot.take(t, bob)
      t.ok(got(await loyal.opens(network.carried), 'dave instead'), 'control: a member opens it by the same means')
      t.ok(got(await loyal.opens(network.carried), dave.me.id), 'control: and who is in it')
    },
  )

t.test(
  'who is no member of an encrypted community opens nothing of it, with all its channels told to him',
  async (t) => {
    const network = new TestNetwork()
    const made = await club(t, network, 1)
    const { id, chat, owner, members } = made
    await says(owner, chat, 'among us', members)
    const stranger = await device(t, network)
    await stranger.me.joinCommunity(id)
    await knowsMembers(owner, 3)
    await owner.me.kick(id, stranger.me.id)
    await isIn(stranger, chat, false)
    await stranger.stop()
    const loot = await Loot.take(t, stranger)
    loot.learn(channelsOf(made))
    t.notOk(got(await loot.opens(network.carried), 'among us'), 'what was said before he came neither')
    await owner.stop()
    const member = await Loot.take(t, owner)
    t.ok(got(await member.opens(network.carried), 'among us'), 'control: a member opens it by the same means')
  },
)
