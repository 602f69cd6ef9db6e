/** When a device publishes who it is: whoever knows the id of the person sees each time that it is there. */
import t, { type Test } from 'tap'
import { keyOfUser } from '../../../src/messaging/keys.ts'
import { publishEvery } from '../../../src/messaging/messenger/publication.ts'
import { contactCodeChannel } from '../../../src/messaging/topics.ts'
import { until } from '../../kit/until.ts'
import { Device, device, TestNetwork } from './kit.ts'

/** A person whose clock the test holds. */
async function person(t: Test) {
  const network = new TestNetwork()
  const clock = { ahead: 0 }
  const alice = await device(t, network, { name: 'alice', clock: () => Date.now() + clock.ahead })
  const { contentTopic } = contactCodeChannel(keyOfUser(alice.me.id))
  const times = () => network.carried.filter(({ message }) => message.contentTopic === contentTopic).length
  await until(() => times() === 1)
  /** Stops it, and starts it: to its end, so that all that a start does is done. */
  const restart = async (options: { readonly name?: string } = {}): Promise<void> => {
    await alice.stop()
    const again = new Device(alice.folder, network.end(), { clock: () => Date.now() + clock.ahead, ...options })
    t.teardown(() => again.stop())
    await again.start()
    await again.me.fetch()
    await again.stop()
  }
  return { network, clock, alice, times, restart }
}

t.test('a start publishes nothing again before it is due', async (t) => {
  const { clock, times, restart } = await person(t)
  await restart()
  t.equal(times(), 1)
  clock.ahead = publishEvery - 60_000
  await restart()
  t.equal(times(), 1)
  clock.ahead = publishEvery + 60_000
  await restart()
  t.equal(times(), 2, 'control: when it is due it does')
  await restart()
  t.equal(times(), 2)
})

t.test('another name is published at once, and so is a device that is to count', async (t) => {
  const { network, alice, times, restart } = await person(t)
  await restart({ name: 'alice two' })
  t.equal(times(), 2)
  await alice.start()
  await until(() => times() === 3)
  const laptop = await device(t, network, { words: alice.me.words() })
  await until(() => times() === 4)
  await laptop.me.announceDevice('laptop')
  await until(async () => (await alice.me.devices()).length === 2)
  t.equal(times(), 4)
  const [, other] = await alice.me.devices()
  await alice.me.enableDevice(other?.installation ?? '')
  await until(() => times() === 5)
})

t.test('a clock that went back has it published', async (t) => {
  const { clock, times, restart } = await person(t)
  clock.ahead = -60 * 60_000
  await restart()
  t.equal(times(), 2)
})
