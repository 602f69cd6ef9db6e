/** A network whose apps choose their shard themselves, as Status does (RELAY-SHARDING, static). */
import type { LightNode } from '@waku/sdk'
import t from 'tap'
import { clientOf, Inbox, pages, textOf } from '../kit/sdk.ts'
import { twins } from '../kit/twins.ts'

const clusterId = 16
const contentTopic = '/waypost/1/static/proto'
const flags = [`--cluster-id=${clusterId}`, '--num-shards-in-network=0', '--shard=32', '--shard=64']
const [node, neighbour] = await twins(t, { flags, pubsubTopic: '/waku/2/rs/16/32' })

const client = await clientOf(t, node, { clusterId })
const elsewhere = await clientOf(t, neighbour, { clusterId })

async function send(from: LightNode, shardId: number, text: string): Promise<string[]> {
  const encoder = from.createEncoder({ contentTopic, shardId })
  const { failures } = await from.lightPush.send(encoder, { payload: Buffer.from(text) }, { autoRetry: false })
  return failures.map(({ error }) => error)
}

t.test('one content topic on two shards is two histories and two subscriptions', async (t) => {
  const inboxes = new Map<number, Inbox>()
  for (const shardId of [32, 64]) {
    const inbox = new Inbox(elsewhere)
    await inbox.subscribe(elsewhere.createDecoder({ contentTopic, shardId }))
    inboxes.set(shardId, inbox)
  }
  for (const shardId of [32, 64]) t.same(await send(client, shardId, `on ${shardId}`), [])
  for (const [shardId, inbox] of inboxes) {
    t.same((await inbox.until(1)).map(textOf), [`on ${shardId}`])
    const kept = await pages(client, client.createDecoder({ contentTopic, shardId }))
    t.same(kept.flat().map(textOf), [`on ${shardId}`])
  }
})

t.test('a push to a shard that the node does not follow finds no node', async (t) => {
  t.same(await send(client, 33, 'to nobody'), ['No peer available'], 'the SDK knows our shards and does not even ask')
})
