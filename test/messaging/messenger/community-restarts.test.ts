/** An encrypted community whose devices are off and on again between all that happens. */
import t from 'tap'
import { until } from '../../kit/until.ts'
import { club, isIn, knowsMembers, says } from './club.ts'
import { type Device, TestNetwork } from './kit.ts'

t.test('all restart after each step, and nothing is lost or said twice', async (t) => {
  const network = new TestNetwork()
  const { id, chat, owner, members } = await club(t, network, 2)
  const [bob, carol] = members as [Device, Device]
  const everybody = [owner, bob, carol]
  const restart = async () => {
    for (const one of everybody) await one.stop()
    for (const one of everybody) await one.start()
  }
  for (const [n, one] of everybody.entries()) {
    await says(
      one,
      chat,
      `round ${n}`,
      everybody.filter((other) => other !== one),
    )
    await restart()
  }
  await owner.me.addChannel(id, 'second')
  await restart()
  const second = (await owner.me.communities())[0]!.channels.find(({ name }) => name === 'second')!.id
  await isIn(carol, second)
  await says(carol, second, 'in the second channel', [owner, bob])
  await owner.me.kick(id, bob.me.id)
  await restart()
  await knowsMembers(carol, 2)
  await says(carol, second, 'without bob', [owner])
  for (const one of everybody) t.equal(new Set(one.texts()).size, one.texts().length, 'each once')
  t.notOk(bob.texts().includes('without bob'))
})

t.test('what was said without a network, before a rekey, goes out after a restart and is read', async (t) => {
  const network = new TestNetwork()
  const { id, chat, owner, members } = await club(t, network, 3)
  const [bob, carol, dave] = members as [Device, Device, Device]
  bob.end.turn(false)
  await bob.me.send(chat, 'said in the dark')
  await bob.stop()
  await owner.me.kick(id, dave.me.id)
  await knowsMembers(carol, 3)
  await says(carol, chat, 'under the next key', [owner])
  t.notOk(owner.texts(chat).includes('said in the dark'))
  bob.end.isOnline = true
  await bob.start()
  await until(() => [owner, carol].every((one) => one.texts(chat).includes('said in the dark')))
  await until(() => bob.texts(chat).includes('under the next key'))
  await says(bob, chat, 'and so does bob', [owner, carol])
  t.notOk(dave.texts(chat).includes('and so does bob'))
})
