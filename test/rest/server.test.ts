import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { openMetricsServer } from '../../src/rest/metrics-server.ts'
import { openRest, type RestOptions } from '../../src/rest/server.ts'
import type { NodeHealth, NodeView } from '../../src/rest/view.ts'
import { silentLog } from '../../src/telemetry/log.ts'

const loopback = { address: '127.0.0.1', port: 0 }
const token = 'a-token-of-this-test'
const options: RestOptions = {
  ...loopback,
  access: { mode: 'auto', token, isNear: (address) => address.startsWith('127.') },
  origins: [],
  maxBodyBytes: 1024,
}

class FakeNode implements NodeView {
  readonly version = '1.2.3'
  isReady = true
  rendered = 0
  current: NodeHealth = { node: 'INITIALIZING', protocols: [] }
  health = () => this.current
  ready = () => this.isReady
  info = () => ({ listenAddresses: ['/ip4/127.0.0.1/tcp/1/p2p/x'], enrUri: 'enr:-x' })
  services = () => undefined
  metrics = async () => ({ contentType: 'text/plain; version=0.0.4', text: `rendered ${++this.rendered}\n` })
}

t.test('health is nwaku JSON, from before the node is up', async (t) => {
  const node = new FakeNode()
  await using server = await openRest(node, silentLog(), options)
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
  await using server = await openRest(node, silentLog(), options)
  t.equal((await fetch(`${server.url}/livez`)).status, 200)
  t.equal((await fetch(`${server.url}/readyz`)).status, 200)
  node.isReady = false
  t.equal((await fetch(`${server.url}/livez`)).status, 200)
  t.equal((await fetch(`${server.url}/readyz`)).status, 503)
})

t.test('info and version stand under their old names too', async (t) => {
  await using server = await openRest(new FakeNode(), silentLog(), options)
  for (const path of ['/info', '/debug/v1/info']) {
    t.same(await (await fetch(server.url + path)).json(), {
      listenAddresses: ['/ip4/127.0.0.1/tcp/1/p2p/x'],
      enrUri: 'enr:-x',
    })
  }
  for (const path of ['/version', '/debug/v1/version']) t.equal(await (await fetch(server.url + path)).text(), '1.2.3')
})

t.test('what is not there is 404 without a body', async (t) => {
  await using server = await openRest(new FakeNode(), silentLog(), options)
  const response = await fetch(`${server.url}/nowhere`)
  t.same([response.status, await response.text()], [404, ''])
})

t.test('metrics stand on both ports, and the one of their own serves nothing else', async (t) => {
  const node = new FakeNode()
  await using rest = await openRest(node, silentLog(), options)
  await using own = await openMetricsServer(node, silentLog(), loopback)
  for (const { url } of [rest, own]) t.match(await (await fetch(`${url}/metrics`)).text(), /^rendered \d/)
  t.equal((await fetch(`${own.url}/health`)).status, 404)
})

t.test('who is not near needs the token, and nobody needs it for the probes', async (t) => {
  const far: RestOptions = { ...options, access: { ...options.access, isNear: () => false } }
  await using server = await openRest(new FakeNode(), silentLog(), far)
  for (const path of ['/health', '/livez', '/readyz']) t.equal((await fetch(server.url + path)).status, 200, path)
  const info = (authorization?: string) =>
    fetch(`${server.url}/info`, authorization === undefined ? {} : { headers: { authorization } })
  t.equal((await info()).status, 401)
  t.equal((await info('Bearer another-token')).status, 401)
  t.equal((await info(`Bearer ${token}`)).status, 200)
  await using near = await openRest(new FakeNode(), silentLog(), options)
  t.equal((await fetch(`${near.url}/info`)).status, 200, 'near, no token')
  const forwarded = await fetch(`${near.url}/info`, { headers: { 'x-forwarded-for': '203.0.113.9' } })
  t.equal(forwarded.status, 401, 'what a proxy forwards is not near')
  await using open = await openRest(new FakeNode(), silentLog(), { ...far, access: { ...far.access, mode: 'none' } })
  t.equal((await fetch(`${open.url}/info`)).status, 200, 'none: as nwaku')
})

t.test('pages of other origins may ask when they are on the list', async (t) => {
  await using server = await openRest(new FakeNode(), silentLog(), { ...options, origins: ['https://*.example.org'] })
  const from = (origin: string, method = 'GET') => fetch(`${server.url}/health`, { method, headers: { origin } })
  const allowed = await from('https://app.example.org')
  t.equal(allowed.status, 200)
  t.equal(allowed.headers.get('access-control-allow-origin'), 'https://app.example.org')
  const refused = await from('https://example.com')
  t.same([refused.status, await refused.text()], [403, 'Origin not allowed'])
  const preflight = await from('https://app.example.org', 'OPTIONS')
  t.match(preflight.headers.get('access-control-allow-methods'), /GET/)
})

t.test('a port in use is one clear error', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => taken.once('listening', resolve))
  t.teardown(() => taken.close())
  const { port } = taken.address() as AddressInfo
  const wanted = { ...options, port }
  await t.rejects(openRest(new FakeNode(), silentLog(), wanted), { code: 'listen/failed', message: /in use/ })
  await t.rejects(openMetricsServer(new FakeNode(), silentLog(), wanted), { code: 'listen/failed', message: /in use/ })
})
