/** What two status-go peers said to each other, as far as its layers need no state of theirs. */
import t from 'tap'
import { messageHash } from '../../src/core/hash.ts'
import { decodeMessage, encodeMessage } from '../../src/core/message.ts'
import { toMilliseconds } from '../../src/core/time.ts'
import { ChatKind, ContentType } from '../../src/messaging/application/chat.ts'
import { payloadFault } from '../../src/messaging/application/content.ts'
import { type OpenedPayload, openPayload } from '../../src/messaging/application/metadata.ts'
import { type Origin, originFault } from '../../src/messaging/application/origin.ts'
import { type Payload, readPayload, writePayload } from '../../src/messaging/application/payloads.ts'
import { areContacts, steps, strangers, toWire } from '../../src/messaging/contacts/handshake.ts'
import { anyInstallation, openOneShot } from '../../src/messaging/encryption/one-shot.ts'
import { type EncryptedMessage, protocolMessage } from '../../src/messaging/encryption/protocol-message.ts'
import { Session } from '../../src/messaging/encryption/session.ts'
import { Account } from '../../src/messaging/identity/account.ts'
import { KeyPair, uncompress, userId } from '../../src/messaging/keys.ts'
import { DataSync } from '../../src/messaging/mvds/data-sync.ts'
import { oneToOneGroupId, peerName } from '../../src/messaging/mvds/group.ts'
import { parseSyncPayload, syncPayload } from '../../src/messaging/mvds/payload.ts'
import { keyFromPassword } from '../../src/messaging/payload/password.ts'
import { decrypt, type Opener } from '../../src/messaging/payload/payload.ts'
import {
  type Channel,
  contactCodeChannel,
  negotiatedChannel,
  ownChannels,
  partitionedChannel,
  pushQueryChannel,
} from '../../src/messaging/topics.ts'
import { bytesOf, hexOf, readVectors } from '../kit/vectors.ts'

interface Envelope {
  readonly contentTopic: string
  readonly pubsubTopic: string
  readonly timestamp: string
  readonly ephemeral: boolean
  readonly version: number
  readonly hash: string
  readonly payload: string
}

interface Person {
  readonly mnemonic: string
  readonly installation: string
  readonly signedPreKey: { readonly priv: string }
}

interface Vectors {
  readonly identities: Readonly<Record<'A' | 'B', Person>>
  readonly envelopes: readonly Envelope[]
}

const { identities, envelopes } = readVectors<Vectors>('status-wire')
const people = {
  A: await Account.restore(identities.A.mnemonic, identities.A.installation),
  B: await Account.restore(identities.B.mnemonic, identities.B.installation),
}
const [alice, bob] = [people.A.chat, people.B.chat]

t.test('every envelope is a Waku message with the hash that was seen', async (t) => {
  t.equal(envelopes.length, 41)
  for (const { contentTopic, pubsubTopic, timestamp, ephemeral, version, hash, payload } of envelopes) {
    const body = encodeMessage({
      contentTopic,
      timestamp: BigInt(timestamp),
      ephemeral,
      version,
      payload: bytesOf(payload),
    })
    const decoded = decodeMessage(body)
    t.equal(`0x${messageHash(pubsubTopic, decoded)}`, hash)
    t.match(decoded, { contentTopic, ephemeral, version: 1 })
  }
})

t.test('every payload has the size of one way to encrypt: 28 bytes over full blocks, or 113', async (t) => {
  const over = envelopes.map(({ payload }) => (payload.length / 2) % 256)
  t.equal(over.filter((bytes) => bytes === 28).length, 38)
  t.equal(over.filter((bytes) => bytes === 113).length, 3)
})

/** The channels that both identities give. */
const channels: readonly { what: string; channel: Channel; envelopes: number; opener: () => Promise<Opener> }[] = [
  ...Object.entries({ alice, bob }).map(([name, pair]) => {
    const channel = contactCodeChannel(pair.publicKey)
    return { what: `contact code of ${name}`, channel, envelopes: 3, opener: byName(channel) }
  }),
  {
    what: 'partition of bob',
    channel: partitionedChannel(bob.publicKey),
    envelopes: 3,
    opener: async () => ({ recipient: bob }),
  },
  negotiated('alice with bob', 26),
]

function negotiated(what: string, count: number) {
  const channel = negotiatedChannel(alice.sharedSecret(bob.publicKey))
  return { what, channel, envelopes: count, opener: byName(channel) }
}

function byName(channel: Channel): () => Promise<Opener> {
  return async () => ({ key: await keyFromPassword(channel.name) })
}

