/** What two status-go peers said to each other, opened through the layers of this library. */
import t from 'tap'
import { judgeBundle } from '../../../src/messaging/encryption/bundle.ts'
import { DeviceList } from '../../../src/messaging/encryption/devices.ts'
import { anyInstallation, openOneShot } from '../../../src/messaging/encryption/one-shot.ts'
import { type ProtocolMessage, protocolMessage } from '../../../src/messaging/encryption/protocol-message.ts'
import { Session } from '../../../src/messaging/encryption/session.ts'
import { Account } from '../../../src/messaging/identity/account.ts'
import { KeyPair, keyOfUser, userId } from '../../../src/messaging/keys.ts'
import { keyFromPassword } from '../../../src/messaging/payload/password.ts'
import { decrypt, type Opener } from '../../../src/messaging/payload/payload.ts'
import { bytesOf, hexOf, readVectors } from '../../kit/vectors.ts'

interface Person {
  readonly mnemonic: string
  readonly installation: string
  readonly signedPreKey: { readonly pub: string; readonly priv: string }
  readonly pub: string
}

interface Capture {
  readonly identities: Readonly<Record<'A' | 'B', Person>>
  readonly envelopes: readonly { readonly contentTopic: string; readonly payload: string }[]
}

const { identities, envelopes } = readVectors<Capture>('status-wire')
const alice = await Account.restore(identities.A.mnemonic, identities.A.installation)
const bob = await Account.restore(identities.B.mnemonic, identities.B.installation)
const prekeyOf = ({ signedPreKey }: Person) => KeyPair.fromSecret(bytesOf(signedPreKey.priv))

/** The topics of 1:1 conversations of the two, as the capture describes them. */
const negotiated = '/waku/1/0xc37af1e3/rfc26'
const partitionOfBob = '/waku/1/0x7058b2bf/rfc26'

interface Opened {
  readonly author: string
  readonly message: ProtocolMessage
}

/** The messages on a topic that open, in the order of the wire. */
function open(topic: string, opener: Opener): Opened[] {
  return envelopes
    .filter(({ contentTopic }) => contentTopic === topic)
    .flatMap(({ payload }) => {
      const opened = decrypt(bytesOf(payload), opener)
      const message = opened && protocolMessage.parse(opened.data)
      return opened?.author && message ? [{ author: userId(opened.author), message }] : []
    })
}

const negotiatedKey = await keyFromPassword(hexOf(alice.chat.sharedSecret(bob.chat.publicKey)))
const conversation = open(negotiated, { key: negotiatedKey })

t.test(
  'everything on the negotiated topic opens by the secret of the two, and each is signed by one of them',
  async (t) => {
    t.equal(conversation.length, envelopes.filter(({ contentTopic }) => contentTopic === negotiated).length)
    t.ok(conversation.length > 20)
    for (const { author } of conversation) t.ok([alice.id, bob.id].includes(author))
  },
)

t.test('the bundle on every message is sound, and tells of the one device that each has', async (t) => {
  for (const [author, person] of [
    [alice.id, identities.A],
    [bob.id, identities.B],
  ] as const) {
    const told = conversation
      .filter((one) => one.author === author)
      .flatMap(({ message }) => message.bundles.map((bundle) => ({ bundle, speaker: message.installation })))
    t.ok(told.length > 5)
    for (const { bundle } of told) t.equal(judgeBundle(bundle, keyOfUser(author)), 'sound')
    const list = told.reduce(
      (list, { bundle, speaker }) => list.learn(bundle, speaker, bundle.timestamp),
      DeviceList.empty,
    )
    t.same(
      list.recipients.map(({ installation }) => installation),
      [person.installation],
    )
    t.match(list.find(person.installation), { prekey: bytesOf(person.signedPreKey.pub), protocolVersion: 1 })
    const [first] = told
    const again = first && list.learn(first.bundle, first.speaker, first.bundle.timestamp)
    t.equal(again?.find(person.installation)?.spokeAt, list.find(person.installation)?.spokeAt, 'time does not go back')
  }
})

t.test('the contact request opens for its recipient alone', async (t) => {
  const requests = open(partitionOfBob, { recipient: bob.chat }).filter(({ author }) => author === alice.id)
  t.ok(requests.length > 0)
  const plaintexts = requests
    .map(({ message }) => message.encrypted.get(anyInstallation))
    .flatMap((message) => {
      if (message === undefined) return []
      t.equal(openOneShot(alice.chat, message), undefined)
      const plaintext = openOneShot(bob.chat, message)
      return plaintext === undefined ? [] : [Buffer.from(plaintext).toString('latin1')]
    })
  t.ok(plaintexts.some((text) => text.includes('Hello Bob, this is a contact request')))
  t.same(open(partitionOfBob, { recipient: alice.chat }), [], 'nobody else opens it')
})

t.test("Bob's first messages open by Alice's prekey, one after the other and each by itself", async (t) => {
  const first = conversation
    .filter(({ author }) => author === bob.id)
    .flatMap(({ message }) => ({ installation: message.installation, mine: message.encrypted.get(alice.installation) }))
    .filter(({ mine }) => mine?.x3dh !== undefined)
  t.same(
    first.map(({ mine }) => mine?.ratchet?.n),
    [0, 1, 2],
  )
  const [opening] = first.map(({ mine }) => mine)
  const device = { identity: bob.chat.publicKey, installation: identities.B.installation }
  const start = opening && Session.answer(alice.chat, prekeyOf(identities.A), device, opening)
  if (start === undefined) throw new Error('there is no first message')
  let session = start
  for (const { installation, mine } of first) {
    t.equal(installation, identities.B.installation)
    const opened = mine && session.decrypt(mine)
    if (mine === undefined || !opened?.opened) throw new Error('it does not open')
    const alone = start.decrypt(mine)
    t.same(alone.opened && alone.plaintext, opened.plaintext)
    t.match(opened.next.decrypt(mine), { opened: false, why: 'used' })
    session = Session.fromBytes(opened.next.toBytes())
  }
})

t.test('what is not for us on any topic is passed over, and harms nobody', async (t) => {
  for (const { payload } of envelopes) {
    const opened = decrypt(bytesOf(payload), { recipient: prekeyOf(identities.A) })
    t.equal(opened, undefined)
  }
})
