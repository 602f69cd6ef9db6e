/** A running node takes other settings without a restart: each that counts as live, against the real program. */
import { once } from 'node:events'
import { copyFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { connect } from 'node:tls'
import type { Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import t, { type Test } from 'tap'
import { request } from '../../src/net/exchange.ts'
import type { Host } from '../../src/net/host.ts'
import {
  decodeFilterResponse,
  encodeFilterRequest,
  type FilterRequestKind,
  filterSubscribeProtocol,
} from '../../src/protocols/filter/codec.ts'
import { filterAnswerLimits } from '../../src/protocols/filter/limits.ts'
import type { ReloadReport } from '../../src/rest/routes/reload.ts'
import { selfSigned } from '../kit/certificate.ts'
import { waypost } from '../kit/cli.ts'
import { type Daemon, daemon } from '../kit/daemon.ts'
import { host } from '../kit/host.ts'
import { needs } from '../kit/tools.ts'

/** A node with a settings file, and what the test does to both. */
interface Reloadable extends Daemon {
  readonly folder: string
  readonly configFile: string
  /** Writes the settings file anew and asks for a reload. */
  reload(lines: readonly string[]): Promise<ReloadReport>
}

const hourly = 'rate-limit = "filter:1000/1h"'

async function reloadable(
  t: Test,
  lines: readonly string[] = [],
  flags: readonly string[] = [],
  folder = t.testdir(),
): Promise<Reloadable> {
  const configFile = path.join(folder, 'waypost.toml')
  writeFileSync(configFile, lines.join('\n'))
  const started = await daemon(t, { flags: ['--rest-admin=true', `--config-file=${configFile}`, ...flags] })
  const reload = async (lines: readonly string[]): Promise<ReloadReport> => {
    writeFileSync(configFile, lines.join('\n'))
    const response = await fetch(`${started.restUrl}/admin/v1/reload`, { method: 'POST' })
    return (await response.json()) as ReloadReport
  }
  return Object.assign(Object.create(started) as Daemon, { folder, configFile, reload })
}

const named = ({ applied }: ReloadReport): string[] => applied.map(({ setting }) => setting)

/** Asks the node's filter, and gives the status of its answer. */
async function askFilter({ libp2p }: Host, { peerId }: Daemon, kind: FilterRequestKind, topic?: string) {
  const contentTopics = topic === undefined ? [] : [topic]
  const pubsubTopic = topic && '/waku/2/rs/0/0'
  const body = encodeFilterRequest({ requestId: 'x', kind, pubsubTopic, contentTopics })
  const limits = { ...filterAnswerLimits, timeout: 10_000 }
  return decodeFilterResponse(
    await request(libp2p as Libp2p, peerIdFromString(peerId), filterSubscribeProtocol, body, limits),
  ).status
}

function publish({ restUrl }: Daemon, payload: string): Promise<Response> {
  const body = { payload: Buffer.from(payload).toString('base64'), contentTopic: '/waypost/1/reload/proto' }
  const target = `/relay/v1/messages/${encodeURIComponent('/waku/2/rs/0/0')}`
  const headers = { 'content-type': 'application/json' }
  return fetch(`${restUrl}${target}`, { method: 'POST', body: JSON.stringify(body), headers })
}

for (const { id, env } of [
  { id: 'the launcher that became the node', env: {} },
  {
    id: 'the launcher that stands in for it',
    env: { NODE_OPTIONS: '--import=data:text/javascript,process.execve=undefined' },
  },
]) {
  t.test(`SIGHUP to ${id} has the settings read again`, async (t) => {
    const folder = t.testdir({ 'waypost.toml': 'log-level = "info"' })
    const configFile = path.join(folder, 'waypost.toml')
    const node = await daemon(t, { flags: [`--config-file=${configFile}`], env })
    writeFileSync(configFile, 'log-level = "debug"\ntcp-port = 7\nrest-port = 1')
    node.process.kill('SIGHUP')
    t.match(await node.line(({ msg }) => msg === 'setting changed'), { setting: 'log-level', change: 'info -> debug' })
    await node.line(({ msg }) => msg === 'settings reloaded')
    t.equal((await fetch(`${node.restUrl}/readyz`)).status, 200)
    const { libp2p } = await host(t)
    await libp2p.dial(multiaddr(node.tcp))
    t.ok(await node.line(({ level }) => level === 'debug' || level === 20), 'a line of debug is written')
    t.equal(await node.stop(), 0)
  })
}

t.test('a static peer that is added is dialled, and one that is removed is an ordinary one', async (t) => {
  const { libp2p, addresses } = await host(t)
  const node = await reloadable(t)
  const arrival = once(libp2p, 'peer:connect')
  t.match(await node.reload([`staticnode = "${addresses()[0]}"`]), { applied: [{ setting: 'staticnode' }] })
  await arrival
  t.equal(await originOf(node, libp2p, 'Static'), 'Static')
  t.same(named(await node.reload([])), ['staticnode'])
  t.equal(await originOf(node, libp2p, 'UnknownOrigin'), 'UnknownOrigin')
})

/** What the node says of how it knows a peer, once it says what is expected. */
async function originOf({ restUrl }: Daemon, { peerId }: Libp2p, expected: string): Promise<string> {
  for (;;) {
    const peer = await (await fetch(`${restUrl}/admin/v1/peer/${peerId}`)).json().catch(() => ({ origin: 'unknown' }))
    if ((peer as { origin: string }).origin === expected) return expected
  }
}

t.test('rate limits and limits of filter hold for the next request', async (t) => {
  const node = await reloadable(t, [hourly])
  const client = await host(t)
  await client.libp2p.dial(multiaddr(node.tcp))
  t.equal(await askFilter(client, node, 'SUBSCRIBER_PING'), 404)
  t.same(named(await node.reload([hourly, 'filter-max-peers-to-serve = 0'])), ['filter-max-peers-to-serve'])
  t.equal(await askFilter(client, node, 'SUBSCRIBE', '/a/1/b/c'), 503)
  await node.reload([hourly])
  t.equal(await askFilter(client, node, 'SUBSCRIBE', '/a/1/b/c'), 200)
  await node.reload([hourly, 'filter-max-criteria = 1'])
  t.equal(await askFilter(client, node, 'SUBSCRIBE', '/a/1/b/d'), 503)
  t.same(named(await node.reload(['rate-limit = "filter:1/1h"', 'filter-max-criteria = 1'])), ['rate-limit'])
  t.equal(await askFilter(client, node, 'SUBSCRIBER_PING'), 200)
  t.equal(await askFilter(client, node, 'SUBSCRIBER_PING'), 429)
})

t.test('a limit of connections holds for the next one', async (t) => {
  const node = await reloadable(t)
  const [first, second] = [await host(t), await host(t)]
  await first.libp2p.dial(multiaddr(node.tcp))
  t.same(named(await node.reload(['max-connections = 1'])), ['max-connections'])
  await t.rejects(second.libp2p.dial(multiaddr(node.tcp)))
  await node.reload([])
  await t.resolves(second.libp2p.dial(multiaddr(node.tcp)))
})

t.test('a limit of connections holds for the peers that are looked for', async (t) => {
  const node = await reloadable(t, ['max-connections = 50'])
  const missing = async (expected: number): Promise<number> => {
    for (;;) {
      const text = await (await fetch(`${node.restUrl}/metrics`)).text()
      if (Number(/^waypost_missing_peers (\d+)$/m.exec(text)?.[1]) === expected) return expected
    }
  }
  t.equal(await missing(10), 10)
  t.same(named(await node.reload(['max-connections = 10'])), ['max-connections'])
  t.equal(await missing(2), 2, 'a third of the six for relay')
})

t.test('another retention policy is applied at once', async (t) => {
  const node = await reloadable(t)
  for (const payload of ['one', 'two', 'three']) t.equal((await publish(node, payload)).status, 200)
  const stored = async (): Promise<number> => {
    const page = await (await fetch(`${node.restUrl}/store/v3/messages`)).json()
    return (page as { messages: object[] }).messages.length
  }
  t.equal(await stored(), 3)
  t.match(await node.reload(['store-message-retention-policy = "time:1"']), {
    applied: [{ setting: 'store-message-retention-policy', says: 'time:2d -> time:1s' }],
  })
  let left = await stored()
  while (left > 0) left = await stored()
  t.equal(left, 0)
})

t.test('the retention that is shown is the one in force, after a reload too', async (t) => {
  const node = await reloadable(t)
  const json = async (target: string) => await (await fetch(`${node.restUrl}${target}`)).json()
  const stats = ['store', 'stats', '--json', `--rest-url=${node.restUrl}`]
  const onPage = async () =>
    ((await json('/waypost/v1/overview')) as { running: { store: { retention: string } } }).running.store.retention
  const shown = async () => [
    await onPage(),
    ((await json('/admin/v1/store/stats')) as { retention: string }).retention,
    (JSON.parse((await waypost(t, stats)).stdout) as { retention: string }).retention,
  ]
  t.same(await shown(), ['time:2d', 'time:2d', 'time:2d'])
  await node.reload(['store-message-retention-policy = "capacity:70"', 'max-msg-size = "1KiB"'])
  // What the page shows is gathered once in a second.
  while ((await onPage()) === 'time:2d') await new Promise((resolve) => setTimeout(resolve, 50))
  t.same(await shown(), ['capacity:70', 'capacity:70', 'capacity:70'])
})

t.test('a shard that becomes protected takes signed messages only', async (t) => {
  const node = await reloadable(t)
  t.equal((await publish(node, 'before')).status, 200)
  const key = '02a1633cafcc01ebfb6d78e39f687a1f0995c62fc95f51ead10a02ee0be551b5dc'
  t.same(named(await node.reload([`protected-shard = "0:${key}"`])), ['protected-shard'])
  t.equal((await publish(node, 'without a signature')).status, 400)
  await node.reload([])
  t.equal((await publish(node, 'after')).status, 200)
})

t.test('REST takes another mode, token and list of origins', async (t) => {
  const node = await reloadable(t)
  const token = (digit: string): string => digit.repeat(32)
  const tokenFile = path.join(node.folder, 'token')
  writeFileSync(tokenFile, token('1'), { mode: 0o600 })
  const settings = ['rest-auth = "token"', `rest-token-file = "${tokenFile}"`]
  const ask = async (headers: Record<string, string>, method = 'GET', target = '/info'): Promise<number> =>
    (await fetch(`${node.restUrl}${target}`, { method, headers })).status
  const bearer = (digit: string) => ({ authorization: `Bearer ${token(digit)}` })
  t.equal(await ask({}), 200)
  t.same(named(await node.reload(settings)), ['rest-token-file', 'rest-auth'])
  t.equal(await ask({}), 401)
  t.equal(await ask(bearer('1')), 200)
  writeFileSync(tokenFile, token('2'))
  t.equal(await ask(bearer('1'), 'POST', '/admin/v1/reload'), 200)
  t.match(node.lines.at(-2), { setting: 'rest-token-file', change: 'another token' })
  t.equal(await ask(bearer('1')), 401)
  t.equal(await ask(bearer('2')), 200)
  const allowed = 'rest-allow-origin = "https://app.example.org"'
  writeFileSync(node.configFile, [...settings, allowed].join('\n'))
  t.equal(await ask(bearer('2'), 'POST', '/admin/v1/reload'), 200)
  t.equal(await ask({ ...bearer('2'), origin: 'https://app.example.org' }), 200)
  t.equal(await ask({ ...bearer('2'), origin: 'https://other.example.org' }), 403)
  t.notMatch(JSON.stringify(node.lines), new RegExp(`${token('1')}|${token('2')}`), 'no token is logged')
})

/** The fingerprint of what a listener shows. */
async function shown({ ws }: Daemon): Promise<string> {
  const port = Number(/\/tcp\/(\d+)\//.exec(ws)?.[1])
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const { fingerprint256 } = socket.getPeerCertificate()
  socket.destroy()
  return fingerprint256
}

t.test('a certificate is renewed by a reload, and by itself; a broken one is told of and not taken', async (t) => {
  if (needs(t, 'openssl') === undefined) return
  const folder = t.testdir()
  const [live, second, third] = ['live', 'second', 'third'].map((name) => selfSigned(folder, name))
  if (live === undefined || second === undefined || third === undefined) return t.fail('no certificates')
  const put = (from: typeof live): void => {
    copyFileSync(from.keyFile, live.keyFile)
    copyFileSync(from.certificateFile, live.certificateFile)
  }
  const secure = ['--websocket-secure-support=true', `--websocket-secure-key-path=${live.keyFile}`]
  const node = await reloadable(t, [], [...secure, `--websocket-secure-cert-path=${live.certificateFile}`], folder)
  const first = await shown(node)
  put(second)
  t.match(await node.reload([]), {
    applied: [{ setting: 'websocket-secure-cert-path', says: /^another certificate, valid until/ }],
  })
  const reloaded = await shown(node)
  t.not(reloaded, first)
  writeFileSync(live.certificateFile, 'not a certificate')
  await node.line(({ msg }) => msg === 'certificate on disk is not usable, the one in use is kept')
  t.equal(await shown(node), reloaded)
  t.match(await node.reload([]), { applied: [], problems: [/certificate for secure WebSocket is not usable/] })
  put(third)
  const isThird = ({ msg }: Record<string, unknown>): boolean => msg === 'certificate renewed'
  while (node.lines.filter(isThird).length < 2) await new Promise((resolve) => setTimeout(resolve, 50))
  t.not(await shown(node), reloaded)
})

t.test('what needs a restart is named, again and again, and a wrong file changes nothing', async (t) => {
  const node = await reloadable(t)
  const moved = ['log-level = "warn"', 'rest-max-body = "1MiB"']
  const first = await node.reload(moved)
  t.match(first, {
    applied: [{ setting: 'log-level', says: 'info -> warn' }],
    needsRestart: [{ setting: 'rest-max-body', says: 'not set -> 1MiB' }],
  })
  const again = await node.reload(moved)
  t.match(again, { applied: [], needsRestart: [{ setting: 'rest-max-body' }] })
  const wrong = await node.reload(['log-level = "loud"', 'no-such-thing = 1', 'max-connections = 7'])
  t.match(wrong, { applied: [], needsRestart: [], problems: [/no-such-thing/, /loud/] })
  t.match(await node.line(({ msg }) => msg === 'settings not reloaded, nothing has changed'), { level: 'warn' })
  t.match(await node.reload(['max-connections = 7']), {
    applied: [{ setting: 'log-level' }, { setting: 'max-connections', says: '300 -> 7' }],
  })
})

t.test('waypost reload tells a person and a script what became of it', async (t) => {
  const node = await reloadable(t)
  const run = (...more: readonly string[]) => waypost(t, ['reload', '--rest-url', node.restUrl, ...more])
  t.match(await run(), { code: 0, stdout: 'no setting has changed\n' })
  writeFileSync(node.configFile, 'log-level = "debug"\nrest-max-body = "1MiB"')
  const { stdout, code } = await run()
  t.equal(code, 0)
  t.match(stdout, /^applied +log-level +info -> debug$/m)
  t.match(stdout, /^needs a restart +rest-max-body +not set -> 1MiB$/m)
  writeFileSync(node.configFile, 'log-level = "loud"')
  const wrong = await run('--json')
  t.equal(wrong.code, 78)
  t.match(JSON.parse(wrong.stdout), { applied: [], problems: [/waypost\.toml:1 log-level: "loud" is not/] })
  t.match((await run()).stdout, /^nothing has changed, since the settings are not valid:\n/)
})

t.test('waypost reload without the admin API names the flag that is missing', async (t) => {
  const node = await daemon(t)
  t.match(await waypost(t, ['reload', '--rest-url', node.restUrl]), { code: 1, stderr: /--rest-admin=true/ })
})
