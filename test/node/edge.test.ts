/** A light client: it finds several service nodes, and goes on with the next when one fails. */
import path from 'node:path'
import t from 'tap'
import type { WaypostNode } from '../../src/node/node.ts'
import { ask, askUntil, startedNode } from '../kit/rest.ts'

const network = ['--cluster-id=66', '--num-shards-in-network=1']
const services = [...network, '--relay=true', '--store=true', '--filter=true', '--lightpush=true']
const contentTopic = '/test/1/edge/proto'
const content = (text: string) => Buffer.from(text).toString('base64')
const messagesPath = `/filter/v2/messages/${encodeURIComponent(contentTopic)}`

t.test('an edge node goes on with another service node when the one it used has gone', async (t) => {
  const folder = t.testdir()
  const serving = async (name: string, ...flags: string[]): Promise<WaypostNode> =>
    await startedNode(t, path.join(folder, name), [...services, ...flags])
  const first = await serving('first')
  const second = await serving('second', `--staticnode=${first.addresses[0]}`)
  const publisher = await serving('publisher', ...[first, second].map((node) => `--staticnode=${node.addresses[0]}`))
  const known = [first, second].map((node) => `--staticnode=${node.addresses[0]}`)
  const edge = await startedNode(t, path.join(folder, 'edge'), [...network, '--mode=edge', '--rest-admin', ...known])
  const used = new Map([first, second].map((node) => [node.peerId, node]))

  const message = (text: string) => ({ payload: content(text), contentTopic, timestamp: Date.now() * 1e6 })
  const publish = async (text: string): Promise<void> => {
    const body = message(text)
    await ask(publisher, 'POST', '/relay/v1/auto/messages', { body })
  }
  const received = async (text: string): Promise<void> => {
    await askUntil(
      ({ text: body }) => body.includes(content(text)),
      async () => {
        await publish(text)
        return await ask(edge, 'GET', messagesPath)
      },
    )
  }
  const subscribing = { requestId: 'one', contentFilters: [contentTopic], pubsubTopic: '/waku/2/rs/66/0' }
  const subscribed = await askUntil(
    ({ status }) => status === 200,
    () => ask(edge, 'POST', '/filter/v2/subscriptions', { body: subscribing }),
  )
  t.equal(subscribed.status, 200)
  await received('to the first')

  // Whichever it uses: one of them has to go.
  const serve = await Promise.all(
    [...used.values()].map(async (node) => ({ node, text: (await ask(node, 'GET', '/metrics')).text })),
  )
  const user = serve.find(({ text }) => /\nwaku_filter_subscriptions [1-9]/.test(text))
  t.ok(user, 'one of them has the subscription')
  await user?.node[Symbol.asyncDispose]()
  await received('to the second')

  const body = { message: message('pushed'), pubsubTopic: '/waku/2/rs/66/0' }
  const pushed = await askUntil(
    ({ status }) => status !== 505,
    () => ask(edge, 'POST', '/lightpush/v3/message', { body }),
  )
  t.equal(pushed.status, 200, pushed.text)
  const query = '/store/v3/messages?pubsubTopic=%2Fwaku%2F2%2Frs%2F66%2F0&pageSize=100&ascending=false&includeData=true'
  const stored = await ask(edge, 'GET', query)
  t.equal(stored.status, 200)
  t.match(stored.text, content('pushed'))
})

t.test('an edge node relays and serves nothing', async (t) => {
  const edge = await startedNode(t, t.testdir(), [...network, '--mode=edge'])
  const { text } = await ask(edge, 'GET', '/health')
  t.match(text, /"Relay":"NOT_MOUNTED"|Relay[^}]*NOT_MOUNTED/)
  t.equal((await ask(edge, 'POST', '/relay/v1/auto/messages', { body: {} })).status, 404)
})
