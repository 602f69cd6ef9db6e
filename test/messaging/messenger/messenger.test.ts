/** Whole devices with each other. */
import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import t, { type Test } from 'tap'
import type { Message } from '../../../src/messaging/chats/message.ts'
import { anyInstallation, sealOneShot } from '../../../src/messaging/encryption/one-shot.ts'
import { protocolMessage } from '../../../src/messaging/encryption/protocol-message.ts'
import type { Account } from '../../../src/messaging/identity/account.ts'
import { readKeyFile } from '../../../src/messaging/identity/key-file.ts'
import { keyOfUser } from '../../../src/messaging/keys.ts'
import type { Messenger } from '../../../src/messaging/messenger/messenger.ts'
import { partitionedChannel } from '../../../src/messaging/topics.ts'
import { sealFor } from '../../../src/messaging/transport/channels.ts'
import { until } from '../../kit/until.ts'
import { Loot } from '../privacy/thief.ts'
import { befriend, type Device, device, TestNetwork } from './kit.ts'

async function historyOf(messenger: Messenger, chat: string): Promise<Message[]> {
  const all: Message[] = []
  for await (const one of messenger.history(chat)) all.push(one)
  return all.reverse()
}

async function textsIn(messenger: Messenger, chat: string): Promise<string[]> {
  return (await historyOf(messenger, chat)).map(({ text }) => text)
}

t.test('two people become contacts and write to each other', async (t) => {
  const network = new TestNetwork()
  const alice = await device(t, network, { name: 'alice' })
  const bob = await device(t, network, { name: 'bobby' })
  await befriend(alice, bob)
  await alice.me.send(bob.me.id, 'hi')
  await bob.me.send(alice.me.id, 'hello')
  await until(() => bob.texts().includes('hi') && alice.texts().includes('hello'))
  t.same(bob.texts(), ['it is me', 'hi'])
  t.same(alice.texts(), ['hello'])
  t.same(await textsIn(alice.me, bob.me.id), ['it is me', 'hi', 'hello'])
  t.match(await alice.me.contacts(), [{ id: bob.me.id, name: 'bobby', state: 'contact' }])
  const [asked] = await historyOf(alice.me, bob.me.id)
  t.equal(asked?.kind, 'contact request')
  await until(async () => (await historyOf(alice.me, bob.me.id))[1]?.status === 'delivered')
})

t.test('who is no contact is not heard', async (t) => {
  const network = new TestNetwork()
  const alice = await device(t, network)
  const bob = await device(t, network)
  await t.rejects(alice.me.send(bob.me.id, 'hi'), { code: 'messaging/cannot-send' })
  await befriend(alice, bob)
  await bob.me.block(alice.me.id)
  await alice.me.send(bob.me.id, 'are you there?')
  await alice.me.joinPublicChat('square')
  await bob.me.joinPublicChat('square')
  await alice.me.send('square', 'this comes after it')
  await until(() => bob.texts('square').length > 0)
  t.same(bob.texts(alice.me.id), ['it is me'])
})

t.test('what is written to somebody who is away is fetched from a store, once, across restarts', async (t) => {
  const network = new TestNetwork()
  const alice = await device(t, network)
  const bob = await device(t, network)
  await befriend(alice, bob)
  const { id } = bob.me
  await bob.stop()
  for (const text of ['one', 'two', 'three']) await alice.me.send(id, text)
  await alice.me.settled()
  await bob.start()
  await until(() => bob.texts().length >= 4)
  t.same(bob.texts(), ['it is me', 'one', 'two', 'three'])
  await bob.stop()
  await bob.start()
  await bob.me.fetch()
  await bob.me.send(alice.me.id, 'all came')
  await until(() => alice.texts().includes('all came'))
  t.same(bob.texts(), ['it is me', 'one', 'two', 'three'])
})

t.test('what was said while the network was away goes out when it is back', async (t) => {
  const network = new TestNetwork()
  const alice = await device(t, network)
  const bob = await device(t, network)
  await befriend(alice, bob)
  alice.end.turn(false)
  await alice.me.send(bob.me.id, 'into the void')
  await alice.me.settled()
  await alice.stop()
  await alice.start()
  t.notOk(bob.texts().includes('into the void'))
  alice.end.turn(true)
  await until(() => bob.texts().includes('into the void'))
})