for (const { what, channel, envelopes: count, opener } of channels)
  t.test(`what came on the channel of the ${what} opens, signed by one of both`, async (t) => {
    const there = envelopes.filter(
      ({ contentTopic, pubsubTopic }) => contentTopic === channel.contentTopic && pubsubTopic === channel.pubsubTopic,
    )
    t.equal(there.length, count)
    const key = await opener()
    for (const { payload } of there) {
      const opened = decrypt(bytesOf(payload), key)
      t.ok(opened?.author && [people.A.id, people.B.id].includes(userId(opened.author)))
    }
    const stranger = envelopes.find(({ contentTopic }) => contentTopic !== channel.contentTopic)!
    t.equal(decrypt(bytesOf(stranger.payload), key), undefined, 'and nothing else does')
  })

t.test('all envelopes are told by their topics but those of a community whose key is not known', async (t) => {
  const known = [
    ...channels.map(({ channel }) => channel),
    ...[alice, bob].map(({ publicKey }) => pushQueryChannel(publicKey)),
  ].map(({ contentTopic }) => contentTopic)
  const others = envelopes.filter(({ contentTopic }) => !known.includes(contentTopic))
  t.same(
    others.map(({ pubsubTopic, payload }) => `${pubsubTopic} ${payload.length / 2}`),
    ['32 540', '64 284', '64 284', '32 540'].map((end) => `/waku/2/rs/16/${end}`),
  )
})

t.test('both see the same conversation, and reach no further with public keys', async (t) => {
  const secret = alice.sharedSecret(bob.publicKey)
  t.same(bob.sharedSecret(alice.publicKey), secret)
  const open = new Set(
    [alice, bob].flatMap((pair) => ownChannels(pair.publicKey).map(({ contentTopic }) => contentTopic)),
  )
  t.equal(envelopes.filter(({ contentTopic }) => open.has(contentTopic)).length, 9)
})

/** What stands in the open on both contact codes. */
async function publicPayloads() {
  const found = []
  for (const of of [alice.publicKey, bob.publicKey]) {
    const channel = contactCodeChannel(of)
    const key = await keyFromPassword(channel.name)
    for (const { payload, timestamp } of envelopes.filter(
      ({ contentTopic }) => contentTopic === channel.contentTopic,
    )) {
      const outer = decrypt(bytesOf(payload), { key })!
      const opened = openPayload(protocolMessage.decode(outer.data).publicMessage!) as OpenedPayload
      const read = readPayload(opened.type, opened.payload) as Payload
      const place = { kind: 'contact code', of } as const
      const origin: Origin = { place, protection: 'open', application: opened.signer, transport: outer.author }
      const sentAt = toMilliseconds(BigInt(timestamp))
      found.push({ name: read.name, author: userId(opened.signer), payload: read, origin, sentAt })
    }
  }
  return found
}

t.test('what both told of themselves is read to the end, and believed', async (t) => {
  const me = uncompress(KeyPair.generate().publicKey)
  const payloads = await publicPayloads()
  const told = payloads.map(({ name, author }) => [name, author === people.A.id ? 'A' : 'B'])
  t.same(told, [
    ['statusUpdate', 'A'],
    ['contactCodeAdvertisement', 'A'],
    ['contactCodeAdvertisement', 'A'],
    ['statusUpdate', 'B'],
    ['contactCodeAdvertisement', 'B'],
    ['contactCodeAdvertisement', 'B'],
  ])
  for (const { payload, origin, sentAt } of payloads) {
    t.equal(payloadFault(payload, sentAt), undefined)
    t.equal(originFault(payload, origin, me), undefined)
    const elsewhere = { kind: 'contact code', of: me } as const
    t.equal(originFault(payload, { ...origin, place: elsewhere }, me), 'wrong place', 'the control')
  }
})

interface Arrived {
  readonly from: string
  readonly sentAt: number
  readonly sealed: EncryptedMessage | undefined
}

/** What came on a channel from one person, for the device `installation`. */
async function arrivals(channel: Channel, opener: Opener, from: string, installation: string): Promise<Arrived[]> {
  return envelopes
    .filter(({ contentTopic }) => contentTopic === channel.contentTopic)
    .map(({ payload, timestamp }) => ({ timestamp, outer: decrypt(bytesOf(payload), opener) }))
    .filter(({ outer }) => outer?.author !== undefined && userId(outer.author) === from)
    .map(({ timestamp, outer }) => {
      const sealed = protocolMessage.decode(outer!.data).encrypted.get(installation)
      return { from, sentAt: toMilliseconds(BigInt(timestamp)), sealed }
    })
}

/** A payload of the application in what the encryption layer gave: in MVDS, or by itself. */
function payloadsIn(plaintext: Uint8Array): { opened: OpenedPayload; payload: Payload }[] {
  const bodies = parseSyncPayload(plaintext)?.messages.map(({ body }) => body) ?? [plaintext]
  return bodies.map((body) => {
    const opened = openPayload(body) as OpenedPayload
    return { opened, payload: readPayload(opened.type, opened.payload) as Payload }
  })
}

