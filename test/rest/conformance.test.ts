/** The REST API as scripts know it: every row of the table, and what takes more than one question to see. */
import t from 'tap'
import { groups } from '../../src/rest/routes/groups.ts'
import { ask as askNode, askUntil, type Sent, type Told } from '../kit/rest.ts'
import { type Mounted, mountedIn, undeclared } from '../kit/rest-answers.ts'
import { conformanceNodes, factsOf } from './conformance-nodes.ts'
import { elsewhere, type Row, table } from './conformance-rows.ts'

const topic = '/waku/2/rs/0/0'
const contentTopic = '/toychat/2/huilong/proto'
const at = encodeURIComponent

const nodes = await conformanceNodes(t)
const facts = factsOf(nodes)
const mounted = new Map(mountedIn(groups).map((one) => [one.name, one]))
const ask = (method: string, target: string, sent?: Sent) => askNode(nodes.full, method, target, sent)
const message = (fields: object = {}) => ({ payload: 'aGVsbG8=', contentTopic, ...fields })

/** A text of a row, with the facts of the nodes. */
function filled(text: string): string {
  return text.replace(/\{\{(\w+)\}\}/g, (_, name: string) => facts[name] ?? '')
}

function targetOf({ path }: Mounted['route'], { target, params = {}, query = {} }: Row): string {
  if (target !== undefined) return target
  const encoded = path.replace(/\{(\w+)\}/g, (_, name: string) => at(filled(params[name] ?? '')))
  const pairs =
    typeof query === 'string'
      ? query
      : Object.entries(query)
          .map(([name, value]) => `${name}=${at(filled(value))}`)
          .join('&')
  return pairs === '' ? encoded : `${encoded}?${pairs}`
}

function sentBy({ body, raw, type, accept }: Row): Sent {
  return {
    accept,
    raw: raw ?? (body === undefined ? undefined : filled(JSON.stringify(body))),
    type,
  }
}

/** What is wrong with the answer to a row, beyond what `t.match` says. */
function judge(one: Mounted, { target }: Row, told: Told): string | undefined {
  // A target that is no path of the route has no answer of the route.
  return target !== undefined && told.status === 404 ? undefined : undeclared(one, told)
}

t.test('the shards have peers', async (t) => {
  const told = await askUntil(
    ({ text }) => JSON.parse(text).every(({ peers }: { peers: unknown[] }) => peers.length > 0),
    () => ask('GET', '/admin/v1/peers/mesh'),
  )
  t.equal(told.status, 200)
})

for (const [name, rows] of Object.entries(table)) {
  t.test(`${name} answers each case as nwaku does, in a form that it declares`, async (t) => {
    const one = mounted.get(name)
    if (one === undefined) return t.fail('there is no such route')
    for (const row of rows) {
      const told = await askNode(nodes[row.on ?? 'full'], one.route.method, targetOf(one.route, row), sentBy(row))
      const { case: id, status, text } = row
      t.match(told, text === undefined ? { status } : { status, text }, id)
      if (typeof text === 'string') t.equal(told.text, text, id)
      if (row.json !== undefined) t.match(JSON.parse(told.text), row.json, id)
      t.equal(judge(one, row, told), undefined, id)
    }
  })
}

t.test('every answer that a route declares has a row, or is told of elsewhere with the reason', async (t) => {
  const declared = [...mounted.values()].flatMap(({ name, route }) =>
    Object.keys(route.answers).map((status) => `${name} ${status}`),
  )
  const asked = new Set(Object.entries(table).flatMap(([name, rows]) => rows.map(({ status }) => `${name} ${status}`)))
  t.same(
    declared.filter((one) => !asked.has(one) && elsewhere[one] === undefined),
    [],
    'answers without a row',
  )
  t.same(
    Object.keys(elsewhere).filter((one) => asked.has(one) || !declared.includes(one)),
    [],
    'exceptions without need',
  )
})

t.test('the cases of a route have names of their own', async (t) => {
  for (const [name, rows] of Object.entries(table)) {
    const cases = rows.map(({ case: id, on = 'full' }) => `${on}: ${id}`)
    t.equal(new Set(cases).size, cases.length, name)
  }
})

t.test('what is no path, or no method of a path, is 404 without a body', async (t) => {
  for (const [method, target] of [
    ['GET', '/no/such/path'],
    ['PATCH', '/health'],
    ['POST', '/health'],
    ['GET', '/relay/v1/subscriptions'],
    ['GET', '/health/'],
    ['GET', '/..%2fhealth'],
    ['GET', '/health%2f'],
  ] as const)
    t.match(await ask(method, target), { status: 404, text: '' }, `${method} ${target}`)
})

t.test('a published message is fetched once, by either of its topics, with every digit of its time', async (t) => {
  const timestamp = `${Date.now()}123457`
  const body = (payload: string) =>
    `{"payload":"${payload}","contentTopic":"${contentTopic}","timestamp":${timestamp},"version":2,"meta":"bWV0YQ=="}`
  const told = (payload: string) =>
    `[{"payload":"${payload}","contentTopic":"${contentTopic}","version":2,"timestamp":${timestamp},"meta":"bWV0YQ==","ephemeral":false,"proof":""}]`
  const shard = '/waku/2/rs/0/3'
  await ask('GET', `/relay/v1/auto/messages/${at(contentTopic)}`)
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
  const response = await fetch(`${nodes.full.restUrl}/relay/v1/events?contentTopics=${at(wanted)}`)
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
