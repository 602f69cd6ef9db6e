/** What a script, a stranger or a page of another site may send, and what must not come of it. */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import path from 'node:path'
import t from 'tap'
import { rawHttp, statusesIn } from '../kit/raw-http.ts'
import { ask, startedNode } from '../kit/rest.ts'

const at = encodeURIComponent
const topic = '/waku/2/rs/0/0'
const folder = t.testdir()
const flags = ['--relay', '--store', '--legacy-store', '--rest-admin', '--num-shards-in-network=8']
const node = await startedNode(t, path.join(folder, 'node'), [...flags, '--rest-max-body=16MiB'])
const guarded = await startedNode(t, path.join(folder, 'guarded'), [...flags, '--rest-auth=token'])

/** Names in the middle of a content topic. */
const odd: readonly string[] = [
  'plain',
  'ünïcødé',
  '日本語',
  '🦔🏴󠁧󠁢󠁳󠁣󠁴󠁿',
  'e\u0301 is not é',
  'שלום',
  'a b',
  'a+b',
  '100%',
  '%2f%00',
  '?query#fragment&more=1;x',
  '..',
  '.',
  '\\..\\',
  '"quoted" \'twice\'',
  '<img src=x onerror=alert(1)>',
  "'; DROP TABLE messages; --",
  'line\nbreak\r\ttab',
  'nul\u0000nul',
  '\u007f\u0080\uffff',
  '__proto__',
  'x'.repeat(10_000),
]

t.test('a content topic of any characters is the same in path, query and body', async (t) => {
  for (const [index, name] of odd.entries()) {
    const contentTopic = `/odd/1/${name}/proto`
    const id = name.slice(0, 30)
    const payload = Buffer.from([index]).toString('base64')
    const told = new RegExp(`^\\[{"payload":"${payload}",`)
    t.match(await ask(node, 'POST', '/relay/v1/auto/subscriptions', { body: [contentTopic] }), { status: 200 }, id)
    const body = { payload, contentTopic }
    t.match(await ask(node, 'POST', '/relay/v1/auto/messages', { body }), { status: 200 }, id)
    const fetched = await ask(node, 'GET', `/relay/v1/auto/messages/${at(contentTopic)}`)
    t.match(fetched, { status: 200, text: told }, id)
    t.equal(JSON.parse(fetched.text)[0].contentTopic, contentTopic, id)
    const query = `includeData=true&contentTopics=${at(at(contentTopic))}`
    const stored = await ask(node, 'GET', `/store/v3/messages?${query}`)
    t.equal(JSON.parse(stored.text).messages[0]?.message.contentTopic, contentTopic, id)
    const older = await ask(node, 'GET', `/store/v1/messages?${query}`)
    t.equal(JSON.parse(older.text).messages[0]?.contentTopic, contentTopic, id)
    t.match(await ask(node, 'DELETE', '/relay/v1/auto/subscriptions', { body: [contentTopic] }), { status: 200 }, id)
  }
})

t.test('half of a character is no text', async (t) => {
  const raw = '{"payload":"AA==","contentTopic":"/odd/1/\\ud800/proto"}'
  t.match(await ask(node, 'POST', '/relay/v1/auto/messages', { raw }), { status: 400, text: /is not a string/ })
})

const times = ['9007199254740993', '9223372036854775807', '-9223372036854775808', '-1', '1700000000123456789']

t.test('a time of 64 bits is the same, to the last digit, in and out', async (t) => {
  const contentTopic = '/times/1/exact/proto'
  await ask(node, 'POST', '/relay/v1/auto/subscriptions', { body: [contentTopic] })
  for (const time of times) {
    const raw = `{"payload":"AA==","contentTopic":"${contentTopic}","timestamp":${time}}`
    t.match(await ask(node, 'POST', '/relay/v1/auto/messages', { raw }), { status: 200 }, time)
    const { text } = await ask(node, 'GET', `/relay/v1/auto/messages/${at(contentTopic)}`)
    t.match(text, `"timestamp":${time},`)
  }
})

