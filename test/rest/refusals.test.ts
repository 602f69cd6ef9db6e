/** Answers that a running node gives only when something is wrong: with who asks, or with what it needs itself. */
import { request } from 'node:http'
import { text as textOf } from 'node:stream/consumers'
import t from 'tap'
import { WaypostError } from '../../src/core/errors.ts'
import { View } from '../../src/node/view.ts'
import { MessageCache } from '../../src/rest/message-cache.ts'
import { refusals, refusalsOf } from '../../src/rest/refusals.ts'
import { groups } from '../../src/rest/routes/groups.ts'
import { openRest, type RestOptions } from '../../src/rest/server.ts'
import type { NodeView, Services } from '../../src/rest/view.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import type { Told } from '../kit/rest.ts'
import { type Mounted, mountedIn, undeclared } from '../kit/rest-answers.ts'

const token = 'a-token-of-this-test'
const origin = 'https://app.example.org'
const options: RestOptions = {
  address: '127.0.0.1',
  port: 0,
  access: { mode: 'token', token, isNear: () => true },
  origins: [origin],
  maxBodyBytes: 1024,
}
const mounted = mountedIn(groups)

interface Asked {
  readonly headers?: Readonly<Record<string, string | string[]>>
  readonly body?: string
}

/** By node's own client: a browser's one sets origins itself. */
function ask(url: string, method: string, target: string, { headers = {}, body }: Asked): Promise<Told> {
  return new Promise((resolve, reject) => {
    // To a DELETE it gives no length by itself.
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
    request(`${url}${target}`, { method, headers: { ...headers, ...length }, agent: false }, async (response) => {
      const { statusCode: status = 0, headers: told } = response
      resolve({ status, type: told['content-type'] ?? null, text: await textOf(response) })
    })
      .on('error', reject)
      .end(body)
  })
}

const authorization = `Bearer ${token}`

/** What provokes each refusal on any route that it concerns, and what is said. */
const provocations: Readonly<Record<keyof typeof refusals, Asked & { readonly text: string | RegExp }>> = {
  badRequest: {
    headers: { authorization, origin: [origin, 'https://other.example.org'] },
    text: 'Only a single Origin header must be specified',
  },
  noToken: { text: /^This needs the token of the node/ },
  otherOrigin: { headers: { authorization, origin: 'https://other.example.org' }, text: 'Origin not allowed' },
  absent: { headers: { authorization }, text: / endpoints are not available while initializing\.$/ },
  tooLarge: {
    headers: { authorization, 'content-type': 'application/json' },
    body: `"${'x'.repeat(options.maxBodyBytes)}"`,
    text: '',
  },
  badMediaType: { headers: { authorization, 'content-type': 'x' }, body: '{}', text: '' },
}

function pathOf({ route }: Mounted): string {
  return route.path.replace(/\{\w+\}/g, 'x')
}

t.test('every route refuses what it says that it refuses', async (t) => {
  await using server = await openRest(new View('1.2.3', createMetrics()), silentLog(), options)
  for (const one of mounted) {
    for (const name of refusalsOf(one.group, one.route)) {
      const { text, ...asked } = provocations[name]
      const told = await ask(server.url, one.route.method, pathOf(one), asked)
      t.match(told, { status: refusals[name].status, text }, `${one.name}: ${name}`)
      t.equal(undeclared(one, told), undefined, `${one.name}: ${name}`)
    }
  }
})

function fails(error: WaypostError): () => Promise<never> {
  return () => Promise.reject(error)
}

/** A node whose services fail in the given way. */
function viewOf(services: Services): NodeView {
  return {
    version: '1.2.3',
    health: () => ({ node: 'READY', protocols: [] }),
    ready: () => true,
    info: () => ({ listenAddresses: [], enrUri: '' }),
    metrics: async () => ({ contentType: 'text/plain', text: '' }),
    services: () => services,
  }
}

function withStore(error: WaypostError): Services {
  const history = { query: fails(error) }
  return { store: { own: history, ask: history.query, legacy: { own: history, ask: history.query } } }
}

function withStoreAdmin(error: WaypostError): Services {
  return { storeAdmin: { stats: fails(error), import: fails(error), export: () => undefined } }
}

function withFilter(error: WaypostError): Services {
  const act = fails(error)
  const cache = new MessageCache(1)
  const sharding = { cluster: 0, shardCount: 8 }
  return { filter: { sharding, cache, subscribe: act, unsubscribe: act, unsubscribeAll: act, ping: act } }
}

const unavailable = new WaypostError('archive/unavailable', { why: 'its disk failed: /secret/path' })
const nonsense = new WaypostError('client/bad-answer', { protocol: 'filter', why: 'it belongs to another request' })
const late = new WaypostError('wire/timed-out', { protocol: 'x', limit: 5000 })
const subscriptions = '/filter/v2/subscriptions'
const subscription = JSON.stringify({ requestId: 'mine', contentFilters: ['/toychat/2/huilong/proto'] })
const all = JSON.stringify({ requestId: 'mine' })
const push = JSON.stringify({ message: { payload: 'aGVsbG8=', contentTopic: '/toychat/2/huilong/proto' } })

