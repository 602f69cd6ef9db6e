/** Our client beside @waku/sdk: what one publishes the other gets, each at a node of its own. */
import t from 'tap'
import { connect } from '../../src/client/client.ts'
import { pubsubTopicFor } from '../../src/core/sharding.ts'
import { all, published, Told, textMessage, textOf } from '../client/kit.ts'
import { clientOf, Inbox, textOf as sdkTextOf, testNetwork } from '../kit/sdk.ts'
import { twins } from '../kit/twins.ts'

const contentTopic = '/waypost/1/beside/proto'
const sharding = { cluster: testNetwork.clusterId, shardCount: testNetwork.numShardsInCluster }
const pubsubTopic = pubsubTopicFor(contentTopic, sharding) ?? ''

const [node, other] = await twins(t, { pubsubTopic })

t.test('what the sdk pushes our client gets, live and from the store, and the other way round', async (t) => {
  const ours = await connect({ nodes: [other.ws], clusterId: testNetwork.clusterId })
  t.teardown(() => ours[Symbol.asyncDispose]())
  const told = new Told()
  ours.listen(told)
  ours.follow([{ pubsubTopic, contentTopics: [contentTopic] }])
  await told.until(() => told.times === 1)
  const sdk = await clientOf(t, node)
  const inbox = new Inbox(sdk)
  await inbox.subscribe([contentTopic])
  const encoder = sdk.createEncoder({ contentTopic })
  const { failures } = await sdk.lightPush.send(encoder, { payload: Buffer.from('from the sdk') }, { autoRetry: false })
  t.same(failures, [])
  await told.until(() => told.messages.length === 1)
  await published(ours, textMessage('from ours', contentTopic), pubsubTopic)
  const [, second] = await inbox.until(2)
  t.equal(second && sdkTextOf(second), 'from ours')
  await told.until(() => told.messages.length === 2)
  t.same(told.texts, ['from the sdk', 'from ours'])
  const { message } = told.messages[0]!
  const history = await all(
    ours.query({ pubsubTopic, contentTopics: [contentTopic] }, message.timestamp ?? 0n, 2n ** 62n),
  )
  t.same(history.map(textOf), ['from the sdk', 'from ours'])
})