t.test('a stored time is found by all of its digits, and by no others', async (t) => {
  const contentTopic = '/times/1/stored/proto'
  const time = BigInt(Date.now()) * 1_000_000n + 123_457n
  const raw = `{"payload":"AA==","contentTopic":"${contentTopic}","timestamp":${time}}`
  t.match(await ask(node, 'POST', '/relay/v1/auto/messages', { raw }), { status: 200 })
  for (const version of ['v3', 'v1']) {
    const count = async (from: bigint, to: bigint): Promise<number> => {
      const query = `contentTopics=${at(contentTopic)}&includeData=true&startTime=${from}&endTime=${to}`
      const { text } = await ask(node, 'GET', `/store/${version}/messages?${query}`)
      return text.split(`"timestamp":${time}`).length - 1
    }
    t.same([await count(time, time), await count(time + 1n, time + 9n), await count(time - 9n, time - 1n)], [1, 0, 0])
  }
})

/** JSON that is meant to cost or to change more than it says; each of it is refused. */
const hostile: readonly [string, string][] = [
  ['deep arrays', '['.repeat(200_000)],
  ['deep objects', '{"a":'.repeat(200_000)],
  ['a prototype', '{"payload":"AA==","contentTopic":"/a/1/b/c","__proto__":{"polluted":true}}'],
  ['a constructor', '{"payload":"AA==","contentTopic":"/a/1/b/c","constructor":{"prototype":{"polluted":true}}}'],
  ['a field twice', '{"payload":"AA==","contentTopic":"/a/1/b/c","contentTopic":"/a/1/b/d"}'],
  ['a field twice, once escaped', '{"payload":"AA==","contentTopic":"/a/1/b/c","contentTop\\u0069c":"/a/1/b/d"}'],
  [
    'an integer of a million digits',
    `{"payload":"AA==","contentTopic":"/a/1/b/c","timestamp":${'9'.repeat(1_000_000)}}`,
  ],
  ['an exponent', '{"payload":"AA==","contentTopic":"/a/1/b/c","timestamp":1e400}'],
  ['base64 of 12 MiB', `{"payload":"${'A'.repeat(12 * 1024 * 1024)}","contentTopic":"/a/1/b/c"}`],
  ['base64 of 12 MiB that ends in none', `{"payload":"${'A'.repeat(12 * 1024 * 1024)}?","contentTopic":"/a/1/b/c"}`],
  ['no UTF-8', '{"payload":"AA==","contentTopic":"/a/1/\u00ff/c"}'],
]

t.test('JSON that means harm is refused, and changes nothing', async (t) => {
  for (const [id, raw] of hostile) {
    const body = id === 'no UTF-8' ? Buffer.from(raw, 'latin1') : Buffer.from(raw)
    const response = await fetch(`${node.restUrl}/relay/v1/messages/${at(topic)}`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    })
    t.equal(response.status, 400, `${id}: ${(await response.text()).slice(0, 80)}`)
  }
  t.notOk('polluted' in {}, 'no prototype is touched')
})

