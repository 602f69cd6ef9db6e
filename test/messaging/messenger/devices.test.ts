/** What the devices of one person tell each other of themselves. */
import t from 'tap'
import { until } from '../../kit/until.ts'
import { device, TestNetwork } from './kit.ts'

t.test('a device that enables another one is known to it, though it never announced itself', async (t) => {
  const network = new TestNetwork()
  const phone = await device(t, network)
  const laptop = await device(t, network, { words: phone.me.words() })
  await phone.me.announceDevice('phone')
  await until(async () => (await laptop.me.devices()).length === 2)
  const [own, other] = await laptop.me.devices()
  t.equal((await phone.me.devices()).length, 1)
  await laptop.me.enableDevice(other?.installation ?? '')
  await until(async () => (await phone.me.devices()).length === 2)
  t.match((await phone.me.devices())[1], { installation: own?.installation, isEnabled: false })
})

t.test('a name that the other devices would not take is refused, and the one before stays', async (t) => {
  const network = new TestNetwork()
  const phone = await device(t, network)
  await phone.me.announceDevice('x'.repeat(1024))
  for (const name of [' ', 'x'.repeat(1025)])
    await t.rejects(phone.me.announceDevice(name), { code: 'messaging/cannot-send' })
  t.match(await phone.me.devices(), [{ name: 'x'.repeat(1024), isThis: true }])
})
