/** A community with its members, and what is done in it, for tests. */
import type { Test } from 'tap'
import type { WakuMessage } from '../../../src/core/message.ts'
import { decodeMessage } from '../../../src/core/message.ts'
import { anyInstallation } from '../../../src/messaging/encryption/one-shot.ts'
import { type HashRatchetHeader, protocolMessage } from '../../../src/messaging/encryption/protocol-message.ts'
import { compress, keyOfUser } from '../../../src/messaging/keys.ts'
import type { NewCommunityOptions, OpenOptions } from '../../../src/messaging/messenger/messenger.ts'
import { keyFromPassword } from '../../../src/messaging/payload/password.ts'
import { decrypt } from '../../../src/messaging/payload/payload.ts'
import { type Channel, communityChannel, communityChatChannel } from '../../../src/messaging/topics.ts'
import { until } from '../../kit/until.ts'
import { type Device, device, TestNetwork } from './kit.ts'

export interface Club {
  readonly id: string
  /** Its first channel. */
  readonly chat: string
  readonly owner: Device
  readonly members: readonly Device[]
}

/** A community of somebody, whose device is as the options say, with so many members. */
export async function club(
  t: Test,
  network: TestNetwork,
  count: number,
  community: Partial<NewCommunityOptions> = { isEncrypted: true },
  options: Partial<OpenOptions> = {},
): Promise<Club> {
  const owner = await device(t, network, options)
  const id = await owner.me.createCommunity({ name: 'club', ...community })
  const chat = (await owner.me.communities())[0]?.channels[0]?.id ?? ''
  const members: Device[] = []
  for (let n = 0; n < count; n += 1) members.push(await newMember(t, network, { id, chat }))
  for (const one of [owner, ...members]) await knowsMembers(one, count + 1)
  return { id, chat, owner, members }
}

/** Somebody new who joins, and may write. */
export async function newMember(
  t: Test,
  network: TestNetwork,
  { id, chat }: Pick<Club, 'id' | 'chat'>,
  options: Partial<OpenOptions> = {},
): Promise<Device> {
  const made = await device(t, network, options)
  await made.me.joinCommunity(id)
  await isIn(made, chat)
  return made
}

export async function isIn({ me }: Device, chat: string, isOpen = true): Promise<void> {
  await until(async () => ((await me.chats()).find(({ id }) => id === chat)?.isOpen ?? false) === isOpen)
}

export async function knowsMembers({ me }: Device, count: number): Promise<void> {
  await until(async () => (await me.communities())[0]?.members.length === count)
}

/** Says something, and waits until all others have heard it. */
export async function says(from: Device, chat: string, text: string, others: readonly Device[]): Promise<void> {
  await from.me.send(chat, text)
  await until(() => others.every((one) => one.texts(chat).includes(text)))
}

/** The channels of a community: where it speaks, and where its members do. */
export function channelsOf({ id, chat }: Pick<Club, 'id' | 'chat'>): Channel[] {
  const key = compress(keyOfUser(id))
  return [communityChannel(key), communityChatChannel(key, chat.slice(id.length))]
}

/** What somebody who knows the name of a channel finds in an envelope of it: what the encryption layer has. */
export async function layerOf({ name, contentTopic }: Channel, message: WakuMessage) {
  if (message.contentTopic !== contentTopic) return undefined
  const opened = decrypt(message.payload, { key: await keyFromPassword(name) })
  return opened && { ...opened, message: protocolMessage.parse(opened.data) }
}

/** The hash ratchet headers on a channel, in the order of their envelopes. */
export async function headersOn(network: TestNetwork, channel: Channel): Promise<HashRatchetHeader[]> {
  const layers = await Promise.all(network.carried.map(({ message }) => layerOf(channel, message)))
  return layers
    .map((one) => one?.message?.encrypted.get(anyInstallation)?.hashRatchet)
    .filter((one) => one !== undefined)
}

/** A network that loses what it is told to, for all and for ever. */
export class LossyNetwork extends TestNetwork {
  loses: (message: WakuMessage) => boolean = () => false

  override carry(pubsubTopic: string, encoded: Uint8Array): void {
    if (!this.loses(decodeMessage(encoded))) super.carry(pubsubTopic, encoded)
  }
}
