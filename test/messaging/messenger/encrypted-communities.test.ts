import t from 'tap'
import { ChatKind, ContentType } from '../../../src/messaging/application/chat.ts'
import { signPayload } from '../../../src/messaging/application/metadata.ts'
import { writePayload } from '../../../src/messaging/application/payloads.ts'
import { ApplicationType } from '../../../src/messaging/application/types.ts'
import { headerWithKeys, headerWithRekey, keysOfHeader } from '../../../src/messaging/encryption/group-exchange.ts'
import { GroupKey } from '../../../src/messaging/encryption/group-key.ts'
import { GroupKeyRing } from '../../../src/messaging/encryption/group-key-ring.ts'
import { HashRatchet, sequenceWindow } from '../../../src/messaging/encryption/hash-ratchet.ts'
import { anyInstallation } from '../../../src/messaging/encryption/one-shot.ts'
import { protocolMessage } from '../../../src/messaging/encryption/protocol-message.ts'
import { Account } from '../../../src/messaging/identity/account.ts'
import { compress, type KeyPair, keyOfUser } from '../../../src/messaging/keys.ts'
import { publishEvery } from '../../../src/messaging/messenger/publication.ts'
import { partitionedChannel } from '../../../src/messaging/topics.ts'
import { until } from '../../kit/until.ts'
import { hand } from './attack.ts'
import { type Club, channelsOf, club, headersOn, isIn, knowsMembers, layerOf, newMember, says } from './club.ts'
import { type Device, device, TestNetwork } from './kit.ts'

/** All bytes that somebody without a key of the group finds who knows the names of all channels of a community. */
async function readByStranger(network: TestNetwork, of: Club): Promise<{ envelopes: number; found: string }> {
  const layers = await Promise.all(
    channelsOf(of).flatMap((channel) => network.carried.map(({ message }) => layerOf(channel, message))),
  )
  const opened = layers.filter((one) => one !== undefined)
  return { envelopes: opened.length, found: opened.map(({ data }) => Buffer.from(data).toString('latin1')).join('\n') }
}

for (const isEncrypted of [true, false])
  t.test(
    `members of ${isEncrypted ? 'an encrypted' : 'an open'} community read each other; strangers do ${isEncrypted ? 'not' : 'too'}`,
    async (t) => {
      const network = new TestNetwork()
      const made = await club(t, network, 2, { isEncrypted })
      const { id, chat, owner, members } = made
      const everybody = [owner, ...members]
      for (const [n, one] of everybody.entries())
        await says(
          one,
          chat,
          `the words of ${n}`,
          everybody.filter((other) => other !== one),
        )
      const stranger = await device(t, network)
      await stranger.me.followCommunity(id)
      await until(async () => (await stranger.me.communities())[0]?.name === 'club')
      await stranger.me.fetch()
      const [seen] = await stranger.me.communities()
      t.match(seen, { isEncrypted, isMember: false })
      t.equal(seen?.members.length, isEncrypted ? 0 : 3)
      t.equal(seen?.channels.length, isEncrypted ? 0 : 1)
      const { envelopes, found } = await readByStranger(network, made)
      t.ok(envelopes >= 6, 'control: the envelopes open to who knows the names')
      for (const n of everybody.keys()) t.equal(found.includes(`the words of ${n}`), !isEncrypted)
      for (const { me } of everybody) t.equal(found.includes(me.id), !isEncrypted, 'who is in it')
      t.equal(found.includes('general'), !isEncrypted, 'the names of channels')
    },
  )

/** A message of a channel as its author signs it. */
function signedMessage(chatId: string, text: string, author: KeyPair): Uint8Array {
  const now = BigInt(Date.now())
  const draft = { clock: now, timestamp: now, text, chatId, kind: ChatKind.community, contentType: ContentType.text }
  return signPayload(ApplicationType.chatMessage, writePayload('chatMessage', draft), author).body
}

t.test('edits, reactions and deletions are for members alone too', async (t) => {
  const network = new TestNetwork()
  const made = await club(t, network, 1)
  const { chat, owner, members } = made
  const [bob] = members as [Device]
  const id = await bob.me.send(chat, 'first words')
  await until(() => owner.texts(chat).includes('first words'))
  await bob.me.edit(id, 'other words')
  await owner.me.react(id, 'love')
  await until(async () => (await owner.me.message(id))?.text === 'other words')
  await until(async () => (await bob.me.message(id))?.reactions.love?.length === 1)
  const { found } = await readByStranger(network, made)
  t.notOk(/first words|other words/.test(found))
})

t.test('two devices of one person have the same keys', async (t) => {
  const network = new TestNetwork()
  const { id, chat, owner, members } = await club(t, network, 2)
  const [phone, carol] = members as [Device, Device]
  const laptop = await device(t, network, { words: phone.me.words() })
  await laptop.me.followCommunity(id)
  await isIn(laptop, chat)
  await says(owner, chat, 'to both', [phone, laptop, carol])
  await says(laptop, chat, 'from the laptop', [owner, carol])
  await says(phone, chat, 'from the phone', [owner, carol])
  await owner.me.kick(id, carol.me.id)
  for (const one of [phone, laptop]) await knowsMembers(one, 2)
  await says(owner, chat, 'after the rekey', [phone, laptop])
  await says(laptop, chat, 'under the new key', [owner])
  const second = await device(t, network, { words: owner.me.words() })
  await second.me.followCommunity(id)
  await isIn(second, chat)
  await says(phone, chat, 'to the owner', [owner, second])
})