t.test('a message is edited, felt about and deleted at both', async (t) => {
  const network = new TestNetwork()
  const alice = await device(t, network)
  const bob = await device(t, network)
  await befriend(alice, bob)
  const id = await alice.me.send(bob.me.id, 'helo')
  await until(() => bob.texts().includes('helo'))
  await alice.me.edit(id, 'hello')
  await bob.me.react(id, 'love')
  await until(async () => (await bob.me.message(id))?.isEdited === true)
  await until(async () => (await alice.me.message(id))?.reactions.love !== undefined)
  t.match(await bob.me.message(id), { text: 'hello', reactions: { love: [bob.me.id] } })
  await t.rejects(bob.me.edit(`0x${'0'.repeat(64)}`, 'no'), { code: 'messaging/cannot-send' })
  await t.rejects(bob.me.edit(id, 'not his to edit'), { code: 'messaging/cannot-send' })
  await t.rejects(bob.me.delete(id), { code: 'messaging/cannot-send' })
  await alice.me.delete(id)
  await until(async () => (await bob.me.message(id))?.deletedBy !== undefined)
  t.match(await bob.me.message(id), { text: '', deletedBy: alice.me.id })
})

t.test('a picture above the size of an envelope arrives whole', async (t) => {
  const network = new TestNetwork()
  const alice = await device(t, network)
  const bob = await device(t, network)
  await befriend(alice, bob)
  const bytes = randomBytes(1_500_000)
  await alice.me.send(bob.me.id, { image: { bytes, format: 'png' } })
  await until(() => bob.heard.some(({ kind }) => kind === 'image'))
  const image = bob.heard.find(({ kind }) => kind === 'image')?.image
  t.equal(image?.format, 'png')
  t.ok(Buffer.from(image?.bytes ?? []).equals(bytes))
})

t.test('a group: all members read, those put out read nothing more, a stranger is let in', async (t) => {
  const network = new TestNetwork()
  const [alice, bob, carol] = [await device(t, network), await device(t, network), await device(t, network)]
  await befriend(alice, bob)
  await befriend(alice, carol)
  const group = await alice.me.createGroup('walks', [bob.me.id])
  await until(async () => (await bob.me.chats()).some(({ id }) => id === group))
  await bob.me.send(group, 'from bob')
  await until(() => alice.texts(group).includes('from bob'))
  await alice.me.addToGroup(group, [carol.me.id])
  await until(async () => (await carol.me.members(group)).length === 3)
  await bob.me.renameGroup(group, 'long walks')
  await carol.me.send(group, 'from carol, whom bob does not know')
  await until(() => bob.texts(group).length === 1 && alice.texts(group).length === 2)
  t.same(bob.texts(group), ['from carol, whom bob does not know'])
  await alice.me.removeFromGroup(group, bob.me.id)
  await until(async () => (await bob.me.chats()).find(({ id }) => id === group)?.isOpen === false)
  await t.rejects(bob.me.send(group, 'no more'), { code: 'messaging/cannot-send' })
  await alice.me.send(group, 'without bob')
  await until(() => carol.texts(group).includes('without bob'))
  await alice.me.send(bob.me.id, 'sorry')
  await until(() => bob.texts(alice.me.id).includes('sorry'))
  t.notOk(bob.texts(group).includes('without bob'))
  t.equal((await carol.me.chats()).find(({ id }) => id === group)?.name, 'long walks')
})

t.test('who was put out lets nobody in any more, also not under an earlier clock', async (t) => {
  const network = new TestNetwork()
  const [alice, bob, carol, dave] = [
    await device(t, network),
    await device(t, network),
    await device(t, network),
    await device(t, network),
  ]
  for (const other of [alice, carol, dave]) await befriend(bob, other)
  const group = await alice.me.createGroup('walks', [bob.me.id])
  await until(async () => (await bob.me.chats()).some(({ id }) => id === group))
  await bob.me.addToGroup(group, [carol.me.id])
  await until(async () => (await alice.me.members(group)).length === 3)
  bob.end.turn(false)
  await bob.me.addToGroup(group, [dave.me.id])
  await alice.me.renameGroup(group, 'long walks')
  await alice.me.removeFromGroup(group, bob.me.id)
  bob.end.turn(true)
  await bob.me.send(carol.me.id, 'let dave in')
  await bob.me.send(alice.me.id, 'let dave in')
  await until(() => [alice, carol].every((one) => one.texts(bob.me.id).includes('let dave in')))
  await until(async () => (await carol.me.members(group)).length === 2)
  for (const one of [alice, carol])
    t.same([...(await one.me.members(group))].sort(), [alice.me.id, carol.me.id].sort(), 'whom he let in before stays')
})

