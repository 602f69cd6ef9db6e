/** nwaku's REST API as scripts know it: method, path, case, status and body, against a started node. */
import path from 'node:path'
import t from 'tap'
import { startNode, type WaypostNode } from '../../src/node/node.ts'
import { resolveSettings } from '../../src/settings/resolve.ts'
import { silentLog } from '../../src/telemetry/log.ts'

const topic = '/waku/2/rs/0/0'
const contentTopic = '/toychat/2/huilong/proto'
const at = encodeURIComponent

const flags = [
  '--listen-address=127.0.0.1',
  '--tcp-port=0',
  '--rest-port=0',
  '--nat=none',
  '--relay',
  '--store',
  '--lightpush',
]

/** A started node with eight shards, and another that relays with it. */
const [node, peer] = await pair()
t.teardown(async () => {
  await node[Symbol.asyncDispose]()
  await peer[Symbol.asyncDispose]()
})

async function pair(): Promise<[WaypostNode, WaypostNode]> {
  const folder = t.testdir()
  const start = (name: string, more: readonly string[]) => {
    const argv = [...flags, '--num-shards-in-network=8', `--data-dir=${path.join(folder, name)}`, ...more]
    return startNode({ settings: resolveSettings({ argv }).settings, version: '1.2.3', log: silentLog() })
  }
  const other = await start('peer', [])
  return [
    await start('node', [`--staticnode=${other.addresses[0]}`, '--shard=0', '--shard=3', '--rest-admin', '--filter']),
    other,
  ]
}

interface Sent {
  readonly body?: unknown
  /** In place of JSON. */
  readonly raw?: string
  readonly type?: string
}

async function ask(method: string, target: string, { body, raw, type = 'application/json' }: Sent = {}) {
  const content = raw ?? (body === undefined ? undefined : JSON.stringify(body))
  const headers = content === undefined ? {} : { 'content-type': type }
  const response = await fetch(`${node.restUrl}${target}`, { method, body: content, headers })
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() }
}

const message = (fields: object = {}) => ({ payload: 'aGVsbG8=', contentTopic, ...fields })
const base64Error = { status: 400, text: 'Incorrect base64 string' }