/** What Alice wrote to Bob before either knew a bundle of the other, in the order of the wire. */
async function firstOfAlice(): Promise<Uint8Array[]> {
  const there = partitionedChannel(bob.publicKey)
  const arrived = await arrivals(there, { recipient: bob }, people.A.id, anyInstallation)
  return arrived.map(({ sealed }) => openOneShot(bob, sealed!)!)
}

/** What Bob answered in the session that he began, until Alice wrote in it: her prekey opens that. */
async function firstOfBob(): Promise<Uint8Array[]> {
  const there = negotiatedChannel(alice.sharedSecret(bob.publicKey))
  const opener = { key: await keyFromPassword(there.name) }
  const arrived = await arrivals(there, opener, people.B.id, identities.A.installation)
  const first = arrived.map(({ sealed }) => sealed).filter((sealed) => sealed?.x3dh !== undefined) as EncryptedMessage[]
  const prekey = KeyPair.fromSecret(bytesOf(identities.A.signedPreKey.priv))
  const device = { identity: bob.publicKey, installation: identities.B.installation }
  let session = Session.answer(alice, prekey, device, first[0]!)!
  return first.map((sealed) => {
    const opened = session.decrypt(sealed)
    if (!opened.opened) throw new Error(opened.why)
    session = opened.next
    return opened.plaintext
  })
}

const [profile, , requested] = await firstOfAlice()
const [confirmed, bobsProfile, accepted] = await firstOfBob()

t.test('both told each other who they are', async (t) => {
  t.match(payloadsIn(profile!)[0]?.payload, { name: 'chatIdentity', message: { displayName: 'alice-one' } })
  t.match(payloadsIn(bobsProfile!)[0]?.payload, { name: 'chatIdentity', message: { displayName: 'bobby-two' } })
})

t.test('the contact request is read, with the group of both, and believed by Bob alone', async (t) => {
  const [message] = parseSyncPayload(requested!)!.messages
  t.equal(hexOf(message!.groupId), hexOf(oneToOneGroupId(bob.publicKey, alice.publicKey)))
  const [{ opened, payload } = assertFound()] = payloadsIn(requested!)
  t.match(payload, {
    name: 'chatMessage',
    message: {
      text: 'Hello Bob, this is a contact request',
      contentType: ContentType.contactRequest,
      kind: ChatKind.oneToOne,
      chatId: people.B.id,
      contactRequestState: { localState: 2n, remoteState: 0n },
    },
  })
  const origin: Origin = {
    place: { kind: 'private' },
    protection: 'static',
    application: opened.signer,
    transport: alice.publicKey,
  }
  t.equal(payloadFault(payload, Number(message!.timestamp) * 1000), undefined)
  t.equal(originFault(payload, origin, uncompress(bob.publicKey)), undefined)
  t.equal(originFault(payload, origin, uncompress(KeyPair.generate().publicKey)), 'wrong chat')
  t.equal(originFault(payload, { ...origin, transport: bob.publicKey }, uncompress(bob.publicKey)), 'signers differ')
})

function assertFound(): never {
  throw new Error('there is no payload')
}

t.test('what Bob confirmed is what this library confirms, to the byte', async (t) => {
  const sync = new DataSync()
  const { delivered } = sync.receive(peerName(alice.publicKey), parseSyncPayload(requested!)!)
  t.equal(delivered.length, 1)
  t.same(
    sync.tick().outgoing.map(({ payload }) => hexOf(syncPayload.encode(payload))),
    [hexOf(confirmed!)],
  )
  t.same(parseSyncPayload(confirmed!)?.acks.map(hexOf), [delivered[0]?.id])
})

t.test('Bob accepts the message by its id, and they are contacts', async (t) => {
  const [request] = payloadsIn(requested!)
  const [acceptance] = payloadsIn(accepted!)
  t.match(acceptance?.payload, {
    name: 'acceptContactRequest',
    message: { id: `0x${hexOf(request!.opened.id)}` },
  })
  if (request?.payload.name !== 'chatMessage' || acceptance?.payload.name !== 'acceptContactRequest') return
  const asked = steps.send(strangers, request.payload.message.contactRequestState!.localClock)
  t.same(toWire(asked), request.payload.message.contactRequestState)
  t.equal(areContacts(steps.receive(asked, acceptance.payload.message.clock)), true)
})

t.test('a payload written again from what was read is the payload', async (t) => {
  for (const plaintext of [requested!, accepted!]) {
    const [{ opened, payload } = assertFound()] = payloadsIn(plaintext)
    if (payload.name !== 'chatMessage' && payload.name !== 'acceptContactRequest') return t.fail(payload.name)
    t.equal(hexOf(writePayload(payload.name, payload.message)), hexOf(opened.payload))
    t.equal(hexOf(syncPayload.encode(parseSyncPayload(plaintext)!)), hexOf(plaintext))
  }
})
