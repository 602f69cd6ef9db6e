/** People whose prekeys are on the network before anybody writes to them. */
import type { Test } from 'tap'
import { keyOfUser } from '../../../src/messaging/keys.ts'
import type { OpenOptions } from '../../../src/messaging/messenger/messenger.ts'
import { contactCodeChannel } from '../../../src/messaging/topics.ts'
import { until } from '../../kit/until.ts'
import { befriend, type Device, device, type TestNetwork } from '../messenger/kit.ts'

/** A device that has told the network of its prekeys. */
export async function published(t: Test, network: TestNetwork, options: Partial<OpenOptions> = {}): Promise<Device> {
  const made = await device(t, network, options)
  const { contentTopic } = contactCodeChannel(keyOfUser(made.me.id))
  await until(() => network.carried.some(({ message }) => message.contentTopic === contentTopic))
  return made
}

/** Two contacts. */
export async function contacts(
  t: Test,
  network: TestNetwork,
  options: Partial<OpenOptions> = {},
): Promise<[Device, Device]> {
  const [one, other] = [await published(t, network), await published(t, network, options)]
  await befriend(one, other)
  return [one, other]
}

/** Says something, and waits until it is read and confirmed. */
export async function tells(from: Device, to: Device, text: string): Promise<void> {
  const id = await from.me.send(to.me.id, text)
  await until(() => to.texts().includes(text))
  await until(async () => (await from.me.message(id))?.status === 'delivered')
}
