import path from 'node:path'
import t, { type Test } from 'tap'
import { MetricsText } from '../../src/cli/metrics-text.ts'
import { showBytes, showSeconds } from '../../src/cli/snapshot.ts'
import { startNode } from '../../src/node/node.ts'
import { resolveSettings } from '../../src/settings/resolve.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { waypost } from '../kit/cli.ts'
import { type Said, standIn } from '../kit/nwaku-rest.ts'

async function restUrl(t: Test): Promise<string> {
  const loopback = ['--listen-address=127.0.0.1', '--tcp-port=0', '--rest-port=0', '--nat=none', '--relay', '--store']
  const { settings } = resolveSettings({ argv: [...loopback, `--data-dir=${path.join(t.testdir(), 'data')}`] })
  const node = await startNode({ settings, version: '1.2.3', log: silentLog() })
  t.teardown(() => node[Symbol.asyncDispose]())
  return node.restUrl ?? ''
}

t.test('status tells how the running node is, for a person and for a script', async (t) => {
  const url = await restUrl(t)
  const { code, stdout } = await waypost(t, ['status', '--rest-url', url])
  t.equal(code, 0)
  t.match(stdout, `READY, version 1.2.3, ${url}`)
  t.match(stdout, /^Relay +NOT_READY: No connected peers$/m)
  t.match(stdout, /^stored +0, 0 B$/m)
  const snapshot = JSON.parse((await waypost(t, ['status', '--rest-url', url, '--json'])).stdout)
  t.match(snapshot, { state: 'READY', figures: { peers: 0, storedMessages: 0 }, enr: /^enr:/ })
})

t.test('status ends with 1 while the node is not ready, and tells what a bare nwaku tells', async (t) => {
  const health: Said = [200, '{"nodeHealth":"INITIALIZING","protocolsHealth":[]}']
  const { url } = await standIn(t, ({ url }) => (url === '/health' ? health : undefined))
  const { code, stdout } = await waypost(t, ['status', '--rest-url', url])
  t.equal(code, 1)
  t.match(stdout, /INITIALIZING/)
  t.match(stdout, /^peers +unknown$/m)
})

const peer = {
  multiaddr: '/ip4/192.0.2.7/tcp/60000/p2p/16Uiu2HAm1',
  protocols: [],
  shards: [0, 3],
  connected: 'Connected',
  agent: 'nwaku\u001b[31m',
  score: -1.25,
}

t.test('peers and mesh are tables, in which no agent commands the terminal', async (t) => {
  const { url, asked } = await standIn(t, ({ url }) => {
    if (url === '/admin/v1/peers/mesh')
      return [
        200,
        JSON.stringify([
          { shard: 0, peers: [peer] },
          { shard: 1, peers: [] },
        ]),
      ]
    return [200, JSON.stringify([peer])]
  })
  t.match(await waypost(t, ['peers', '--rest-url', url]), {
    code: 0,
    stdout: /^16Uiu2HAm1 {2}nwaku\?\[31m +0,3 +- +\/ip4\/192/m,
  })
  await waypost(t, ['peers', '--all', '--rest-url', url])
  const { stdout } = await waypost(t, ['mesh', '--rest-url', url])
  t.match(stdout, /^0 +16Uiu2HAm1 +-1\.3 +nwaku/m)
  t.match(stdout, /^1 +nobody$/m)
  t.same(
    asked.map(({ url }) => url),
    ['/admin/v1/peers/connected', '/admin/v1/peers', '/admin/v1/peers/mesh'],
  )
})

t.test('log-level is set, or the flag that is missing is named', async (t) => {
  const { url, asked } = await standIn(t, () => [200, 'OK'])
  t.equal((await waypost(t, ['log-level', 'debug', '--rest-url', url])).code, 0)
  t.match(asked, [{ method: 'POST', url: '/admin/v1/log-level/DEBUG' }])
  t.equal((await waypost(t, ['log-level', 'loud', '--rest-url', url])).code, 64)
  const off = await standIn(t, () => undefined)
  t.match(await waypost(t, ['log-level', 'debug', '--rest-url', off.url]), { code: 1, stderr: /--rest-admin=true/ })
})

t.test('metrics are read with their labels, whatever the prefix', async (t) => {
  const metrics = new MetricsText('# HELP x\nwaku_x{a="1",b="q\\"}"} 2\nwaku_x{a="2"} 3\nlogos_delivery_y 1e3\n')
  t.equal(metrics.sum('waku_x'), 5)
  t.equal(metrics.sum('waku_x', { a: '1' }), 2)
  t.equal(metrics.sum('waku_y'), 1000)
  t.equal(metrics.sum('waku_z'), undefined)
})

t.test('amounts are written for people', async (t) => {
  t.same([0, 1023, 1024, 5 * 1024 ** 3].map(showBytes), ['0 B', '1023 B', '1.0 KiB', '5.0 GiB'])
  t.same([5, 65, 7300, 200_000].map(showSeconds), ['5 s', '1 min', '2 h 1 min', '2 d 7 h'])
})
