/** The client when nodes go and come back. */
import t from 'tap'
import { freePort } from '../kit/free-port.ts'
import { neighbour, networkDaemon, twins } from '../kit/twins.ts'
import { clientOf, published, pubsubTopic, Told, textMessage } from './kit.ts'

const [node, other] = await twins(t, { pubsubTopic })

t.test('a client of two nodes gets each message once, and goes on with one when the other has gone', async (t) => {
  const contentTopic = '/waypost/1/both/proto'
  const leaving = await neighbour(t, node, { pubsubTopic })
  const reader = await clientOf(t, [leaving.tcp, other.tcp])
  const told = new Told()
  reader.listen(told)
  reader.follow([{ pubsubTopic, contentTopics: [contentTopic] }])
  await told.until(() => told.times > 0)
  const writer = await clientOf(t, [node.tcp])
  for (const text of ['one', 'two', 'three']) await writer.publish(pubsubTopic, textMessage(text, contentTopic))
  await told.until(() => told.messages.length >= 3)
  await leaving.stop()
  for (let count = 0; !told.texts.includes('last'); count += 1) {
    await writer.publish(pubsubTopic, textMessage('last', contentTopic))
    await told.until(() => told.texts.filter((text) => text === 'last').length > count || count > 0)
  }
  t.same(told.texts.slice(0, 3).toSorted(), ['one', 'three', 'two'])
  t.equal(told.texts[3], 'last')
})

t.test('a node that was restarted is found again, told as online, and pushes what is followed', async (t) => {
  const contentTopic = '/waypost/1/again/proto'
  const dataDir = t.testdir()
  const flags = [`--tcp-port=${await freePort()}`, `--staticnode=${node.tcp}`]
  const first = await networkDaemon(t, { dataDir, flags })
  const reader = await clientOf(t, [first.tcp])
  const told = new Told()
  reader.listen(told)
  reader.follow([{ pubsubTopic, contentTopics: [contentTopic] }])
  await told.until(() => told.times === 1)
  const writer = await clientOf(t, [node.tcp])
  await published(writer, textMessage('before', contentTopic))
  await told.until(() => told.messages.length === 1)
  await first.stop('SIGKILL')
  const second = await networkDaemon(t, { dataDir, flags })
  t.equal(second.tcp, first.tcp)
  await told.until(() => told.times === 2)
  // It has to find its way into the mesh before it can push.
  while (!told.texts.includes('after')) {
    await published(reader, textMessage('after', contentTopic))
    await told.until(() => told.messages.length > 1)
  }
  t.same(told.texts.slice(0, 2), ['before', 'after'])
})