t.test('two devices of one person: both hear, and each has what the other said', async (t) => {
  const network = new TestNetwork()
  const phone = await device(t, network, { name: 'alice' })
  const bob = await device(t, network)
  await befriend(phone, bob)
  const group = await phone.me.createGroup('walks', [bob.me.id])
  const laptop = await device(t, network, { words: phone.me.words() })
  t.equal(laptop.me.id, phone.me.id)
  await laptop.me.announceDevice('laptop')
  await phone.me.announceDevice('phone')
  for (const one of [phone, laptop]) {
    await until(async () => (await one.me.devices()).length === 2)
    const other = (await one.me.devices()).find(({ isThis }) => !isThis)
    await one.me.enableDevice(other?.installation ?? '')
  }
  await until(async () => (await laptop.me.contacts()).some(({ id, state }) => id === bob.me.id && state === 'contact'))
  await until(async () => (await laptop.me.chats()).some(({ id }) => id === group))
  await laptop.me.send(bob.me.id, 'from the laptop')
  await until(() => bob.texts().includes('from the laptop') && phone.texts(bob.me.id).includes('from the laptop'))
  await phone.me.send(group, 'from the phone')
  await until(() => bob.texts(group).length === 1 && laptop.texts(group).length === 1)
  await bob.me.send(phone.me.id, 'for both')
  await until(() => phone.texts(bob.me.id).includes('for both') && laptop.texts(bob.me.id).includes('for both'))
  t.same(await textsIn(laptop.me, bob.me.id), ['from the laptop', 'for both'])
  const [, other] = await phone.me.devices()
  await phone.me.enableDevice(other?.installation ?? '', false)
  await phone.me.send(bob.me.id, 'not for the laptop')
  await until(() => bob.texts().includes('not for the laptop'))
  await phone.me.settled()
  t.notOk(laptop.texts(bob.me.id).includes('not for the laptop'))
})

t.test('a community: who asks is let in and writes, who is banned does neither', async (t) => {
  const network = new TestNetwork()
  const [owner, bob, carol] = [await device(t, network), await device(t, network), await device(t, network)]
  const id = await owner.me.createCommunity({ name: 'gardeners' })
  const [{ channels } = fail()] = await owner.me.communities()
  const general = channels[0]?.id ?? ''
  for (const one of [bob, carol]) {
    await one.me.joinCommunity(id)
    await until(async () => (await one.me.communities())[0]?.isMember === true)
    await until(async () => (await one.me.chats()).some((chat) => chat.id === general && chat.isOpen))
  }
  await bob.me.send(general, 'tomatoes')
  await until(() => [owner, carol].every((one) => one.texts(general).includes('tomatoes')))
  const roses = await owner.me.addChannel(id, 'roses')
  await until(async () => (await carol.me.chats()).some((chat) => chat.id === roses && chat.name === 'roses'))
  await owner.me.send(roses, 'red ones')
  await until(() => carol.texts(roses).includes('red ones'))
  await owner.me.ban(id, bob.me.id)
  await until(async () => (await bob.me.communities())[0]?.isMember === false)
  await t.rejects(bob.me.send(general, 'let me in'), { code: 'messaging/cannot-send' })
  await bob.me.joinCommunity(id)
  await carol.me.send(general, 'after the ban')
  await until(() => owner.texts(general).includes('after the ban'))
  t.notOk((await owner.me.communities())[0]?.members.includes(bob.me.id))
  await owner.me.removeChannel(id, roses)
  await until(async () => (await carol.me.chats()).find((chat) => chat.id === roses)?.isOpen === false)
  await t.rejects(carol.me.send(roses, 'no more'), { code: 'messaging/cannot-send' })
  await carol.me.leaveCommunity(id)
  await until(async () => (await owner.me.communities())[0]?.members.length === 1)
})