const rows: readonly (readonly [string, string, Sent, object])[] = [
  ['POST', '/relay/v1/subscriptions', {}, { status: 400, text: '' }],
  ['POST', '/relay/v1/subscriptions', { body: [topic] }, { status: 200, text: 'OK', type: 'text/plain' }],
  ['POST', '/relay/v1/subscriptions', { body: [topic], type: 'text/plain' }, { status: 200, text: 'OK' }],
  [
    'POST',
    '/relay/v1/subscriptions',
    { body: [topic], type: 'text/html' },
    { status: 400, text: /^Wrong Content-Type/ },
  ],
  ['POST', '/relay/v1/subscriptions', { raw: '[' }, { status: 400, text: /^Invalid content body, could not decode/ }],
  [
    'POST',
    '/relay/v1/subscriptions',
    { body: ['nonsense'] },
    { status: 400, text: 'Invalid pubsub topic(s): @["nonsense"]' },
  ],
  ['DELETE', '/relay/v1/subscriptions', { body: ['/waku/2/rs/0/5'] }, { status: 200, text: 'OK' }],
  ['GET', `/relay/v1/messages/${at(topic)}`, {}, { status: 200, text: '[]', type: 'application/json' }],
  ['GET', `/relay/v1/messages/${at('/waku/2/rs/0/7')}`, {}, { status: 404, text: '' }],
  [
    'POST',
    `/relay/v1/messages/${at('/waku/2/rs/0/7')}`,
    { body: message() },
    { status: 400, text: 'Failed to publish: Node not subscribed to topic: /waku/2/rs/0/7' },
  ],
  ['POST', `/relay/v1/messages/${at(topic)}`, {}, { status: 400, text: '' }],
  ['POST', `/relay/v1/messages/${at(topic)}`, { body: message({ payload: 'a-b_' }) }, base64Error],
  [
    'POST',
    `/relay/v1/messages/${at(topic)}`,
    { body: message({ payload: '' }) },
    { status: 400, text: /Field `payload` is missing or empty/ },
  ],
  [
    'POST',
    `/relay/v1/messages/${at(topic)}`,
    { body: { payload: 'aGVsbG8=' } },
    { status: 400, text: /Field `contentTopic` is missing or empty/ },
  ],
  [
    'POST',
    `/relay/v1/messages/${at(topic)}`,
    { body: message({ extra: 1 }) },
    { status: 400, text: /unknown field "extra"/ },
  ],
  [
    'POST',
    `/relay/v1/messages/${at(topic)}`,
    { raw: '{"payload":"aGVsbG8=","payload":"aGVsbG8=","contentTopic":"/a/1/b/c"}' },
    { status: 400 },
  ],
  ['POST', `/relay/v1/messages/${at(topic)}`, { body: message({ timestamp: '1' }) }, { status: 400 }],
  [
    'POST',
    `/relay/v1/messages/${at(topic)}`,
    { body: message({ payload: Buffer.alloc(160_000).toString('base64') }) },
    { status: 400, text: 'Failed to publish: Message size exceeded maximum of 153600 bytes' },
  ],
  ['POST', '/relay/v1/auto/subscriptions', {}, { status: 400, text: 'Missing content body' }],
  [
    'POST',
    '/relay/v1/auto/subscriptions',
    { body: ['nonsense'] },
    {
      status: 500,
      text: /^Subscribe failed:Autosharding error: invalid format: content-topic 'nonsense' must start with slash/,
    },
  ],
  ['POST', '/relay/v1/auto/subscriptions', { body: [contentTopic] }, { status: 200, text: 'OK' }],
  ['GET', `/relay/v1/auto/messages/${at(contentTopic)}`, {}, { status: 200, text: '[]' }],
  ['GET', `/relay/v1/auto/messages/${at('/none/1/of/these')}`, {}, { status: 404, text: '/none/1/of/these' }],
  ['POST', '/relay/v1/auto/messages', {}, { status: 400, text: '' }],
  ['POST', '/relay/v1/auto/messages', { body: message({ payload: '?' }) }, { status: 400, text: '' }],
  [
    'POST',
    '/relay/v1/auto/messages',
    { body: message({ contentTopic: 'nonsense' }) },
    { status: 400, text: /^Failed to publish. Autosharding error/ },
  ],
  ['POST', '/lightpush/v3/message', { body: {} }, { status: 400, text: /^{"statusDesc":"Invalid push request! / }],
  [
    'POST',
    '/lightpush/v3/message',
    { body: { message: message({ payload: '?' }) } },
    { status: 400, text: '{"statusDesc":"Invalid message! Incorrect base64 string"}' },
  ],
  ['POST', '/lightpush/v3/message', { body: { pubsubTopic: '/waku/2/rs/0/7', message: message() } }, { status: 421 }],
  ['POST', '/lightpush/v1/message', { body: {} }, { status: 400 }],
  [
    'GET',
    '/store/v3/messages?includeData=maybe',
    {},
    { status: 400, text: 'include data parsing error: cannot interpret as a bool: maybe' },
  ],
  ['GET', '/store/v3/messages?startTime=soon', {}, { status: 400, text: 'time parsing error: invalid integer: soon' }],
  [
    'GET',
    '/store/v3/messages?pageSize=many',
    {},
    { status: 400, text: 'page size parsing error: invalid integer: many' },
  ],
  [
    'GET',
    '/store/v3/messages?hashes=0xabcd',
    {},
    { status: 400, text: 'waku message hash parsing error: invalid hash length: 2' },
  ],
  [
    'GET',
    `/store/v3/messages?cursor=${'ab'.repeat(32)}`,
    {},
    { status: 500, text: /^error in handleSelfStoreRequest: BAD_RESPONSE/ },
  ],
  ['GET', '/no/such/path', {}, { status: 404, text: '' }],
  ['PATCH', '/health', {}, { status: 404, text: '' }],
]

t.test('each path answers as nwaku does', async (t) => {
  for (const [method, target, sent, expected] of rows)
    t.match(await ask(method, target, sent), expected, `${method} ${target} ${JSON.stringify(sent).slice(0, 80)}`)
})

t.test('a published message is fetched once, by either of its topics, with every digit of its time', async (t) => {
  const timestamp = `${Date.now()}123457`
  const body = (payload: string) =>
    `{"payload":"${payload}","contentTopic":"${contentTopic}","timestamp":${timestamp},"version":2,"meta":"bWV0YQ=="}`
  const told = (payload: string) =>
    `[{"payload":"${payload}","contentTopic":"${contentTopic}","version":2,"timestamp":${timestamp},"meta":"bWV0YQ==","ephemeral":false,"proof":""}]`
  const shard = '/waku/2/rs/0/3'
  t.match(await ask('POST', `/relay/v1/messages/${at(shard)}`, { raw: body('b25l') }), { status: 200, text: 'OK' })
  t.equal((await ask('GET', `/relay/v1/messages/${at(shard)}`)).text, told('b25l'))
  t.equal((await ask('GET', `/relay/v1/auto/messages/${at(contentTopic)}`)).text, '[]')
  t.match(await ask('POST', '/relay/v1/auto/messages', { raw: body('dHdv') }), { status: 200, text: 'OK' })
  t.equal((await ask('GET', `/relay/v1/auto/messages/${at(contentTopic)}`)).text, told('dHdv'))
  const stored = await ask(
    'GET',
    `/store/v3/messages?includeData=true&contentTopics=${at(contentTopic)}&startTime=${timestamp}`,
  )
  t.match(stored.text, new RegExp(`"timestamp":${timestamp},"ephemeral":false}`))
  t.equal(JSON.parse(stored.text).messages.length, 2, 'both are in the store when their publishing is answered')
})

t.test('light push says how many peers have the message', async (t) => {
  const body = { pubsubTopic: topic, message: message() }
  let pushed = await ask('POST', '/lightpush/v3/message', { body })
  // Until the mesh stands nobody is there: 505, and the next heartbeat brings it.
  while (pushed.status === 505) pushed = await ask('POST', '/lightpush/v3/message', { body })
  t.match(pushed, { status: 200, text: '{"relayPeerCount":1}', type: 'application/json' })
  t.match(await ask('POST', '/lightpush/v1/message', { body }), { status: 200, text: 'OK' })
})

t.test('history comes in pages, both ways, with a cursor', async (t) => {
  const paged = '/paged/1/topic/proto'
  for (let index = 0; index < 5; index += 1) {
    const payload = Buffer.from([index]).toString('base64')
    const body = { payload, contentTopic: paged }
    t.equal((await ask('POST', `/relay/v1/messages/${at(topic)}`, { body })).status, 200)
  }
  for (const ascending of [true, false]) {
    const payloads: number[][] = []
    let cursor = ''
    do {
      const target = `/store/v3/messages?includeData=true&contentTopics=${at(paged)}&pageSize=2&ascending=${ascending}&cursor=${cursor}`
      const page = JSON.parse((await ask('GET', target)).text)
      payloads.push(
        page.messages.map((one: { message: { payload: string } }) => Buffer.from(one.message.payload, 'base64')[0]),
      )
      cursor = page.paginationCursor ?? ''
    } while (cursor !== '')
    t.same(payloads, ascending ? [[0, 1], [2, 3], [4]] : [[3, 4], [1, 2], [0]])
  }
  const presence = JSON.parse((await ask('GET', `/store/v3/messages?contentTopics=${at(paged)}`)).text)
  t.equal(presence.messages.length, 5)
  t.match(presence.messages[0], { messageHash: /^0x[0-9a-f]{64}$/, message: undefined })
})

t.test('a content topic of 10 KB, with any character in it, works in a path', async (t) => {
  const long = `/app/1/${'ü %+/'.replaceAll('/', '')}${'x'.repeat(10_000)}/proto`
  t.match(await ask('POST', '/relay/v1/auto/subscriptions', { body: [long] }), { status: 200 })
  t.match(await ask('GET', `/relay/v1/auto/messages/${at(long)}`), { status: 200, text: '[]' })
})

t.test('messages come as events to those who want them', async (t) => {
  const wanted = '/events/1/wanted/proto'
  const response = await fetch(`${node.restUrl}/relay/v1/events?contentTopics=${at(wanted)}`)
  t.match(response.headers.get('content-type'), 'text/event-stream')
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  for (const one of [contentTopic, wanted, wanted]) {
    const body = { payload: Buffer.from(one).toString('base64'), contentTopic: one }
    t.equal((await ask('POST', `/relay/v1/messages/${at(topic)}`, { body })).status, 200)
  }
  let received = ''
  while (received.split('event: message').length < 3) received += (await reader?.read())?.value ?? ''
  await reader?.cancel()
  const events = received.split('\n').filter((line) => line.startsWith('data: '))
  t.match(
    events.map((line) => JSON.parse(line.slice('data: '.length))),
    [
      { pubsubTopic: topic, messageHash: /^0x/, message: { contentTopic: wanted } },
      { pubsubTopic: topic, messageHash: /^0x/, message: { contentTopic: wanted } },
    ],
  )
})

t.test('admin tells who is there, and changes the level of the log', async (t) => {
  const peers = JSON.parse((await ask('GET', '/admin/v1/peers')).text)
  t.match(peers, [
    { multiaddr: new RegExp(`/p2p/${peer.peerId}$`), connected: 'Connected', origin: 'Static', agent: /^waypost/ },
  ])
  t.ok(peers[0].protocols.includes('/vac/waku/relay/2.0.0'))
  t.equal((await ask('GET', '/admin/v1/peers/connected')).text, JSON.stringify(peers))
  t.match(JSON.parse((await ask('GET', `/admin/v1/peer/${peer.peerId}`)).text), { connected: 'Connected' })
  t.match(await ask('GET', '/admin/v1/peer/nobody'), { status: 400, text: /^Invalid argument:peerid: incorrect/ })
  const stranger = '16Uiu2HAm4v86W3bmT1BiH6oSPzcsSr24iDQpSN5Qa992BCjjwgrD'
  t.match(await ask('GET', `/admin/v1/peer/${stranger}`), { status: 404, text: /^Peer with ID .* not found$/ })
  t.same(JSON.parse((await ask('GET', '/admin/v1/peers/service')).text), [
    {
      ...peers[0],
      protocols: [
        '/vac/waku/relay/2.0.0',
        '/vac/waku/store-query/3.0.0',
        '/vac/waku/lightpush/2.0.0-beta1',
        '/vac/waku/lightpush/3.0.0',
      ],
    },
  ])
  t.equal(
    (await ask('GET', '/admin/v1/peers/stats')).text,
    [
      '{"Sum":{"Total peers":1}',
      '"By Connectedness":{"Connected":1,"NotConnected":0,"CannotConnect":0,"CanConnect":0}',
      '"Relay peers":{"0":1,"3":1,"4":1,"Total relay peers":1}',
      '"Mesh peers":{"0":1,"3":1,"4":1,"Total mesh peers":1}',
      '"By Protocols":{"/vac/waku/relay/2.0.0":1,"/vac/waku/filter-subscribe/2.0.0-beta1":0',
      '"/vac/waku/filter-push/2.0.0-beta1":1,"/vac/waku/store-query/3.0.0":1,"/vac/waku/store/2.0.0-beta4":0',
      '"/vac/waku/lightpush/3.0.0":1,"/vac/waku/lightpush/2.0.0-beta1":1,"/vac/waku/peer-exchange/2.0.0-alpha1":0',
      '"/vac/waku/reconciliation/1.0.0":0}}',
    ].join(','),
  )
  t.match(JSON.parse((await ask('GET', '/admin/v1/peers/mesh')).text), [
    { shard: 0, peers: [{ score: Number }] },
    { shard: 3, peers: [{ score: Number }] },
  ])
  t.match(JSON.parse((await ask('GET', '/admin/v1/peers/relay/on/3')).text), { shard: 3, peers: [{}] })
  t.same(JSON.parse((await ask('GET', '/admin/v1/peers/relay/on/900')).text), { shard: 900, peers: [] })
  t.equal(JSON.parse((await ask('GET', '/admin/v1/peers/connected/on/3')).text).length, 1)
  t.match(await ask('GET', '/admin/v1/peers/mesh/on/x'), { status: 400, text: /^Invalid shardId/ })
  t.match(await ask('GET', '/admin/v1/filter/subscriptions'), { status: 200, text: '[]' })
  t.match(await ask('POST', '/admin/v1/peers', { body: [peer.addresses[0]] }), { status: 200, text: 'OK' })
  t.match(await ask('POST', '/admin/v1/peers', { body: {} }), { status: 400, text: /^Failed to decode request: / })
  t.match(await ask('POST', '/admin/v1/peers', { body: ['nonsense'] }), {
    status: 400,
    text: /^Couldn't parse remote peer info/,
  })
  t.match(await ask('POST', '/admin/v1/log-level/debug'), { status: 200, text: 'OK' })
  t.match(await ask('POST', '/admin/v1/log-level/loud'), {
    status: 400,
    text: /^Invalid log-level: loud\. Please specify one of/,
  })
})

t.test('without --rest-admin there is no admin', async (t) => {
  const response = await fetch(`${peer.restUrl}/admin/v1/peers`)
  t.equal(response.status, 404)
})