t.test('a key that is worn is replaced, and members read on', async (t) => {
  const network = new TestNetwork()
  let ahead = 0
  const owner = await device(t, network, { clock: () => Date.now() + ahead })
  const id = await owner.me.createCommunity({ name: 'club', isEncrypted: true })
  const chat = (await owner.me.communities())[0]!.channels[0]!.id
  const bob = await newMember(t, network, { id, chat })
  const [communityTopic] = channelsOf({ id, chat })
  const stamps = async () => (await headersOn(network, communityTopic!)).map(({ keys }) => keys?.rekey?.timestamp)
  const published = async (at: number) => {
    const { length } = await stamps()
    ahead = at
    await owner.stop()
    await owner.start()
    await until(async () => (await stamps()).length > length)
    return (await stamps()).at(-1)
  }
  await says(owner, chat, 'under the first', [bob])
  const first = (await stamps()).at(-1)
  t.equal(await published(publishEvery), first, 'it is published again, and the same')
  t.not(await published(49 * 60 * 60 * 1000), first)
  ahead = 0
  await says(bob, chat, 'under the next', [owner])
})

t.test('a key under which very much was said is replaced, so that who comes later can follow', async (t) => {
  const network = new TestNetwork()
  const made = await club(t, network, 1)
  const { id, chat, owner, members } = made
  const [bob] = members as [Device]
  const { chat: keys, installation } = await Account.restore(bob.me.words())
  const [communityTopic, chatTopic] = channelsOf(made)
  const newest = async () => (await headersOn(network, communityTopic!)).at(-1)!
  const change = async (name: string) => {
    await owner.me.addChannel(id, name)
    await until(async () => (await bob.me.communities())[0]!.channels.some((one) => one.name === name))
    return (await newest()).keys?.rekey?.timestamp
  }
  const before = await change('one')
  const [groupKey] = keysOfHeader(await newest(), keys, keyOfUser(id))
  t.equal(await change('two'), before, 'control: with little said it stays')
  let ratchet = HashRatchet.of(groupKey!)
  while (ratchet.sequence < sequenceWindow) ratchet = ratchet.encrypt(Buffer.from('')).next
  const sealed = ratchet.encrypt(signedMessage(chat, 'very much', keys)).message
  const encrypted = new Map([[anyInstallation, sealed]])
  await hand(owner, chatTopic!, protocolMessage.encode({ installation, encrypted }), keys)
  await until(() => owner.texts(chat).includes('very much'))
  t.not(await change('three'), before)
  await says(owner, chat, 'under the next', [bob])
})

t.test('nobody but the community gives keys for it, and nothing is heard in it in clear', async (t) => {
  const network = new TestNetwork()
  const made = await club(t, network, 2)
  const { id, chat, owner, members } = made
  const [bob, carol] = members as [Device, Device]
  const [communityTopic, chatTopic] = channelsOf(made)
  const { chat: keys, installation } = await Account.restore(bob.me.words())
  const payload = (text: string) => signedMessage(chat, text, keys)
  const forged = new GroupKey(compress(keyOfUser(id)), BigInt(Date.now() + 60_000))
  const sealedFor = headerWithRekey(keys, [keyOfUser(carol.me.id)], forged)
  const inClear = headerWithKeys(forged.groupId, [forged])
  for (const header of [sealedFor, inClear]) {
    const bytes = protocolMessage.encode({ encrypted: new Map([[anyInstallation, { hashRatchet: header }]]) })
    await hand(carol, communityTopic!, bytes, keys)
    await hand(carol, partitionedChannel(keyOfUser(carol.me.id)), bytes, keys)
  }
  const sealed = GroupKeyRing.empty().take(forged, 0).encrypt(payload('under a key of my own'))!.message
  const encrypted = new Map([[anyInstallation, sealed]])
  await hand(carol, chatTopic!, protocolMessage.encode({ installation, encrypted }), keys)
  await hand(carol, chatTopic!, protocolMessage.encode({ installation, publicMessage: payload('in clear') }), keys)
  await carol.me.settled()
  await says(carol, chat, 'she writes under the true one', [owner, bob])
  await says(bob, chat, 'and reads it', [carol])
  t.same(carol.texts(chat), ['and reads it'])
  const open = await club(t, network, 1, {})
  const { chat: author } = await Account.restore(open.members[0]!.me.words())
  const publicMessage = signedMessage(open.chat, 'in clear', author)
  await hand(open.owner, channelsOf(open)[1]!, protocolMessage.encode({ installation, publicMessage }), author)
  await until(() => open.owner.texts(open.chat).includes('in clear'))
})