function refused(status: number, reason = 'as it says'): WaypostError {
  return new WaypostError('client/refused', { protocol: 'x', status, reason })
}

function withPush(outcome: WaypostError | { status: number; reason: string }): Services {
  return {
    lightpush: {
      publish: outcome instanceof WaypostError ? fails(outcome) : async () => ({ outcome: 'answered', ...outcome }),
    },
  }
}

const rows: readonly [string, string, Services, string | undefined, number, string | RegExp][] = [
  ['GET', '/store/v3/messages', withStore(unavailable), undefined, 503, /SERVICE_UNAVAILABLE$/],
  ['GET', '/store/v1/messages', withStore(unavailable), undefined, 503, /SERVICE_UNAVAILABLE$/],
  ['GET', '/store/v3/messages?peerAddr=x', withStore(late), undefined, 500, 'No history response received (timeout)'],
  ['GET', '/store/v1/messages?peerAddr=x', withStore(late), undefined, 500, 'No history response received (timeout)'],
  ['GET', '/store/v3/messages?peerAddr=x', withStore(nonsense), undefined, 200, /"statusCode":300,"statusDesc":"BAD_R/],
  ['GET', '/store/v1/messages?peerAddr=x', withStore(nonsense), undefined, 500, /client query error: BAD_RESPONSE: /],
  ['GET', '/admin/v1/store/stats', withStoreAdmin(unavailable), undefined, 503, /./],
  ['POST', '/admin/v1/store/import', withStoreAdmin(unavailable), 'x', 503, /./],
  ['GET', `${subscriptions}/mine`, withFilter(nonsense), undefined, 500, /BAD_RESPONSE/],
  ['GET', `${subscriptions}/mine`, withFilter(late), undefined, 503, /SERVICE_UNAVAILABLE: Ping timed out/],
  ['DELETE', `${subscriptions}/all`, withFilter(nonsense), all, 500, /BAD_RESPONSE/],
  ['DELETE', `${subscriptions}/all`, withFilter(late), all, 503, /Failed to unsubscribe from all contentFilters due/],
  ['DELETE', subscriptions, withFilter(late), subscription, 503, /Failed to unsubscribe from contentFilters due to/],
  ['POST', subscriptions, withFilter(late), subscription, 503, /SERVICE_UNAVAILABLE: Subscription request timed out/],
  [
    'POST',
    subscriptions,
    withFilter(refused(404)),
    subscription,
    404,
    '{"requestId":"mine","statusDesc":"as it says"}',
  ],
  ['PUT', subscriptions, withFilter(refused(404)), subscription, 404, '{"requestId":"mine","statusDesc":"as it says"}'],
  [
    'POST',
    subscriptions,
    withFilter(refused(418)),
    subscription,
    500,
    '{"requestId":"mine","statusDesc":"as it says"}',
  ],
  ['POST', '/lightpush/v3/message', withPush(late), push, 503, '{"statusDesc":"Push request timed out"}'],
  ['POST', '/lightpush/v1/message', withPush(late), push, 503, 'Push request timed out'],
  [
    'POST',
    '/lightpush/v3/message',
    withPush({ status: 504, reason: 'no proof' }),
    push,
    504,
    '{"statusDesc":"no proof"}',
  ],
  ['POST', '/lightpush/v3/message', withPush({ status: 420, reason: 'bad' }), push, 500, '{"statusDesc":"bad"}'],
  ['POST', '/lightpush/v3/message', withPush(nonsense), push, 500, '{"statusDesc":"decode_rpc_failure"}'],
]

t.test('each failure of a service has the status and the words of nwaku', async (t) => {
  for (const [method, target, services, body, status, text] of rows) {
    const near: RestOptions = { ...options, access: { ...options.access, mode: 'auto' } }
    await using server = await openRest(viewOf(services), silentLog(), near)
    const told = await ask(server.url, method, target, { body, headers: { 'content-type': 'application/json' } })
    const path = target.split('?')[0]?.replace('/mine', '/{requestId}')
    const one = mounted.find(({ name }) => name === `${method} ${path}`)
    t.match(told, { status, text }, `${method} ${target}`)
    t.equal(one === undefined ? 'no such route' : undeclared(one, told), undefined, `${method} ${target}`)
    if (!target.startsWith('/admin')) t.notMatch(told.text, /secret/, 'what failed inside is for the operator')
  }
})

t.test('an answer that is not declared is found', async (t) => {
  const one = mounted.find(({ name }) => name === 'GET /info')
  if (one === undefined) return t.fail('no such route')
  const good: Told = { status: 200, type: 'application/json', text: '{"listenAddresses":[],"enrUri":""}' }
  t.equal(undeclared(one, good), undefined)
  t.match(undeclared(one, { ...good, status: 503 }), /status 503 is not declared/)
  t.match(undeclared(one, { ...good, type: 'text/html' }), /status 200 as text\/html/)
  t.match(undeclared(one, { ...good, text: '{"listenAddresses":[],"enrUri":"","more":1}' }), /unknown field/)
  t.match(undeclared(one, { ...good, text: '{"listenAddresses":[]}' }), /`enrUri` is missing/)
})
