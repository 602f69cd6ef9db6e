/** What a client learns of our shards, and what becomes of a client of another network. */
import { setTimeout } from 'node:timers/promises'
import { type LightNode, utils } from '@waku/sdk'
import t from 'tap'
import type { Daemon } from '../kit/daemon.ts'
import { clientOf, join, lightClient, pages, parted, testNetwork } from '../kit/sdk.ts'
import { networkDaemon } from '../kit/twins.ts'

const contentTopic = '/waypost/1/metadata/proto'

/** Settles when `client` knows what `node` says of itself; it never asks, so this shows that the node does. */
async function shardsOf(client: LightNode, { peerId }: Daemon) {
  for (;;) {
    const peer = (await client.libp2p.peerStore.all()).find(({ id }) => id.toString() === peerId)
    const shardInfo = peer?.metadata.get('shardInfo')
    if (shardInfo !== undefined) return utils.decodeRelayShard(shardInfo)
    // No event tells of it: the SDK's peer store has none for this.
    await setTimeout(10)
  }
}

t.test('a client learns our cluster and every shard that we follow, and stays', async (t) => {
  const node = await networkDaemon(t)
  const client = await clientOf(t, node)
  t.same(await shardsOf(client, node), { clusterId: testNetwork.clusterId, shards: [0, 1, 2, 3, 4, 5, 6, 7] })
  t.same((await pages(client, client.createDecoder({ contentTopic }))).flat(), [])
  t.equal(client.libp2p.getConnections().length, 1)
})

t.test('a client learns the shards of a node that follows some', async (t) => {
  const node = await networkDaemon(t, { flags: ['--shard=2', '--shard=5'] })
  const client = await clientOf(t, node)
  t.same(await shardsOf(client, node), { clusterId: testNetwork.clusterId, shards: [2, 5] })
})

t.test('a client of another cluster is told ours and disconnected', async (t) => {
  const node = await networkDaemon(t)
  const client = await lightClient(t, { ...testNetwork, clusterId: testNetwork.clusterId + 1 })
  const gone = parted(client, node)
  await join(client, node)
  await gone
  t.equal((await shardsOf(client, node)).clusterId, testNetwork.clusterId)
  t.same(client.libp2p.getConnections(), [])
})
