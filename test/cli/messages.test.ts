/** publish, query and subscribe: over REST against what nwaku says, and over the protocols against our own nodes. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { startNode, type WaypostNode } from '../../src/node/node.ts'
import { resolveSettings } from '../../src/settings/resolve.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { waypost } from '../kit/cli.ts'
import { launcher } from '../kit/daemon.ts'
import { environment } from '../kit/environment.ts'
import { type Asked, standIn } from '../kit/nwaku-rest.ts'

const topic = '/waypost/1/test/proto'
const hash = (digit: string): string => `0x${digit.repeat(64)}`

function page(asked: Asked): [number, string] | undefined {
  if (!asked.url.startsWith('/store/v3/messages?')) return undefined
  const cursor = new URLSearchParams(asked.url.split('?')[1]).get('cursor')
  const payload = Buffer.from('hello').toString('base64')
  const message = `{"payload":"${payload}","contentTopic":"${topic}","version":0,"timestamp":1763892345678901234,"ephemeral":false}`
  const row = (digit: string): string =>
    `{"messageHash":"${hash(digit)}","message":${message},"pubsubTopic":"/waku/2/rs/0/0"}`
  const [rows, next] = cursor === null ? [[row('a'), row('b')], `,"paginationCursor":"${hash('b')}"`] : [[row('c')], '']
  return [200, `{"requestId":"","statusCode":200,"statusDesc":"OK","messages":[${rows.join(',')}]${next}}`]
}

t.test('query goes through all pages, and no digit of a timestamp is lost', async (t) => {
  const { url, asked } = await standIn(t, page)
  const { code, stdout } = await waypost(t, [
    'query',
    '--rest-url',
    url,
    '--content-topic',
    topic,
    '--since=2h',
    '--json',
  ])
  t.equal(code, 0)
  const lines = stdout.trim().split('\n')
  t.same(
    lines.map((line) => JSON.parse(line).messageHash),
    [hash('a'), hash('b'), hash('c')],
  )
  t.match(lines[0], '"timestamp":1763892345678901234')
  const first = new URLSearchParams(asked[0]?.url.split('?')[1])
  t.match(Object.fromEntries(first), { includeData: 'true', ascending: 'true', pageSize: '100', contentTopics: topic })
  t.match(first.get('startTime'), /^\d{19}$/)
})

t.test('a person reads time, hash, topic and text', async (t) => {
  const { url } = await standIn(t, page)
  const { stdout, stderr } = await waypost(t, ['query', '--rest-url', url, '--limit=1'])
  t.equal(stdout, `2025-11-23T10:05:45.678Z  ${hash('a')}  ${topic}  5 bytes  "hello"\n`)
  t.equal(stderr, '1 message\n')
})

t.test('a pipe that closes early is no error', async (t) => {
  let pages = 0
  // The same page for ever, each time with another cursor: only the reader ends it.
  const { url } = await standIn(t, (asked) => {
    pages += 1
    const said = page({ ...asked, url: asked.url.replace(/&cursor=[^&]*/, '') })
    return said && [200, said[1].replace(/(?<="paginationCursor":"0x).{8}/, String(pages).padStart(8, '0'))]
  })
  const child = spawn(process.execPath, [launcher, 'query', '--rest-url', url, '--json'], { env: environment() })
  t.teardown(() => child.kill('SIGKILL'))
  let errors = ''
  child.stderr.on('data', (chunk) => (errors += chunk))
  await once(child.stdout, 'data')
  child.stdout.destroy()
  t.same(await once(child, 'close'), [0, null])
  t.equal(errors, '')
})

t.test('an error of the node, or no node, is one line that says what to do', async (t) => {
  const { url } = await standIn(t, ({ url }) =>
    url.startsWith('/store') ? [412, 'No suitable service peer'] : undefined,
  )
  t.match(await waypost(t, ['query', '--rest-url', url]), {
    code: 1,
    stderr: /answered 412: No suitable service peer\n$/,
  })
  const published = await waypost(t, ['publish', 'x', '--content-topic', topic, '--rest-url', url])
  t.match(published, { code: 1, stderr: /answered 404: the node does not relay; --peer/ })
  const nobody = await waypost(t, ['query', '--rest-url=http://127.0.0.1:2'])
  t.match(nobody, {
    code: 69,
    stderr: /no node answers at http:\/\/127.0.0.1:2 \(ECONNREFUSED\): start it with waypost run/,
  })
})

t.test('a token is read from its file, sent, and never shown', async (t) => {
  const token = 'a-token-of-a-test-1234'
  const folder = t.testdir({ token: `${token}\n` })
  const { url, asked } = await standIn(t, (asked) =>
    asked.headers.authorization === `Bearer ${token}` ? page(asked) : [401, 'This needs the token'],
  )
  const without = await waypost(t, ['query', '--rest-url', url])
  t.match(without, { code: 77, stderr: /name the file that holds it with --rest-token-file/ })
  const args = ['query', '--rest-url', url, '--rest-token-file', path.join(folder, 'token')]
  const { code, stdout, stderr } = await waypost(t, args)
  t.equal(code, 0)
  t.equal(asked.at(-1)?.headers.authorization, `Bearer ${token}`)
  t.notMatch(stdout + stderr, token)
})

