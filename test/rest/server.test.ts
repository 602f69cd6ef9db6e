import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { openMetricsServer } from '../../src/rest/metrics.ts'
import { openRest } from '../../src/rest/server.ts'
import type { NodeHealth, NodeView } from '../../src/rest/view.ts'
import { silentLog } from '../../src/telemetry/log.ts'

const loopback = { address: '127.0.0.1', port: 0 }

class FakeNode implements NodeView {
  readonly version = '1.2.3'
  isReady = true
  rendered = 0
  current: NodeHealth = { node: 'INITIALIZING', protocols: [] }
  health = () => this.current
  ready = () => this.isReady
  info = () => ({ listenAddresses: ['/ip4/127.0.0.1/tcp/1/p2p/x'], enrUri: 'enr:-x' })
  metrics = async () => ({ contentType: 'text/plain; version=0.0.4', text: `rendered ${++this.rendered}\n` })
}

t.test('health is nwaku JSON, from before the node is up', async (t) => {
  const node = new FakeNode()
  await using server = await openRest(node, silentLog(), loopback)
  t.same(await (await fetch(`${server.url}/health`)).json(), { nodeHealth: 'INITIALIZING', protocolsHealth: [] })
  node.current = {
    node: 'READY',
    protocols: [
      { protocol: 'Relay', state: 'NOT_READY', desc: 'No connected peers' },
      { protocol: 'Store', state: 'READY' },
    ],
  }
  const response = await fetch(`${server.url}/health`)
  t.equal(response.headers.get('content-type'), 'application/json')
  t.equal(
    await response.text(),
    '{"nodeHealth":"READY","protocolsHealth":[{"Relay":"NOT_READY","desc":"No connected peers"},{"Store":"READY"}]}',
  )
})

t.test('livez says that the process lives, readyz that it can be used', async (t) => {
  const node = new FakeNode()
  await using server = await openRest(node, silentLog(), loopback)
  t.equal((await fetch(`${server.url}/livez`)).status, 200)
  t.equal((await fetch(`${server.url}/readyz`)).status, 200)
  node.isReady = false
  t.equal((await fetch(`${server.url}/livez`)).status, 200)
  t.equal((await fetch(`${server.url}/readyz`)).status, 503)
})

t.test('info and version stand under their old names too', async (t) => {
  await using server = await openRest(new FakeNode(), silentLog(), loopback)
  for (const path of ['/info', '/debug/v1/info']) {
    t.same(await (await fetch(server.url + path)).json(), {
      listenAddresses: ['/ip4/127.0.0.1/tcp/1/p2p/x'],
      enrUri: 'enr:-x',
    })
  }
  for (const path of ['/version', '/debug/v1/version']) t.equal(await (await fetch(server.url + path)).text(), '1.2.3')
})

t.test('what is not there is 404 without a body', async (t) => {
  await using server = await openRest(new FakeNode(), silentLog(), loopback)
  const response = await fetch(`${server.url}/nowhere`)
  t.same([response.status, await response.text()], [404, ''])
})

t.test('metrics are rendered at most once a second, on both ports', async (t) => {
  const node = new FakeNode()
  await using rest = await openRest(node, silentLog(), loopback)
  await using own = await openMetricsServer(node, silentLog(), loopback)
  for (const { url } of [rest, own]) {
    const before = node.rendered
    const texts = await Promise.all(Array.from({ length: 5 }, async () => (await fetch(`${url}/metrics`)).text()))
    t.equal(new Set(texts).size, 1)
    t.equal(node.rendered, before + 1)
  }
  t.equal((await fetch(`${own.url}/health`)).status, 404, 'the port of metrics serves nothing else')
})

t.test('a port in use is one clear error', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => taken.once('listening', resolve))
  t.teardown(() => taken.close())
  const { port } = taken.address() as AddressInfo
  const wanted = { address: '127.0.0.1', port }
  await t.rejects(openRest(new FakeNode(), silentLog(), wanted), { code: 'listen/failed', message: /in use/ })
  await t.rejects(openMetricsServer(new FakeNode(), silentLog(), wanted), { code: 'listen/failed', message: /in use/ })
})
