/** What two status-go peers said to each other, opened through the layers of this library. */
import t from 'tap'
import { judgeBundle } from '../../../src/messaging/encryption/bundle.ts'
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

t.test('the bundle on every message is sound, and their timestamps never go back', async (t) => {
  const newest = new Map<string, bigint>()
  const bundles = conversation.flatMap(({ author, message }) => message.bundles.map((bundle) => ({ author, bundle })))
  t.ok(bundles.length >= conversation.length)
  for (const { author, bundle } of bundles) {
    t.equal(judgeBundle(bundle, keyOfUser(author)), 'sound')
    t.equal(
      hexOf(bundle.prekeys.values().next().value?.key ?? new Uint8Array(0)),
      (author === alice.id ? identities.A : identities.B).signedPreKey.pub,
    )
    if (bundle.timestamp > (newest.get(author) ?? 0n)) newest.set(author, bundle.timestamp)
  }
  const [first] = bundles
  t.ok(first)
  if (first !== undefined)
    t.equal(judgeBundle(first.bundle, keyOfUser(first.author), newest.get(first.author)), 'stale')
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