t.test('publish sends the payload, from an argument or a pipe, to the shard or to whatever shard it is', async (t) => {
  const { url, asked } = await standIn(t, ({ method }) => (method === 'POST' ? [200, 'OK'] : undefined))
  const args = ['publish', '--content-topic', topic, '--rest-url', url]
  t.match(await waypost(t, [...args, 'hello']), { code: 0, stdout: 'published\n' })
  t.match(await waypost(t, [...args, '--payload-file=-', '--pubsub-topic=/waku/2/rs/0/3'], { input: 'piped' }), {
    code: 0,
  })
  t.same(
    asked.map(({ url }) => url),
    ['/relay/v1/auto/messages', '/relay/v1/messages/%2Fwaku%2F2%2Frs%2F0%2F3'],
  )
  t.match(asked[0]?.body, /"timestamp":\d{19}[,}]/)
  t.equal(Buffer.from(JSON.parse(asked[1]?.body ?? '').payload, 'base64').toString(), 'piped')
})

t.test('publish refuses what cannot be meant before it sends anything', async (t) => {
  const { url, asked } = await standIn(t, () => [200, 'OK'])
  for (const args of [
    ['x', '--content-topic=no-topic'],
    ['--content-topic', topic],
    ['x'],
    ['x', '--content-topic', topic, '--pubsub-topic=/x'],
  ])
    t.not((await waypost(t, ['publish', ...args, '--rest-url', url])).code, 0)
  t.same(asked, [])
})

t.test('subscribe follows the event stream', async (t) => {
  const event = (digit: string): string => `event: message\ndata: {"messageHash":"${hash(digit)}"}\n\n`
  const { url, asked } = await standIn(t, () => (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(event('a') + event('b').slice(0, 30))
    setImmediate(() => response.write(`${event('b').slice(30)}: a comment\n\n`))
  })
  const args = ['subscribe', '--content-topic', topic, '--count=2', '--rest-url', url]
  t.match(await waypost(t, args), { code: 0, stdout: `${hash('a')}\n${hash('b')}\n` })
  t.equal(asked[0]?.url, `/relay/v1/events?contentTopics=${encodeURIComponent(topic)}`)
})

t.test('where there are no events, subscribe asks the cache', async (t) => {
  let looks = 0
  const { url, asked } = await standIn(t, ({ method, url }) => {
    if (url.startsWith('/relay/v1/events')) return undefined
    if (method === 'POST') return [200, 'OK']
    looks += 1
    const message = `{"payload":"aGk=","contentTopic":"${topic}","timestamp":${looks}}`
    return [200, looks === 1 ? '[]' : `[${message}]`]
  })
  const { code, stdout } = await waypost(t, [
    'subscribe',
    '--content-topic',
    topic,
    '--count=1',
    '--json',
    '--rest-url',
    url,
  ])
  t.equal(code, 0)
  t.match(JSON.parse(stdout), { message: { payload: 'aGk=', timestamp: 2 } })
  t.match(asked[1], { method: 'POST', url: '/relay/v1/auto/subscriptions', body: JSON.stringify([topic]) })
})

/** A node in this process, on loopback, that knows `peer`. */
async function node(t: Test, name: string, peer?: WaypostNode): Promise<WaypostNode> {
  const argv = ['--listen-address=127.0.0.1', '--tcp-port=0', '--rest=false', '--nat=none', '--cluster-id=7']
  const on = ['--relay', '--store', '--filter', '--lightpush', `--data-dir=${path.join(t.testdirName, name)}`]
  const { settings } = resolveSettings({
    argv: [...argv, ...on, ...(peer ? [`--staticnode=${peer.addresses[0]}`] : [])],
  })
  const started = await startNode({ settings, version: '1.2.3', log: silentLog() })
  t.teardown(() => started[Symbol.asyncDispose]())
  return started
}

t.test('with --peer a message goes by light push to who subscribed by filter, and stays in the store', async (t) => {
  t.testdir()
  const first = await node(t, 'first')
  await node(t, 'second', first)
  const [address = ''] = first.addresses
  const args = ['--peer', address, '--content-topic', topic]
  const child = spawn(process.execPath, [launcher, 'subscribe', ...args, '--json'], { env: environment() })
  t.teardown(() => child.kill('SIGKILL'))
  const received = once(createInterface(child.stdout), 'line')
  let published = await waypost(t, ['publish', 'first words', ...args, '--json'])
  // The other node may not be there yet, nor the subscription.
  const repeat = async (): Promise<void> => {
    published = await waypost(t, ['publish', 'hello', ...args, '--json'])
  }
  const heard = received.then(() => true)
  while (!(await Promise.race([heard, repeat()]))) {}
  const [line] = await received
  const message = JSON.parse(line)
  t.match(message, { pubsubTopic: '/waku/2/rs/7/0', message: { contentTopic: topic } })
  t.match(JSON.parse(published.stdout), { published: true, relayPeers: 1 })
  child.kill('SIGINT')
  t.same(await once(child, 'close'), [0, null], 'Ctrl-C is how it ends')
  const found = await waypost(t, ['query', ...args, '--newest-first', '--json'])
  t.match(found.stdout, message.messageHash)
  const hashes = await waypost(t, ['query', '--peer', address, '--hashes-only', '--hash', message.messageHash])
  t.equal(hashes.stdout, `${message.messageHash}\n`)
})
