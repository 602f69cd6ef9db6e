/**
 * What anybody may hand to a device: bytes of any kind, envelopes damaged at each layer, and what somebody says who has the
 * keys to be read. Nothing of it is shown that was not said, nothing fails, and what is genuine comes through afterwards.
 */
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { sealOneShot } from '../../../src/messaging/encryption/one-shot.ts'
import { protocolMessage } from '../../../src/messaging/encryption/protocol-message.ts'
import { Session } from '../../../src/messaging/encryption/session.ts'
import { KeyPair, keccak256, keyOfUser, keyOrNone } from '../../../src/messaging/keys.ts'
import { syncPayload } from '../../../src/messaging/mvds/payload.ts'
import { segmentMessage } from '../../../src/messaging/segmentation/segment.ts'
import { type Channel, partitionedChannel } from '../../../src/messaging/topics.ts'
import { hand, prekeyOf, scene, some, staysWell, texts } from './attack.ts'

const damagedOfEach = 8

function flipped(bytes: Uint8Array, bits: readonly number[]): Uint8Array {
  const copy = Uint8Array.from(bytes)
  for (const bit of bits) {
    const at = (bit >> 3) % copy.length
    copy[at] = copy[at]! ^ (1 << (bit & 7))
  }
  return copy
}

const bits = fc.array(fc.nat(1_000_000), { minLength: 1, maxLength: 4 })

t.test('bytes of any kind on a topic that is followed change nothing', async (t) => {
  const all = await scene(t)
  const { bob, channel } = all
  const bytes = some(fc.uint8Array({ maxLength: 600 }), 60)
  const { contentTopic, pubsubTopic } = channel
  for (const payload of bytes) bob.end.receive({ pubsubTopic, message: { payload, contentTopic } as never })
  for (const data of bytes) await hand(bob, channel, data, all.keys)
  await staysWell(t, all)
})

t.test('envelopes damaged outside and inside change nothing', async (t) => {
  const all = await scene(t)
  const { network, bob, channel, keys, genuine } = all
  const waiting = network.carried.slice(-genuine.length)
  for (const { pubsubTopic, message } of waiting)
    for (const damage of some(bits, damagedOfEach))
      bob.end.receive({ pubsubTopic, message: { ...message, payload: flipped(message.payload, damage) } })
  for (const data of genuine) {
    for (const damage of some(bits, damagedOfEach)) await hand(bob, channel, flipped(data, damage), keys)
    for (const end of some(fc.nat(data.length), damagedOfEach)) await hand(bob, channel, data.subarray(0, end), keys)
  }
  t.equal(genuine.length, texts.length)
  await staysWell(t, all)
})

t.test('what somebody else sends on as his own is not shown as his', async (t) => {
  const all = await scene(t)
  const { bob, channel, genuine } = all
  const mallory = KeyPair.generate()
  const toBob = partitionedChannel(keyOfUser(bob.me.id))
  for (const data of genuine) {
    await hand(bob, channel, data, mallory)
    await hand(bob, toBob, data, mallory)
  }
  await staysWell(t, all)
})

t.test('the same envelopes five times over are read once', async (t) => {
  const all = await scene(t)
  const { bob, channel, genuine, keys } = all
  for (let time = 0; time < 5; time++) for (const data of genuine) await hand(bob, channel, data, keys)
  await staysWell(t, all)
})

t.test('a session of a stranger that skips keys, names other devices and lies is borne', async (t) => {
  const all = await scene(t)
  const { network, bob, channel } = all
  const [installation, { key }] = await prekeyOf(network, bob)
  const mallory = KeyPair.generate()
  const toBob = partitionedChannel(keyOfUser(bob.me.id))
  let session = Session.start(mallory, {
    identity: keyOfUser(bob.me.id),
    installation,
    prekey: keyOrNone(key)!,
  } as never)
  const skips = 400
  for (let at = 0; at < 8 * skips; at++) {
    const { message, next } = session.encrypt(randomBytes(40))
    session = next
    if (at % skips !== 0) continue
    for (const name of [installation, 'another device'])
      await hand(
        bob,
        toBob,
        protocolMessage.encode({ installation: 'm', encrypted: new Map([[name, message]]) }),
        mallory,
      )
  }
  const wrongKey = { name: 'no such name', contentTopic: channel.contentTopic, pubsubTopic: channel.pubsubTopic }
  await hand(bob, wrongKey as Channel, randomBytes(100), mallory)
  await staysWell(t, all)
})

t.test('lies in segments and in confirmations take no more than their share', async (t) => {
  const all = await scene(t)
  const { bob, channel, keys } = all
  const whole = randomBytes(32)
  for (let at = 0; at < 60; at++) {
    const numbers = { index: at % 5, segmentsCount: [2, 3, 255, 0xffff_ffff][at % 4]!, parityCount: at % 3 }
    const wholeHash = at % 2 ? keccak256(whole) : randomBytes(32)
    await hand(bob, channel, segmentMessage.encode({ ...numbers, wholeHash, payload: randomBytes(100) }), keys)
  }
  const ids = Array.from({ length: 1000 }, () => randomBytes(32))
  const groupId = randomBytes(32)
  const message = { groupId, timestamp: 2n ** 62n, body: randomBytes(100) }
  const said = [{ acks: ids }, { offers: ids }, { requests: ids }, { messages: [message, message] }]
  for (const draft of said) {
    const encrypted = new Map([['none', sealOneShot(keyOfUser(bob.me.id), syncPayload.encode(draft))]])
    await hand(bob, channel, protocolMessage.encode({ installation: 'm', encrypted }), keys)
  }
  await staysWell(t, all)
})

t.test('strangers who say nothing that can be read do not become contacts', async (t) => {
  const all = await scene(t)
  const { bob } = all
  const toBob = partitionedChannel(keyOfUser(bob.me.id))
  for (let at = 0; at < 40; at++) {
    const encrypted = new Map([['none', sealOneShot(keyOfUser(bob.me.id), randomBytes(60))]])
    await hand(bob, toBob, protocolMessage.encode({ installation: `${at}`, encrypted }), KeyPair.generate())
  }
  await staysWell(t, all)
  t.equal((await bob.me.contacts()).filter(({ state }) => state !== 'none').length, 1)
})
