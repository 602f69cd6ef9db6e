/** Who was put out of a group, and keeps everything that his device ever had. */
import t from 'tap'
import { until } from '../../kit/until.ts'
import { befriend, TestNetwork } from '../messenger/kit.ts'
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
