/** Filter subscriptions of @waku/sdk: plain, encrypted, many at once, and ended. */
import { ecies, generatePrivateKey, generateSymmetricKey, getPublicKey, symmetric } from '@waku/message-encryption'
import type { IEncoder, LightNode } from '@waku/sdk'
import t from 'tap'
import { complaints } from '../kit/complaints.ts'
import type { Daemon } from '../kit/daemon.ts'
import { pooled } from '../kit/pool.ts'
import { clientOf, Inbox, textOf } from '../kit/sdk.ts'
import { twins } from '../kit/twins.ts'

// The writer's node and the reader's are two, so that each message also passes relay.
const [readersNode, writersNode] = await twins(t, { flags: ['--rest-admin=true'] })

async function send(client: LightNode, encoder: IEncoder, text: string): Promise<void> {
  const { failures } = await client.lightPush.send(encoder, { payload: Buffer.from(text) }, { autoRetry: false })
  if (failures.length > 0) throw new Error(String(failures[0]?.error))
}

t.test('a subscriber gets a plain message, once, though two clients push it', async (t) => {
  const contentTopic = '/waypost/1/plain/proto'
  const reader = await clientOf(t, readersNode)
  const inbox = new Inbox(reader)
  await inbox.subscribe([contentTopic])
  const timestamp = new Date()
  for (const writer of [await clientOf(t, writersNode), reader]) {
    const message = { payload: Buffer.from('twice'), timestamp }
    const { failures } = await writer.lightPush.send(writer.createEncoder({ contentTopic }), message)
    t.same(failures, [])
  }
  await send(reader, reader.createEncoder({ contentTopic }), 'last')
  t.same((await inbox.until(2)).map(textOf), ['twice', 'last'])
})

for (const { name, makeCodec } of [
  {
    name: 'symmetric key',
    makeCodec: (contentTopic: string, routingInfo: IEncoder['routingInfo']) => {
      const symKey = generateSymmetricKey()
      return {
        encoder: symmetric.createEncoder({ contentTopic, routingInfo, symKey }),
        decoder: symmetric.createDecoder(contentTopic, routingInfo, symKey),
        stranger: symmetric.createDecoder(contentTopic, routingInfo, generateSymmetricKey()),
      }
    },
  },
  {
    name: 'public key (ECIES)',
    makeCodec: (contentTopic: string, routingInfo: IEncoder['routingInfo']) => {
      const privateKey = generatePrivateKey()
      return {
        encoder: ecies.createEncoder({ contentTopic, routingInfo, publicKey: getPublicKey(privateKey) }),
        decoder: ecies.createDecoder(contentTopic, routingInfo, privateKey),
        stranger: ecies.createDecoder(contentTopic, routingInfo, generatePrivateKey()),
      }
    },
  },
]) {
  t.test(`a subscriber reads a message encrypted for it with a ${name}, another cannot`, async (t) => {
    const contentTopic = '/waypost/1/sealed/proto'
    const [reader, outsider, writer] = [
      await clientOf(t, readersNode),
      await clientOf(t, readersNode),
      await clientOf(t, writersNode),
    ]
    const plain = reader.createEncoder({ contentTopic })
    const { encoder, decoder, stranger } = makeCodec(contentTopic, plain.routingInfo)
    const [inbox, sealed] = [new Inbox(reader), new Inbox(outsider)]
    await inbox.subscribe(decoder)
    await sealed.subscribe(stranger)
    await send(writer, encoder, 'for your eyes')
    t.same((await inbox.until(1)).map(textOf), ['for your eyes'])
    t.same(await sealed.until(1), [undefined], 'the other got it too, and its decoder made nothing of it')
  })
}

t.test('one subscription holds 100 content topics', async (t) => {
  // Application and version name the shard, so all of these are on one.
  const topics = Array.from({ length: 100 }, (_, index) => `/waypost/1/room-${index}/proto`)
  const reader = await clientOf(t, readersNode)
  const writer = await clientOf(t, writersNode)
  const inbox = new Inbox(reader)
  await inbox.subscribe(topics)
  await send(writer, writer.createEncoder({ contentTopic: '/waypost/1/no-room/proto' }), 'not wanted')
  await pooled(25, topics, (contentTopic) => send(writer, writer.createEncoder({ contentTopic }), contentTopic))
  t.same((await inbox.until(100)).map(textOf).toSorted(), topics.toSorted())
})

t.test('a content topic that was unsubscribed brings nothing more, the others go on', async (t) => {
  const [kept, left, further] = ['/waypost/1/kept/proto', '/waypost/1/left/proto', '/waypost/1/further/proto']
  const reader = await clientOf(t, readersNode)
  const writer = await clientOf(t, writersNode)
  const inbox = new Inbox(reader)
  await inbox.subscribe([kept])
  const decoder = reader.createDecoder({ contentTopic: left })
  await inbox.subscribe(decoder)
  await send(writer, writer.createEncoder({ contentTopic: left }), 'before')
  await send(writer, writer.createEncoder({ contentTopic: kept }), 'first')
  await inbox.until(2)
  t.same(await subscribed(readersNode, reader), [kept, left])
  t.ok(await reader.filter.unsubscribe(decoder))
  // The SDK does not read the answer to an unsubscribe. That to the next request comes after it.
  await inbox.subscribe([further])
  await send(writer, writer.createEncoder({ contentTopic: left }), 'after')
  await send(writer, writer.createEncoder({ contentTopic: kept }), 'second')
  t.same((await inbox.until(3)).map(textOf).toSorted(), ['before', 'first', 'second'])
  t.same(await subscribed(readersNode, reader), [further, kept], 'the node knows of it too')
})

t.test('none of this worries the operator', async (t) => {
  t.same([readersNode, writersNode].flatMap(complaints), [])
})

/** The content topics that a node holds for a client. */
async function subscribed({ restUrl }: Daemon, { peerId }: LightNode): Promise<string[]> {
  const response = await fetch(`${restUrl}/admin/v1/filter/subscriptions`)
  const all = (await response.json()) as { peerId: string; filterCriteria: { contentTopic: string }[] }[]
  const own = all.filter((one) => one.peerId.endsWith(peerId.toString()))
  return own.flatMap(({ filterCriteria }) => filterCriteria.map(({ contentTopic }) => contentTopic)).toSorted()
}