t.test('a guarded community lets in whom its owner lets in', async (t) => {
  const network = new TestNetwork()
  const [owner, bob] = [await device(t, network), await device(t, network, { name: 'bobby' })]
  const id = await owner.me.createCommunity({ name: 'club', isGuarded: true })
  await bob.me.joinCommunity(id)
  await until(async () => (await owner.me.communities())[0]?.requests.length === 1)
  t.same((await owner.me.communities())[0]?.requests, [{ id: bob.me.id, name: 'bobby' }])
  t.equal((await bob.me.communities())[0]?.isMember, false)
  await owner.me.answerJoinRequest(id, bob.me.id, true)
  await until(async () => (await bob.me.communities())[0]?.isMember === true)
  t.same((await owner.me.communities())[0]?.requests, [])
  // What was said before comes again from a store: it is no new word.
  await owner.me.kick(id, bob.me.id)
  await owner.stop()
  await owner.start()
  await owner.me.fetch()
  t.same((await owner.me.communities())[0]?.requests, [])
  t.equal((await owner.me.communities())[0]?.members.length, 1)
})

t.test('somebody who lost all but the account is a contact again, and reads what comes', async (t) => {
  const network = new TestNetwork()
  const alice = await device(t, network)
  const bob = await device(t, network)
  await befriend(alice, bob)
  await bob.stop()
  await rm(path.join(bob.folder, 'messages'), { recursive: true })
  await bob.start()
  bob.heard.length = 0
  alice.end.turn(false)
  await alice.me.send(bob.me.id, 'by a session that bob has not')
  await bob.me.requestContact(alice.me.id, 'it is me again')
  alice.end.turn(true)
  await until(async () => (await bob.me.contacts()).some(({ id, state }) => id === alice.me.id && state === 'contact'))
  await alice.me.send(bob.me.id, 'welcome back')
  await until(() => bob.texts().includes('welcome back'))
  await bob.me.send(alice.me.id, 'thank you')
  await until(() => alice.texts().includes('thank you'))
})

t.test('to a device that lost its sessions the next message begins anew, whatever is played again', async (t) => {
  const network = new TestNetwork()
  const [alice, bob] = [await device(t, network), await device(t, network)]
  await befriend(alice, bob)
  const id = await bob.me.send(alice.me.id, 'before')
  await until(async () => (await bob.me.message(id))?.status === 'delivered')
  const before = await sessionsOf(t, alice)
  const account = await readKeyFile(path.join(bob.folder, 'account.json'), 'secret')
  const { pubsubTopic, encoded } = await lostNotice(account!, alice)
  network.carry(pubsubTopic, encoded)
  await alice.me.fetch()
  t.same(await sessionsOf(t, alice), before, 'those that were lost are kept, to refuse what comes again')
  await alice.me.send(bob.me.id, 'anew')
  await until(() => bob.texts().includes('anew'))
  await bob.me.send(alice.me.id, 'understood')
  await until(() => alice.texts().includes('understood'))
  t.same(await sessionsOf(t, alice), { sessions: before.sessions + 1, listed: before.listed + 1 })
})

/** The empty message of a device that has no session for what it was sent. */
async function lostNotice({ chat, installation }: Account, to: Device) {
  const key = keyOfUser(to.me.id)
  const encrypted = new Map([[anyInstallation, sealOneShot(key, new Uint8Array(0))]])
  const bytes = protocolMessage.encode({ installation, encrypted })
  return await sealFor(partitionedChannel(key), bytes, { author: chat, recipient: key, now: Date.now() })
}

/** Restarts a device, whose folder is looked into meanwhile. */
async function sessionsOf(t: Test, device: Device) {
  await device.stop()
  const { sessions, listed } = await Loot.take(t, device)
  await device.start()
  return { sessions, listed }
}

t.test('of a stranger one request is kept, however often it is said, and of somebody blocked none', async (t) => {
  const network = new TestNetwork()
  const [stranger, bob] = [await device(t, network), await device(t, network)]
  await stranger.me.requestContact(bob.me.id, 'first')
  await until(() => bob.texts().includes('first'))
  await stranger.me.requestContact(bob.me.id, 'second')
  await stranger.me.joinPublicChat('square')
  await bob.me.joinPublicChat('square')
  await stranger.me.send('square', 'after it')
  await until(() => bob.texts('square').length === 1)
  t.same(bob.texts(stranger.me.id), ['first'])
  await bob.me.acceptContact(stranger.me.id)
  await until(async () => (await stranger.me.contacts())[0]?.state === 'contact')
  await bob.me.block(stranger.me.id)
  await stranger.me.requestContact(bob.me.id, 'third')
  await stranger.me.send('square', 'after that')
  await until(() => bob.texts('square').length === 2)
  t.same(bob.texts(stranger.me.id), ['first'])
})

function fail(): never {
  throw new Error('there is none')
}
