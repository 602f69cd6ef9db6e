/** Devices under attack: what anybody may hand to them, past the store, and what they are like afterwards. */
import { randomInt } from 'node:crypto'
import path from 'node:path'
import { ClassicLevel } from 'classic-level'
import fc from 'fast-check'
import type { Test } from 'tap'
import { decodeMessage } from '../../../src/core/message.ts'
import { protocolMessage, type SignedPrekey } from '../../../src/messaging/encryption/protocol-message.ts'
import { Account } from '../../../src/messaging/identity/account.ts'
import { type KeyPair, keyOfUser } from '../../../src/messaging/keys.ts'
import { keyFromPassword } from '../../../src/messaging/payload/password.ts'
import { decrypt } from '../../../src/messaging/payload/payload.ts'
import {
  type Channel,
  contactCodeChannel,
  negotiatedChannel,
  partitionedChannel,
} from '../../../src/messaging/topics.ts'
import { sealFor } from '../../../src/messaging/transport/channels.ts'
import { until } from '../../kit/until.ts'
import { befriend, type Device, device, TestNetwork } from './kit.ts'

/** Of what is made up by chance; `WAYPOST_SEED` gives the same again. */
const seed = Number(process.env.WAYPOST_SEED ?? randomInt(2 ** 31))
let drawn = 0

/** So many of a kind. */
export function some<Value>(kind: fc.Arbitrary<Value>, count: number): Value[] {
  drawn += 1
  return fc.sample(kind, { seed: seed + drawn, numRuns: count })
}

export const texts = ['one', 'two', 'three', 'four', 'five']

/** A device under attack, the friend who writes to it, and what the friend said that has not come yet. */
export interface Scene {
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

export async function scene(t: Test): Promise<Scene> {
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
export async function hand(
  bob: Device,
  { name, contentTopic, pubsubTopic }: Channel,
  data: Uint8Array,
  author: KeyPair,
) {
  const isMine = name === partitionedChannel(keyOfUser(bob.me.id)).name
  const options = { author, now: Date.now(), ...(isMine && { recipient: keyOfUser(bob.me.id) }) }
  const { encoded } = await sealFor({ name, contentTopic, pubsubTopic } as Channel, data, options)
  bob.end.receive({ pubsubTopic, message: decodeMessage(encoded) })
}

/** Asserts that the device is well, and that all that was said arrives, once each, and nothing else. */
export async function staysWell(t: Test, { alice, bob, failures }: Scene): Promise<void> {
  await bob.me.settled()
  const known = new Set(['it is me', ...texts])
  t.same(
    bob.texts().filter((text) => !known.has(text)),
    [],
    `nothing is shown that was not said (WAYPOST_SEED=${seed})`,
  )
  bob.end.turn(true)
  alice.end.turn(true)
  await alice.me.send(bob.me.id, 'the last')
  await until(() => bob.texts().includes('the last') && texts.every((text) => bob.texts().includes(text)))
  t.same(bob.texts(alice.me.id).sort(), ['it is me', ...texts, 'the last'].sort())
  t.same(failures, [], 'and nothing fails')
}

/** The prekey that a device published last. */
export async function prekeyOf(network: TestNetwork, person: Device): Promise<[string, SignedPrekey]> {
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

/** Rows on the disk of a device, and bytes of them; it is off meanwhile. */
export async function kept(person: Device): Promise<{ rows: number; bytes: number }> {
  await person.me.settled()
  await person.stop()
  const level = new ClassicLevel<Buffer, Buffer>(path.join(person.folder, 'messages', 'rows'), {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    createIfMissing: false,
  })
  let [rows, bytes] = [0, 0]
  for await (const [key, value] of level.iterator()) {
    rows += 1
    bytes += key.length + value.length
  }
  await level.close()
  await person.start()
  return { rows, bytes }
}
