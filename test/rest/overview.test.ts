/** `/waypost/v1/overview` of nodes that run, and of one that does not yet. */
import path from 'node:path'
import t from 'tap'
import { historyFigures, type Overview } from '../../src/rest/overview.ts'
import { openRest, type RestOptions } from '../../src/rest/server.ts'
import type { NodeView } from '../../src/rest/view.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { ask, askUntil, startedNode } from '../kit/rest.ts'

const topic = '/waku/2/rs/0/0'

async function overviewOf(node: { readonly restUrl?: string }, query = ''): Promise<Overview> {
  const response = await fetch(`${node.restUrl}/waypost/v1/overview${query}`)
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`)
  return (await response.json()) as Overview
}

t.test('a node tells of itself, its peers, shards, store and subscribers', async (t) => {
  const folder = t.testdir()
  const services = ['--relay', '--store', '--filter', '--lightpush']
  const other = await startedNode(t, path.join(folder, 'other'), [...services, '--agent-string=<b>other</b>'])
  const node = await startedNode(t, path.join(folder, 'node'), [...services, `--staticnode=${other.addresses[0]}`])
  const { running } = await meshed(node)
  t.match(running, {
    peerId: node.peerId,
    addresses: node.addresses,
    cluster: 0,
    peers: {
      connected: 1,
      limit: 300,
      byDirection: [{ name: 'outbound', count: 1 }],
      byTransport: [{ name: 'tcp', count: 1 }],
      byAgent: [{ name: '<b>other</b>', count: 1 }],
    },
    shards: [{ pubsubTopic: topic, shard: 0, peers: 1, mesh: 1 }],
    store: { state: 'ready', messages: 0, bytes: 0, retention: 'time:2d', oldest: undefined },
    filter: { subscribers: 0, criteria: 0, limit: 1000 },
  })
  t.ok(running?.peers.byProtocol.some(({ name, count }) => name === '/vac/waku/store-query/3.0.0' && count === 1))
  t.ok(running !== undefined && running.disk !== undefined && running.disk.free <= running.disk.size)

  const payload = Buffer.from('overview').toString('base64')
  const message = { payload, contentTopic: '/waypost/1/overview/proto', timestamp: Date.now() * 1e6 }
  const published = await ask(node, 'POST', `/relay/v1/messages/${encodeURIComponent(topic)}`, { body: message })
  t.equal(published.status, 200)
  const after = await until(node, ({ running }) => running?.store?.messages === 1)
  t.match(after.running, { messages: { rest: 1, relay: 0 }, store: { messages: 1 } })
  const { oldest, newest } = after.running?.store ?? {}
  t.equal(oldest, newest)
  t.ok(Math.abs((oldest ?? 0) - Date.now()) < 60_000, 'the time of the message, in milliseconds')
  t.match(await until(other, ({ running }) => running?.messages.relay === 1), { running: { store: { messages: 1 } } })
})

t.test('no peer id of others and no content topic is told', async (t) => {
  const folder = t.testdir()
  const other = await startedNode(t, path.join(folder, 'other'), ['--relay'])
  const node = await startedNode(t, path.join(folder, 'node'), ['--relay', `--staticnode=${other.addresses[0]}`])
  const text = JSON.stringify(await meshed(node))
  t.match(text, node.peerId, 'its own is')
  t.notMatch(text, other.peerId)
})

t.test('a node without services leaves them out', async (t) => {
  const node = await startedNode(t, path.join(t.testdir(), 'data'), ['--relay=false'])
  const { running } = await overviewOf(node)
  t.ok(running !== undefined)
  t.same([running?.store, running?.filter, running?.shards], [undefined, undefined, undefined])
})

t.test('the page is there unless it is switched off; the document is in any case', async (t) => {
  const folder = t.testdir()
  const headers = { accept: 'text/html' }
  const withPage = await startedNode(t, path.join(folder, 'with'), ['--relay'])
  const without = await startedNode(t, path.join(folder, 'without'), ['--relay', '--rest-page=false'])
  t.match(await (await fetch(`${withPage.restUrl}/`, { headers })).text(), /^<!doctype html>/)
  const gone = await fetch(`${without.restUrl}/`, { headers })
  t.same([gone.status, await gone.text()], [404, ''])
  t.ok((await overviewOf(without)).running !== undefined)
})

t.test('a history has a column for each figure, and a parameter that is none is refused', async (t) => {
  const node = await startedNode(t, path.join(t.testdir(), 'data'), ['--relay'])
  const { history } = await overviewOf(node, '?range=7d')
  t.equal(history.interval, 300_000)
  t.same(Object.keys(history.values), Object.keys(historyFigures))
  t.equal((await overviewOf(node, '?range=15m&since=1')).history.interval, 5000)
  for (const query of ['?range=1y', '?range=', '?since=yesterday', '?since=-1', '?since=1e9'])
    t.equal((await ask(node, 'GET', `/waypost/v1/overview${query}`)).status, 400, query)
})

const token = 'a-token-of-this-test'
const far: RestOptions = {
  address: '127.0.0.1',
  port: 0,
  access: { mode: 'auto', token, isNear: () => false },
  origins: [],
  maxBodyBytes: 1024,
}

t.test('from elsewhere it needs the token', async (t) => {
  const asked: unknown[] = []
  const view = viewWith({
    async overview(query) {
      asked.push(query)
      return { answered: true } as never
    },
  })
  await using server = await openRest(view, silentLog(), far)
  const get = (headers = {}) => fetch(`${server.url}/waypost/v1/overview?since=5`, { headers })
  t.equal((await get()).status, 401)
  t.same(asked, [])
  t.same(await (await get({ authorization: `Bearer ${token}` })).json(), { answered: true })
  t.same(asked, [{ range: 3_600_000, since: 5 }])
})

function viewWith(overview: NodeView['overview']): NodeView {
  return {
    version: '1.2.3',
    overview,
    health: () => ({ node: 'INITIALIZING', protocols: [] }),
    ready: () => false,
    info: () => ({ listenAddresses: [], enrUri: '' }),
    metrics: async () => ({ contentType: 'text/plain', text: '' }),
    services: () => undefined,
  }
}

/** The overview once `holds` is true of it. */
async function until(node: Parameters<typeof ask>[0], holds: (overview: Overview) => boolean): Promise<Overview> {
  const told = await askUntil(
    ({ text }) => holds(JSON.parse(text)),
    () => ask(node, 'GET', '/waypost/v1/overview'),
  )
  return JSON.parse(told.text)
}

/** The overview once the node is in a mesh and knows what its peer says. */
function meshed(node: Parameters<typeof ask>[0]): Promise<Overview> {
  return until(
    node,
    ({ running }) =>
      running?.shards?.[0]?.mesh === 1 && running.peers.byProtocol.length > 0 && running.peers.connected === 1,
  )
}