/** Ways to be understood as two requests, or as another one. Each is one answer, and the end. */
const smuggled: readonly [string, string][] = [
  ['a length and chunks', 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['chunks and a length', 'Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n'],
  ['two lengths', 'Content-Length: 0\r\nContent-Length: 5\r\n\r\n'],
  ['chunks that are not last', 'Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n'],
  ['a blank before the colon', 'Content-Length : 0\r\n\r\n'],
  ['a negative length', 'Content-Length: -1\r\n\r\n'],
  ['a length in hexadecimal', 'Content-Length: 0x5\r\n\r\n'],
  ['a chunk that is no number', 'Transfer-Encoding: chunked\r\n\r\nxyz\r\n'],
  ['a NUL in a header', 'X-Odd: a\u0000b\r\n\r\n'],
]
const inner = 'GET /admin/v1/peers HTTP/1.1\r\nHost: localhost\r\n\r\n'

t.test('a request that can be read in two ways is refused, and what follows it is not read', async (t) => {
  const post = 'POST /relay/v1/subscriptions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
  for (const [id, headers] of smuggled) {
    const answers = await rawHttp(node.restUrl ?? '', `${post}${headers}${inner}`)
    t.same(statusesIn(answers), [400], id)
    t.match(answers, /\r\nContent-Length: 0\r\nConnection: close\r\n\r\n$/i, id)
  }
  const plain = `${post}Content-Length: 2\r\n\r\n[]${inner.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')}`
  t.same(statusesIn(await rawHttp(node.restUrl ?? '', plain)), [200, 200], 'two whole ones are two')
})

t.test('what stands before a body has a limit of 64 KiB, and the body its own', async (t) => {
  const url = node.restUrl ?? ''
  const get = (length: number) =>
    `GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Long: ${'x'.repeat(length)}\r\n\r\n`
  t.same(statusesIn(await rawHttp(url, get(60_000))), [200])
  t.same(statusesIn(await rawHttp(url, get(70_000))), [431])
  const head =
    'POST /relay/v1/subscriptions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n'
  t.same(statusesIn(await rawHttp(url, `${head}Content-Length: ${17 * 1024 * 1024}\r\n\r\n`)), [413], 'unread')
  const chunk = `${(1024 * 1024).toString(16)}\r\n${' '.repeat(1024 * 1024)}\r\n`
  const chunks = Array.from({ length: 17 }, () => chunk)
  t.same(statusesIn(await rawHttp(url, `${head}Transfer-Encoding: chunked\r\n\r\n`, ...chunks)), [413], 'in chunks')
  const long = `/long/1/${'ü'.repeat(5000)}/proto`
  t.match(await ask(node, 'GET', `/relay/v1/auto/messages/${at(long)}`), { status: 404, text: long }, 'a path of 30 KB')
})

t.test('a path that climbs leads nowhere', async (t) => {
  const climbing = [
    '/relay/v1/messages/..%2f..%2f..%2fadmin%2fv1%2fpeers',
    '/relay/../admin/v1/peers',
    '/relay/v1/messages/../../../admin/v1/peers',
    '//admin/v1/peers',
    '/./admin/v1/peers',
    '/admin%2fv1%2fpeers',
    '/ADMIN/v1/peers',
    '/admin/v1/peers/',
  ]
  for (const target of climbing) {
    const answer = await rawHttp(node.restUrl ?? '', `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    t.same(statusesIn(answer), [404], target)
  }
  const straight = await rawHttp(
    node.restUrl ?? '',
    'GET /admin/v1/peers HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  )
  t.same(statusesIn(straight), [200], 'the path itself is there')
})

t.test('what is dialled for a client is only what one may ask who may administer', async (t) => {
  const listener = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  t.teardown(() => listener.close())
  let dialled = 0
  listener.on('connection', () => {
    dialled += 1
  })
  const address = `/ip4/127.0.0.1/tcp/${(listener.address() as AddressInfo).port}/p2p/${node.peerId}`
  const asked: readonly [string, string, object][] = [
    ['POST', '/admin/v1/peers', { body: [address] }],
    ['GET', `/store/v3/messages?peerAddr=${at(address)}`, {}],
    ['GET', `/store/v1/messages?peerAddr=${at(address)}`, {}],
  ]
  for (const [method, target, sent] of asked)
    t.match(await ask(guarded, method, target, sent), { status: 401 }, `${method} ${target}`)
  t.equal(dialled, 0)
  const elsewhere = { headers: { 'sec-fetch-site': 'cross-site' } }
  const image = await fetch(`${node.restUrl}/store/v3/messages?peerAddr=${at(address)}`, elsewhere)
  t.equal(image.status, 401, 'an image in a page of another site')
  t.equal(dialled, 0)
  t.match(await ask(guarded, 'GET', '/livez'), { status: 200 })
})
