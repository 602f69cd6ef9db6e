/** What the first words of a conversation are protected by, and what a device says of itself unasked. */
import t from 'tap'
import { openPayload, signPayload } from '../../../src/messaging/application/metadata.ts'
import { writePayload } from '../../../src/messaging/application/payloads.ts'
import { ApplicationType } from '../../../src/messaging/application/types.ts'
import { protocolMessage } from '../../../src/messaging/encryption/protocol-message.ts'
import { readKeyFile } from '../../../src/messaging/identity/key-file.ts'
import { KeyPair, keyOfUser, userId } from '../../../src/messaging/keys.ts'
import { contactCodeChannel, partitionedChannel } from '../../../src/messaging/topics.ts'
import { Channels, sealFor } from '../../../src/messaging/transport/channels.ts'
import { befriend, type Device, device, TestNetwork } from '../messenger/kit.ts'
import { contacts, published, tells } from './meeting.ts'

/** How what came to a person in the partition is encrypted, as whoever has the identity key of the person sees it. */
async function protections(network: TestNetwork, { folder }: Device): Promise<string[]> {
  const account = await readKeyFile(`${folder}/account.json`, 'secret')
  if (account === undefined) throw new Error('there is no account in the folder')
  const channels = new Channels()
  const place = { kind: 'private' } as const
  channels.add({ channel: partitionedChannel(account.chat.publicKey), keys: account.chat, place })
  const found: string[] = []
  for (const { message } of network.carried) {
    const opened = await channels.open(message.contentTopic, message.payload)
    const parsed = opened && protocolMessage.parse(opened.data)
    for (const { x3dh, oneShot } of parsed?.encrypted.values() ?? [])
      found.push(`${x3dh ? 'x3dh' : ''}${oneShot ? 'one-shot' : ''}`)
  }
  return found
}

t.test(
  'who has the identity key later does not open a contact request to somebody with prekeys: it is X3DH',
  async (t) => {
    const network = new TestNetwork()
    const alice = await published(t, network)
    const bob = await published(t, network)
    await befriend(alice, bob)
    const found = await protections(network, bob)
    t.ok(found.length > 0)
    t.same(new Set(found), new Set(['x3dh']))
  },
)

t.test('control: a contact request to somebody who never published prekeys is seen to be a one-shot', async (t) => {
  const network = new TestNetwork()
  const alice = await published(t, network)
  const bob = await device(t, network)
  const { id } = bob.me
  await bob.stop()
  // As if nothing of bob were on the network.
  const own = contactCodeChannel(keyOfUser(id)).contentTopic
  network.carried.splice(0, Number.POSITIVE_INFINITY, ...network.carried.filter(notOn(own)))
  await alice.me.requestContact(id, 'hello?')
  await alice.me.settled()
  t.same(new Set(await protections(network, bob)), new Set(['one-shot']))
})

function notOn(topic: string) {
  return ({ message }: TestNetwork['carried'][number]) => message.contentTopic !== topic
}

/** Types of what a person published on the channel of the contact code: whoever knows the key reads it. */
async function advertised(network: TestNetwork, id: string): Promise<number[]> {
  const channel = contactCodeChannel(keyOfUser(id))
  const channels = new Channels()
  channels.add({ channel, place: { kind: 'contact code', of: keyOfUser(id) } })
  const types: number[] = []
  for (const { message } of network.carried) {
    const opened = await channels.open(message.contentTopic, message.payload)
    const said = opened && protocolMessage.parse(opened.data)?.publicMessage
    const payload = said && openPayload(said)
    if (typeof payload === 'object') types.push(payload.type)
  }
  return types
}

t.test('who knows the public key of a person finds no presence: prekeys alone are published, once', async (t) => {
  const network = new TestNetwork()
  const [alice, bob] = await contacts(t, network)
  await tells(alice, bob, 'hello')
  await tells(bob, alice, 'hello too')
  for (const { me } of [alice, bob])
    t.same(await advertised(network, me.id), [ApplicationType.contactCodeAdvertisement])
})

t.test('control: a presence that somebody published is found', async (t) => {
  const network = new TestNetwork()
  const author = KeyPair.generate()
  const presence = writePayload('statusUpdate', { clock: 1n, status: 1, customText: '' })
  const { body } = signPayload(ApplicationType.statusUpdate, presence, author)
  const data = protocolMessage.encode({ publicMessage: body })
  const sealed = await sealFor(contactCodeChannel(author.publicKey), data, { author, now: Date.now() })
  network.carry(sealed.pubsubTopic, sealed.encoded)
  t.same(await advertised(network, userId(author.publicKey)), [ApplicationType.statusUpdate])
})
