/** Encrypted communities over a network that loses, repeats and mixes up, and devices that are off at times. */
import t, { type Test } from 'tap'
import type { Clock } from '../../../src/core/time.ts'
import { GroupKey } from '../../../src/messaging/encryption/group-key.ts'
import { GroupKeyRing } from '../../../src/messaging/encryption/group-key-ring.ts'
import { anyInstallation } from '../../../src/messaging/encryption/one-shot.ts'
import { protocolMessage } from '../../../src/messaging/encryption/protocol-message.ts'
import { Account } from '../../../src/messaging/identity/account.ts'
import { compress, KeyPair, keyOfUser } from '../../../src/messaging/keys.ts'
import { publishEvery } from '../../../src/messaging/messenger/publication.ts'
import { maxWaiting } from '../../../src/messaging/messenger/waiting-messages.ts'
import type { Carried } from '../../../src/messaging/network.ts'
import { communityControlChannel } from '../../../src/messaging/topics.ts'
import { until } from '../../kit/until.ts'
import { hand, kept } from './attack.ts'
import { channelsOf, club, knowsMembers, LossyNetwork, layerOf, newMember, says } from './club.ts'
import { type Device, TestNetwork } from './kit.ts'

t.test('what comes in disorder and twice is read once, whatever key it is under', async (t) => {
  const network = new TestNetwork()
  const made = await club(t, network, 3)
  const { id, chat, owner, members } = made
  const [bob, carol, dave] = members as [Device, Device, Device]
  await carol.stop()
  const before = network.carried.length
  const said: string[] = []
  for (let n = 0; n < 12; n += 1) {
    await says(n % 2 ? bob : owner, chat, `number ${n}`, [n % 2 ? owner : bob])
    said.push(`number ${n}`)
    if (n === 6) await owner.me.kick(id, dave.me.id)
    if (n === 6) await knowsMembers(bob, 3)
  }
  const missed = network.carried.splice(before)
  network.carried.push(...missed.toReversed(), ...missed)
  await carol.start()
  await until(() => carol.texts(chat).length >= said.length)
  await carol.me.fetch()
  await carol.stop()
  await carol.start()
  await carol.me.fetch()
  t.same(carol.texts(chat).toSorted(), said.toSorted())
})

/** The envelopes of a community's own channel: descriptions with their rekeys. */
function isFrom({ contentTopic }: { contentTopic: string }) {
  return ({ message }: Carried) => message.contentTopic === contentTopic
}

/** Bob is put out while carol is away, and the rekey is lost to her for good; then dave writes. */
async function withLostRekey(t: Test, clocks: { readonly owner?: Clock; readonly carol?: Clock }) {
  const network = new LossyNetwork()
  const made = await club(t, network, 2, { isEncrypted: true }, clocks.owner && { clock: clocks.owner })
  const { id, owner, members } = made
  const carol = await newMember(t, network, made, clocks.carol && { clock: clocks.carol })
  const [bob, dave] = members as [Device, Device]
  await knowsMembers(dave, 4)
  await carol.stop()
  await owner.me.kick(id, bob.me.id)
  await knowsMembers(dave, 3)
  await owner.me.settled()
  const [communityTopic] = channelsOf(made)
  const [lost] = network.carried.splice(network.carried.findLastIndex(isFrom(communityTopic!)), 1)
  await carol.start()
  return { network, carol, dave, lost: lost!, ...made }
}

t.test('messages wait for a key that was lost, over a restart, until the owner publishes again', async (t) => {
  let ahead = 0
  const { carol, dave, chat, owner } = await withLostRekey(t, { owner: () => Date.now() + ahead })
  for (const text of ['one', 'two']) await says(dave, chat, text, [owner])
  await carol.me.fetch()
  t.same(carol.texts(chat), [], 'she has not the key')
  await carol.stop()
  await carol.start()
  ahead = publishEvery
  await owner.stop()
  await owner.start()
  await until(() => carol.texts(chat).length === 2)
  t.same(carol.texts(chat), ['one', 'two'], 'in the order in which they came')
  await says(carol, chat, 'she writes under it', [dave, owner])
})

t.test('a description that somebody posts again without the key takes none away, nor what waits for it', async (t) => {
  const { carol, dave, lost, ...made } = await withLostRekey(t, {})
  const { chat, owner } = made
  const [communityTopic] = channelsOf(made)
  await says(dave, chat, 'one', [owner])
  await carol.me.fetch()
  const layer = await layerOf(communityTopic!, lost.message)
  const publicMessage = layer?.message?.encrypted.get(anyInstallation)?.payload
  const mallory = KeyPair.generate()
  await hand(carol, communityTopic!, protocolMessage.encode({ installation: 'm', publicMessage }), mallory)
  await carol.me.settled()
  t.match(await carol.me.communities(), [{ isMember: true, members: { length: 4 } }])
  carol.end.receive(lost)
  await until(() => carol.texts(chat).includes('one'))
  t.match(await carol.me.communities(), [{ isMember: true, members: { length: 3 } }], 'control: with the key it counts')
})

t.test('for a key that does not come the owner is asked, and not often', async (t) => {
  let ahead = 0
  const { network, carol, dave, chat, id, owner } = await withLostRekey(t, { carol: () => Date.now() + ahead })
  const { contentTopic } = communityControlChannel(compress(keyOfUser(id)))
  const asked = () => network.carried.filter(isFrom({ contentTopic })).length
  const before = asked()
  await says(dave, chat, 'one', [owner])
  await carol.me.fetch()
  t.equal(asked(), before, 'not at once: stores may have it')
  ahead = 11 * 60 * 1000
  await says(dave, chat, 'two', [owner])
  await until(() => carol.texts(chat).length === 2)
  t.equal(asked(), before + 1)
})

t.test('of what is under keys that nobody has, so much is kept of a member, and nothing of others', async (t) => {
  const network = new TestNetwork()
  const made = await club(t, network, 2)
  const { chat, owner, members } = made
  const [bob, carol] = members as [Device, Device]
  const [, chatTopic] = channelsOf(made)
  const { chat: keys, installation } = await Account.restore(bob.me.words())
  const flood = async (author: KeyPair, count: number) => {
    for (let n = 0; n < count; n += 1) {
      const ring = GroupKeyRing.empty().take(new GroupKey(compress(keyOfUser(made.id)), BigInt(n + 1)), 0)
      const encrypted = new Map([[anyInstallation, ring.encrypt(Buffer.from('junk'))!.message]])
      await hand(carol, chatTopic!, protocolMessage.encode({ installation, encrypted }), author)
    }
    return await kept(carol)
  }
  const before = await kept(carol)
  const { rows: ofStrangers } = await flood(KeyPair.generate(), 100)
  t.equal(ofStrangers, before.rows)
  const { rows: ofMember } = await flood(keys, maxWaiting.ofOne + 40)
  t.equal(ofMember, before.rows + maxWaiting.ofOne + 1, 'with the list of them')
  await says(bob, chat, 'it works all the same', [owner, carol])
})
