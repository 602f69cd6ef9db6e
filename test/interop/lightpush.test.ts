/** Light push as @waku/sdk does it, versions 3 and 2. */
import { randomBytes } from 'node:crypto'
import type { LightNode } from '@waku/sdk'
import t from 'tap'
import { complaints } from '../kit/complaints.ts'
import { pooled } from '../kit/pool.ts'
import { clientOf, Inbox, pages, textOf } from '../kit/sdk.ts'
import { networkDaemon, twins } from '../kit/twins.ts'

const kilobyte = 1024

const [node, neighbour] = await twins(t)
const lone = await networkDaemon(t)

function send(client: LightNode, contentTopic: string, text: string, useLegacy: boolean) {
  const message = { payload: Buffer.from(text) }
  return client.lightPush.send(client.createEncoder({ contentTopic }), message, { useLegacy, autoRetry: false })
}

async function storedTexts(client: LightNode, contentTopic: string): Promise<string[]> {
  return (await pages(client, client.createDecoder({ contentTopic }))).flat().map(textOf)
}

for (const { version, useLegacy, contentTopic } of [
  { version: 3, useLegacy: false, contentTopic: '/waypost/1/push-3/proto' },
  { version: 2, useLegacy: true, contentTopic: '/waypost/1/push-2/proto' },
]) {
  t.test(`version ${version}: a push is a success once a relay peer has the message`, async (t) => {
    const client = await clientOf(t, node)
    const elsewhere = new Inbox(await clientOf(t, neighbour))
    await elsewhere.subscribe([contentTopic])
    const { successes, failures } = await send(client, contentTopic, 'hello', useLegacy)
    t.same([successes.map(String), failures], [[node.peerId], []])
    t.same(await storedTexts(client, contentTopic), ['hello'], 'our own store has it before the answer')
    t.same((await elsewhere.until(1)).map(textOf), ['hello'], 'and the neighbour has it')
  })

  t.test(`version ${version}: a push is a failure where nobody else gets it`, async (t) => {
    const client = await clientOf(t, lone)
    const { successes, failures } = await send(client, contentTopic, 'hello?', useLegacy)
    t.same([successes, failures.map(({ error }) => error)], [[], ['Remote peer rejected']])
    t.same(await storedTexts(client, contentTopic), ['hello?'], 'though our own store kept it')
  })
}

t.test('a message of 100 KiB goes through, one of 200 KiB is refused', async (t) => {
  const client = await clientOf(t, node)
  const encoder = client.createEncoder({ contentTopic: '/waypost/1/large/proto' })
  const options = { autoRetry: false }
  const fits = await client.lightPush.send(encoder, { payload: randomBytes(100 * kilobyte) }, options)
  t.equal(fits.successes.length, 1)
  const tooLarge = await client.lightPush.send(encoder, { payload: randomBytes(200 * kilobyte) }, options)
  t.same(
    tooLarge.failures.map(({ error }) => error),
    ['Remote peer rejected'],
  )
})

t.test('100 pushes from one client, 30 at a time, arrive whole', async (t) => {
  const contentTopic = '/waypost/1/burst/proto'
  const client = await clientOf(t, node)
  const texts = Array.from({ length: 100 }, (_, index) => `burst ${index}`)
  const sent = await pooled(30, texts, (text) => send(client, contentTopic, text, false))
  t.equal(sent.flatMap(({ failures }) => failures).length, 0)
  t.same((await storedTexts(client, contentTopic)).toSorted(), texts.toSorted())
})

t.test('none of this worries the operator', async (t) => {
  t.same([node, neighbour, lone].flatMap(complaints), [])
})
