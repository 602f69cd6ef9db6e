/**
 * What anybody may hand to a device: bytes of any kind, envelopes damaged at each layer, and what somebody says who has the
 * keys to be read. Nothing of it is shown that was not said, nothing fails, and what is genuine comes through afterwards.
 */
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { decodeMessage } from '../../../src/core/message.ts'
import { sealOneShot } from '../../../src/messaging/encryption/one-shot.ts'
import { protocolMessage, type SignedPrekey } from '../../../src/messaging/encryption/protocol-message.ts'
import { Session } from '../../../src/messaging/encryption/session.ts'
import { Account } from '../../../src/messaging/identity/account.ts'
import { KeyPair, keccak256, keyOfUser, keyOrNone } from '../../../src/messaging/keys.ts'
import { syncPayload } from '../../../src/messaging/mvds/payload.ts'
import { keyFromPassword } from '../../../src/messaging/payload/password.ts'
import { decrypt } from '../../../src/messaging/payload/payload.ts'
import { segmentMessage } from '../../../src/messaging/segmentation/segment.ts'
import {
  type Channel,
  contactCodeChannel,
  negotiatedChannel,
  partitionedChannel,
} from '../../../src/messaging/topics.ts'
import { sealFor } from '../../../src/messaging/transport/channels.ts'
import { until } from '../../kit/until.ts'
import { befriend, type Device, device, TestNetwork } from './kit.ts'

const damagedOfEach = 8
const texts = ['one', 'two', 'three', 'four', 'five']

/** A device under attack, the friend who writes to it, and what the friend said that has not come yet. */
interface Scene {
  readonly network: TestNetwork
  readonly alice: Device
  readonly bob: Device
  /** The friend's key: what is signed by it comes from the friend as far as the envelope tells. */
  readonly keys: KeyPair
  readonly channel: Channel
  /** Messages of the encryption layer that wait in the store. */
  readonly genuine: readonly Uint8Array[]
  readonly failures: unknown[]
}

async function scene(t: Test): Promise<Scene> {
  const network = new TestNetwork()
  const failures: unknown[] = []
  const alice = await device(t, network)
  const bob = await device(t, network, { onFailure: (error) => failures.push(error) })
  await befriend(alice, bob)
  await bob.me.settled()
  const { chat: keys } = await Account.restore(alice.me.words())
  const channel = negotiatedChannel(keys.sharedSecret(keyOfUser(bob.me.id)))
  bob.end.turn(false)
  const before = network.carried.length
  for (const text of texts) await alice.me.send(bob.me.id, text)
  await alice.me.settled()
  alice.end.turn(false)
  bob.end.isOnline = true
  const key = await keyFromPassword(channel.name)
  const opened = network.carried.slice(before).map(({ message }) => decrypt(message.payload, { key })?.data)
  const genuine = opened.filter((one) => one !== undefined)
  return { network, alice, bob, keys, channel, genuine, failures }
}

/** Hands an envelope to the device, past the store: what comes later from there is genuine. */
async function hand(bob: Device, { name, contentTopic, pubsubTopic }: Channel, data: Uint8Array, author: KeyPair) {
  const isMine = name === partitionedChannel(keyOfUser(bob.me.id)).name
  const options = { author, now: Date.now(), ...(isMine && { recipient: keyOfUser(bob.me.id) }) }
  const { encoded } = await sealFor({ name, contentTopic, pubsubTopic } as Channel, data, options)
  bob.end.receive({ pubsubTopic, message: decodeMessage(encoded) })
}

/** Asserts that the device is well, and that all that was said arrives, once each, and nothing else. */
async function staysWell(t: Test, { alice, bob, failures }: Scene): Promise<void> {
  await bob.me.settled()
  const known = new Set(['it is me', ...texts])
  t.same(
    bob.texts().filter((text) => !known.has(text)),
    [],
    'nothing is shown that was not said',
  )
  bob.end.turn(true)
  alice.end.turn(true)
  await alice.me.send(bob.me.id, 'the last')
  await until(() => bob.texts().includes('the last') && texts.every((text) => bob.texts().includes(text)))
  t.same(bob.texts(alice.me.id).sort(), ['it is me', ...texts, 'the last'].sort())
  t.same(failures, [])
}

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
  const bytes = fc.sample(fc.uint8Array({ maxLength: 600 }), 60)
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
    for (const damage of fc.sample(bits, damagedOfEach))
      bob.end.receive({ pubsubTopic, message: { ...message, payload: flipped(message.payload, damage) } })
  for (const data of genuine) {
    for (const damage of fc.sample(bits, damagedOfEach)) await hand(bob, channel, flipped(data, damage), keys)
    for (const end of fc.sample(fc.nat(data.length), damagedOfEach))
      await hand(bob, channel, data.subarray(0, end), keys)
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

/** The prekey that a device published last. */
async function prekeyOf(network: TestNetwork, person: Device): Promise<[string, SignedPrekey]> {
  const { contentTopic, name } = contactCodeChannel(keyOfUser(person.me.id))
  const key = await keyFromPassword(name)
  const published = network.carried.filter(({ message }) => message.contentTopic === contentTopic)
  const [bundle] = published
    .map(({ message }) => decrypt(message.payload, { key }))
    .flatMap((opened) => (opened && protocolMessage.parse(opened.data)?.bundles) ?? [])
  const [entry] = bundle?.prekeys ?? []
  if (entry === undefined) throw new Error('no prekey was published')
  return entry
}

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
