/** The client against real nodes: publishing and following. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { connect } from '../../src/client/client.ts'
import { complaints } from '../kit/complaints.ts'
import { freePort } from '../kit/free-port.ts'
import { testNetwork } from '../kit/sdk.ts'
import { networkDaemon, twins } from '../kit/twins.ts'
import { all, clientOf, pubsubTopic, Told, textMessage, textOf } from './kit.ts'

const run = promisify(execFile)

const [node, other] = await twins(t, { pubsubTopic })

t.test('what one client publishes another gets that follows the topic', async (t) => {
  const contentTopic = '/waypost/1/client/proto'
  const reader = await clientOf(t, [node.tcp])
  const told = new Told()
  reader.listen(told)
  reader.follow([{ pubsubTopic, contentTopics: [contentTopic] }])
  await told.until(() => told.times === 1)
  const writer = await clientOf(t, [other.ws])
  await writer.publish(pubsubTopic, textMessage('elsewhere', '/waypost/1/other/proto'))
  await writer.publish(pubsubTopic, textMessage('hello', contentTopic))
  await told.until(() => told.messages.length > 0)
  t.same(told.texts, ['hello'])
  t.equal(told.messages[0]?.pubsubTopic, pubsubTopic)
  t.equal(told.messages[0]?.message.contentTopic, contentTopic)
})

t.test('follows exactly the topics given last, more than one request can carry', async (t) => {
  const reader = await clientOf(t, [node.tcp])
  const told = new Told()
  reader.listen(told)
  const many = Array.from({ length: 250 }, (_, index) => `/waypost/1/many-${index}/proto`)
  reader.follow([{ pubsubTopic, contentTopics: ['/waypost/1/before/proto', ...many] }])
  await told.until(() => told.times === 1)
  for (const topic of [many[0]!, many[249]!]) await publishes(t, topic, topic)
  await told.until(() => told.messages.length === 2)
  reader.follow([{ pubsubTopic, contentTopics: many.slice(0, 10) }])
  for (const topic of ['/waypost/1/before/proto', many[249]!]) await publishes(t, topic, 'late')
  await publishes(t, many[9]!, 'end')
  await told.until(() => told.messages.length === 3)
  t.same(told.texts, [many[0], many[249], 'end'])
})

async function publishes(t: Test, contentTopic: string, text: string): Promise<void> {
  const writer = await clientOf(t, [other.tcp])
  await writer.publish(pubsubTopic, textMessage(text, contentTopic))
}

t.test('who begins to listen when a node is reached already is told so', async (t) => {
  const client = await clientOf(t, [node.tcp])
  const [first, second] = [new Told(), new Told()]
  client.listen(first)
  await first.until(() => first.times === 1)
  client.listen(second)
  await second.until(() => second.times === 1)
  t.equal(first.times, 1)
})

t.test('without a node that can be reached nothing is published and nothing answered', async (t) => {
  const nowhere = `/ip4/127.0.0.1/tcp/${await freePort()}/p2p/${node.peerId}`
  const client = await clientOf(t, [nowhere])
  const bytes = textMessage('lost', '/waypost/1/lost/proto')
  await t.rejects(client.publish(pubsubTopic, bytes), { code: 'messaging/no-network' })
  const topics = { pubsubTopic, contentTopics: ['/waypost/1/lost/proto'] }
  await t.rejects(all(client.query(topics, 0n, 1n)), { code: 'messaging/no-network' })
})

t.test('a message that its node cannot relay is not published, and the reason is told', async (t) => {
  const lone = await networkDaemon(t)
  const client = await clientOf(t, [lone.tcp])
  const bytes = textMessage('alone', '/waypost/1/alone/proto')
  await t.rejects(client.publish(pubsubTopic, bytes), { code: 'messaging/no-network', message: /peers/ })
  const both = await clientOf(t, [lone.tcp, node.tcp])
  await both.publish(pubsubTopic, bytes)
})

t.test('with one node between two, what it kept is published, and comes', async (t) => {
  const lone = await networkDaemon(t)
  const contentTopic = '/waypost/1/between/proto'
  const [one, other] = [await clientOf(t, [lone.tcp], { keptIsEnough: true }), await clientOf(t, [lone.tcp])]
  await one.publish(pubsubTopic, textMessage('between us', contentTopic))
  const held = await all(other.query({ pubsubTopic, contentTopics: [contentTopic] }, 0n, 2n ** 63n - 1n))
  t.same(held.map(textOf), ['between us'])
})

t.test('a node of another cluster is not used', async (t) => {
  const client = await clientOf(t, [node.tcp], { clusterId: 67 })
  const bytes = textMessage('foreign', '/waypost/1/foreign/proto')
  await t.rejects(client.publish(pubsubTopic, bytes), { code: 'messaging/no-network' })
})

t.test('a client that was disposed of publishes nothing more', async (t) => {
  const client = await clientOf(t, [node.tcp])
  const bytes = textMessage('closed', '/waypost/1/closed/proto')
  await client.publish(pubsubTopic, bytes)
  await client[Symbol.asyncDispose]()
  await t.rejects(client.publish(pubsubTopic, bytes), { code: 'messaging/no-network' })
})

t.test('an address without the id of a node is refused', async (t) => {
  for (const address of ['/ip4/127.0.0.1/tcp/60000', 'node.example', `${node.tcp}/p2p-circuit`])
    await t.rejects(connect({ nodes: [address] }), { code: 'client/bad-address' })
})

t.test(
  'a program that takes it from the package by its name publishes, disposes of it and ends by itself',
  async (t) => {
    const encoded = Buffer.from(textMessage('by name', '/waypost/1/program/proto')).toString('base64')
    const source = `
    import { connect } from 'waypost/client'
    await using client = await connect({ nodes: ['${node.ws}'], clusterId: ${testNetwork.clusterId} })
    client.follow([{ pubsubTopic: '${pubsubTopic}', contentTopics: ['/waypost/1/program/proto'] }])
    await client.publish('${pubsubTopic}', Buffer.from('${encoded}', 'base64'))
    console.log('published')`
    const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '--eval', source])
    t.same([stdout, stderr], ['published\n', ''])
  },
)

t.test('none of this worries the operator', async (t) => {
  t.same([node, other].flatMap(complaints), [])
})
