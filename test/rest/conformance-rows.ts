/**
 * The REST API as scripts know it: for each route what is sent in which case, and what comes back. Rows run in their
 * order, against started nodes (`nodes` below), so one may build on those before it. The content type, and the shape of
 * JSON, are those that the route itself declares: a row says what is to be seen beyond that.
 */
import type { NodeName } from './conformance-nodes.ts'

export interface Row {
  /** What the case is; with the route it is the row's id. */
  readonly case: string
  /** The node that is asked; `full` unless given. */
  readonly on?: NodeName
  /** Parameters of the path, not encoded yet. */
  readonly params?: Readonly<Record<string, string>>
  /** The path as it is sent, where the usual encoding is not meant. */
  readonly target?: string
  readonly query?: Readonly<Record<string, string>> | string
  /** Sent as JSON. */
  readonly body?: unknown
  /** Sent as it is. */
  readonly raw?: string
  /** What may come back, in the words of HTTP. */
  readonly accept?: string
  /** The media type; JSON unless given, none when null. */
  readonly type?: string | null
  readonly status: number
  /** The body: all of it, or what it matches. */
  readonly text?: string | RegExp
  /** What its JSON matches. */
  readonly json?: object
}

/** By `METHOD path`, as in the route tables. `{{name}}` in a parameter, query or body stands for a fact of the nodes. */
export type Table = Readonly<Record<string, readonly Row[]>>

const topic = '/waku/2/rs/0/0'
const strangeTopic = '/waku/2/rs/0/7'
const contentTopic = '/toychat/2/huilong/proto'
const noneOfThese = '/none/1/of/these'
const stranger = '16Uiu2HAkykgaECHswi3YKJ5dMLbq2kPVCo89fcyTd38UcQD6ej5W'
const message = (fields: object = {}) => ({ payload: 'aGVsbG8=', contentTopic, ...fields })
const large = message({ payload: Buffer.alloc(160_000).toString('base64') })
const tooLarge = 'Message size exceeded maximum of 153600 bytes'
const subscription = { requestId: 'mine', contentFilters: [contentTopic] }
const noPeer = 'No suitable service peer & no discovery method'
const unknownHash = 'ab'.repeat(32)
const undecodable = /^Invalid content body, could not decode: Unable to deserialize data: /

const health: Table = {
  'GET /health': [
    {
      case: 'of a node that relays and stores',
      status: 200,
      json: {
        nodeHealth: 'READY',
        protocolsHealth: [
          { Relay: 'READY' },
          { 'Rln Relay': 'NOT_MOUNTED' },
          { Lightpush: 'READY' },
          { 'Legacy Lightpush': 'READY' },
          { Filter: 'READY' },
          { Store: 'READY' },
          { 'Legacy Store': 'READY' },
        ],
      },
    },
    {
      case: 'of a node that knows nobody',
      on: 'alone',
      status: 200,
      text: /"Legacy Store Client":"NOT_READY","desc":"No Legacy Store service peers are available yet, neither Store service set up for the node"/,
    },
  ],
  'GET /livez': [{ case: 'while it runs', status: 200, text: 'OK' }],
  'GET /readyz': [{ case: 'once it runs', status: 200, text: 'OK' }],
}

const page: Table = {
  'GET /': [
    { case: 'a browser', accept: 'text/html', status: 200, text: /^<!doctype html>/i },
    { case: 'a script', accept: '*/*', status: 404, text: '' },
  ],
  'GET /page/page.js': [{ case: 'its script', status: 200 }],
  'GET /page/page.css': [{ case: 'its style', status: 200 }],
  'GET /page/icon.svg': [{ case: 'its icon', status: 200, text: /^<svg/ }],
}

const debug: Table = {
  ...both(['/info', '/debug/v1/info'], {
    case: 'of a node that runs',
    status: 200,
    text: /^\{"listenAddresses":\["\/ip4\/.*\/p2p\/.*"\],"enrUri":"enr:-.*"\}$/,
  }),
  ...both(['/version', '/debug/v1/version'], { case: 'of a node that runs', status: 200, text: '1.2.3' }),
  'GET /metrics': [{ case: 'for Prometheus', status: 200, text: /^waku_version\{version="1\.2\.3"\} 1$/m }],
  'GET /waypost/v1/overview': [
    { case: 'the last hour', status: 200, json: { version: '1.2.3', health: { node: 'READY' } } },
    { case: 'another time', query: { range: '24h', since: '1' }, status: 200 },
    { case: 'a time that there is not', query: { range: '2h' }, status: 400, text: /^range is not one of/ },
  ],
  'GET /openapi.yaml': [{ case: 'the reference', status: 200, text: /^openapi: "3\.1\.0"\n/ }],
  'GET /openapi.json': [{ case: 'the reference', status: 200, json: { openapi: '3.1.0', info: { version: '1.2.3' } } }],
}

/** Routes that stand under two names. */
function both(paths: readonly string[], row: Row): Table {
  return Object.fromEntries(paths.map((path) => [`GET ${path}`, [row]]))
}

/** What every body that is to be a list of texts may be instead. */
const noList: readonly Row[] = [
  { case: 'text that is no JSON', raw: '[', status: 400, text: undecodable },
  { case: 'an object', body: {}, status: 400, text: /body is not an array$/ },
  { case: 'a list of numbers', body: [1], status: 400, text: /body\[0\] is not a string$/ },
  { case: 'null', raw: 'null', status: 400, text: undecodable },
  { case: 'another media type', body: [topic], type: 'text/html', status: 400, text: /^Wrong Content-Type, expected/ },
  { case: 'no media type', body: [topic], type: null, status: 400, text: 'Invalid content type' },
]

const relay: Table = {
  'POST /relay/v1/subscriptions': [
    { case: 'no body', status: 400, text: '' },
    ...noList,
    { case: 'a topic', body: [topic], status: 200, text: 'OK' },
    { case: 'the same again', body: [topic], status: 200, text: 'OK' },
    { case: 'no topic at all', body: [], status: 200, text: 'OK' },
    { case: 'JSON that says that it is text', body: [topic], type: 'text/plain', status: 200, text: 'OK' },
    { case: 'a charset', body: [topic], type: 'application/json; charset=utf-8', status: 200, text: 'OK' },
    {
      case: 'one that is none among others',
      body: [topic, 'nonsense', '/waku/2/rs/0/70000'],
      status: 400,
      text: 'Invalid pubsub topic(s): @["nonsense", "/waku/2/rs/0/70000"]',
    },
    { case: 'one of another network', body: ['/waku/2/rs/0/8'], status: 400, text: /^Subscribe failed:/ },
  ],
  'DELETE /relay/v1/subscriptions': [
    { case: 'no body', status: 400, text: '' },
    ...noList,
    { case: 'a topic that is none', body: ['x'], status: 400, text: 'Invalid pubsub topic(s): @["x"]' },
    { case: 'one that is not followed', body: ['/waku/2/rs/0/5'], status: 200, text: 'OK' },
  ],
  'GET /relay/v1/messages/{pubsubTopic}': [
    { case: 'nothing came', params: { pubsubTopic: topic }, status: 200, text: '[]' },
    { case: 'not subscribed', params: { pubsubTopic: strangeTopic }, status: 404, text: '' },
    { case: 'no topic', params: { pubsubTopic: 'nonsense' }, status: 404, text: '' },
    { case: 'no UTF-8', target: '/relay/v1/messages/%ff', status: 400, text: 'not percent-encoded UTF-8' },
    { case: 'not encoded', target: `/relay/v1/messages${topic}`, status: 404, text: '' },
    { case: 'a slash at the end', target: '/relay/v1/messages/x/', status: 404, text: '' },
  ],
  'POST /relay/v1/messages/{pubsubTopic}': [
    {
      case: 'a topic that is not followed, before the body is looked at',
      params: { pubsubTopic: strangeTopic },
      raw: '{',
      status: 400,
      text: `Failed to publish: Node not subscribed to topic: ${strangeTopic}`,
    },
    ...of({ pubsubTopic: topic }, [
      { case: 'no body', status: 400, text: '' },
      { case: 'base64url', body: message({ payload: 'a-b_' }), status: 400, text: 'Incorrect base64 string' },
      {
        case: 'base64 not padded',
        body: message({ payload: 'aGVsbG8' }),
        status: 400,
        text: 'Incorrect base64 string',
      },
      { case: 'bad base64 in meta', body: message({ meta: '?' }), status: 400, text: 'Incorrect base64 string' },
      { case: 'an empty payload', body: message({ payload: '' }), status: 400, text: /`payload` is missing or empty$/ },
      {
        case: 'no content topic',
        body: { payload: 'aGVsbG8=' },
        status: 400,
        text: /Field `contentTopic` is missing or empty$/,
      },
      { case: 'no payload', body: { contentTopic }, status: 400, text: /Field `payload` is missing or empty$/ },
      { case: 'an unknown field', body: message({ extra: 1 }), status: 400, text: /unknown field "extra"$/ },
      {
        case: 'a field twice',
        raw: '{"payload":"aGVsbG8=","payload":"aGVsbG8=","contentTopic":"/a/1/b/c"}',
        status: 400,
        text: /field "payload" comes twice/,
      },
      {
        case: 'a time in quotes',
        body: message({ timestamp: '1' }),
        status: 400,
        text: /timestamp is not an integer$/,
      },
      {
        case: 'half a nanosecond',
        body: message({ timestamp: 1.5 }),
        status: 400,
        text: /timestamp is not an integer$/,
      },
      {
        case: 'a time of more than 64 bits',
        raw: `{"payload":"aGVsbG8=","contentTopic":"${contentTopic}","timestamp":9223372036854775808}`,
        status: 400,
        text: /timestamp is not an integer of 64 bits$/,
      },
      { case: 'null for a field', body: message({ meta: null }), status: 400, text: undecodable },
      { case: 'too long a meta', body: message({ meta: Buffer.alloc(65).toString('base64') }), status: 400 },
      { case: 'too large', body: large, status: 400, text: `Failed to publish: ${tooLarge}` },
      { case: 'a message', body: message(), status: 200, text: 'OK' },
      {
        case: 'a message with everything',
        body: message({ version: 2, timestamp: 1, meta: 'bWV0YQ==', ephemeral: true, proof: 'cHJvb2Y=' }),
        status: 200,
        text: 'OK',
      },
    ]),
  ],
  'POST /relay/v1/auto/subscriptions': [
    { case: 'no body', status: 400, text: 'Missing content body' },
    ...noList,
    {
      case: 'no content topic',
      body: ['nonsense'],
      status: 500,
      text: /^Subscribe failed:Autosharding error: invalid format: content-topic 'nonsense' must start with slash/,
    },
    { case: 'content topics', body: [contentTopic, '/0/gen/1/erations/proto'], status: 200, text: 'OK' },
    { case: 'the same again', body: [contentTopic], status: 200, text: 'OK' },
  ],
  'DELETE /relay/v1/auto/subscriptions': [
    { case: 'no body', status: 400, text: 'Missing content body' },
    ...noList,
    { case: 'no content topic', body: ['nonsense'], status: 500, text: /^Unsubscribe failed:Autosharding error: / },
    { case: 'not subscribed', body: [noneOfThese], status: 200, text: 'OK' },
    { case: 'subscribed', body: ['/0/gen/1/erations/proto'], status: 200, text: 'OK' },
  ],
  'GET /relay/v1/auto/messages/{contentTopic}': [
    { case: 'what came', params: { contentTopic }, status: 200, text: /^\[/ },
    { case: 'nothing more', params: { contentTopic }, status: 200, text: '[]' },
    { case: 'not subscribed', params: { contentTopic: noneOfThese }, status: 404, text: noneOfThese },
    { case: 'no UTF-8', target: '/relay/v1/auto/messages/%c3%28', status: 400, text: 'not percent-encoded UTF-8' },
  ],
  'POST /relay/v1/auto/messages': [
    { case: 'no body', status: 400, text: '' },
    { case: 'no JSON', raw: '{"payload"', status: 400, text: undecodable },
    { case: 'base64 that is none has no text', body: message({ payload: '?' }), status: 400, text: '' },
    {
      case: 'no content topic',
      body: message({ contentTopic: 'nonsense' }),
      status: 400,
      text: /^Failed to publish. Autosharding error: invalid format/,
    },
    { case: 'too large', body: large, status: 400, text: `Failed to publish: ${tooLarge}` },
    { case: 'a message', body: message(), status: 200, text: 'OK' },
  ],
}

/** Rows that share the parameters of their path. */
function of(params: Readonly<Record<string, string>>, rows: readonly Row[]): readonly Row[] {
  return rows.map((row) => ({ params, ...row }))
}

const lightpush: Table = {
  'POST /lightpush/v1/message': [
    { case: 'no body', status: 400, text: 'Missing content body' },
    { case: 'no message', body: {}, status: 400, text: /Field `message` is missing$/ },
    {
      case: 'bad base64',
      body: { message: message({ payload: '?' }) },
      status: 400,
      text: 'Invalid message: Incorrect base64 string',
    },
    { case: 'a message', body: { pubsubTopic: topic, message: message() }, status: 200, text: 'OK' },
    { case: 'no topic, which is left to the node', body: { message: message() }, status: 200, text: 'OK' },
    { case: 'an empty topic', body: { pubsubTopic: '', message: message() }, status: 200, text: 'OK' },
    { case: 'by way of a service node', on: 'edge', body: { message: message() }, status: 200, text: 'OK' },
    { case: 'nobody to ask', on: 'alone', body: { message: message() }, status: 503, text: noPeer },
    {
      case: 'a service node that is not there',
      on: 'lost',
      body: { message: message() },
      status: 503,
      text: /^Failed to request a message push: Peer is not accessible: dial_failure - /,
    },
    { case: 'the first of an hour', on: 'throttled', body: { message: message() }, status: 503, text: /not_published/ },
    {
      case: 'the second of an hour',
      on: 'throttled',
      body: { message: message() },
      status: 429,
      text: 'Request rate limmit reached',
    },
  ],
  'POST /lightpush/v3/message': [
    { case: 'no body', status: 400, text: '{"statusDesc":"Invalid push request! Missing content body"}' },
    {
      case: 'no message',
      body: {},
      status: 400,
      text: /^{"statusDesc":"Invalid push request! .*`message` is missing"}$/,
    },
    {
      case: 'an unknown field',
      body: { message: message(), more: 1 },
      status: 400,
      text: /^{"statusDesc":"Invalid push request! /,
    },
    {
      case: 'bad base64',
      body: { message: message({ payload: '?' }) },
      status: 400,
      text: '{"statusDesc":"Invalid message! Incorrect base64 string"}',
    },
    { case: 'a message', body: { pubsubTopic: topic, message: message() }, status: 200, text: '{"relayPeerCount":1}' },
    {
      case: 'by way of a service node',
      on: 'edge',
      body: { message: message() },
      status: 200,
      text: '{"relayPeerCount":1}',
    },
    { case: 'too large', body: { message: large }, status: 413, text: JSON.stringify({ statusDesc: tooLarge }) },
    {
      case: 'too large for a service node',
      on: 'edge',
      body: { message: large },
      status: 413,
      text: /exceeded maximum/,
    },
    { case: 'a topic not followed', body: { pubsubTopic: strangeTopic, message: message() }, status: 421 },
    {
      case: 'a topic that the service node does not follow',
      on: 'edge',
      body: { pubsubTopic: '/waku/2/rs/9/9', message: message() },
      status: 421,
    },
    {
      case: 'no content topic',
      body: { message: message({ contentTopic: 'nonsense' }) },
      status: 500,
      text: /Invalid content-topic:/,
    },
    { case: 'nobody to ask', on: 'alone', body: { message: message() }, status: 503, json: { statusDesc: noPeer } },
    {
      case: 'a service node that is not there',
      on: 'lost',
      body: { message: message() },
      status: 505,
      text: /^{"statusDesc":"Peer is not accessible: dial_failure - /,
    },
    {
      case: 'one too many in an hour',
      on: 'throttled',
      body: { message: message() },
      status: 429,
      text: /too many requests/,
    },
  ],
}

/** How filter answers when it has nobody to ask, by each of its routes. */
const unserved = (sent: Partial<Row>): readonly Row[] => [
  {
    case: 'nobody to ask',
    on: 'alone',
    ...sent,
    status: 503,
    json: { statusDesc: `SERVICE_UNAVAILABLE: ${noPeer}` },
  },
  { case: 'a service node that is not there', on: 'lost', ...sent, status: 504, text: /PEER_DIAL_FAILURE: / },
]

const undecodableFilter = /^{"requestId":"unknown","statusDesc":"BAD_REQUEST: Failed to decode request/

/** What a body of filter may be instead. */
const noFilter = (body: object): readonly Row[] => [
  { case: 'no body', on: 'edge', status: 400, text: undecodableFilter },
  { case: 'no JSON', on: 'edge', raw: '{', status: 400, text: undecodableFilter },
  { case: 'no request id', on: 'edge', body: { ...body, requestId: undefined }, status: 400, text: undecodableFilter },
  { case: 'an unknown field', on: 'edge', body: { ...body, more: 1 }, status: 400, text: /unknown field/ },
  {
    case: 'JSON that says that it is text',
    on: 'edge',
    body,
    type: 'text/plain',
    status: 400,
    text: /Wrong Content-Type, expected application\/json"/,
  },
]

const badTopic = { ...subscription, contentFilters: ['nonsense'] }
const tooMany = { ...subscription, contentFilters: Array.from({ length: 101 }, (_, index) => `/app/1/t${index}/proto`) }

/** Subscribing and unsubscribing are judged alike. */
const subscribing: readonly Row[] = [
  ...noFilter(subscription),
  {
    case: 'no topics',
    on: 'edge',
    body: { ...subscription, contentFilters: [] },
    status: 400,
    text: undecodableFilter,
  },
  { case: 'a topic without a shard', on: 'edge', body: badTopic, status: 500, text: /can't get shard/ },
  {
    case: 'more topics than a service node takes',
    on: 'edge',
    body: { ...tooMany, pubsubTopic: topic },
    status: 400,
    text: /^{"requestId":"mine","statusDesc":"BAD_REQUEST: exceeds maximum content topics: 100"}$/,
  },
  ...unserved({ body: subscription }),
]
const done = '{"requestId":"mine","statusDesc":"OK"}'
const notFound = '{"requestId":"mine","statusDesc":"NOT_FOUND: peer has no subscriptions"}'

const filter: Table = {
  'GET /filter/v2/subscriptions/{requestId}': of({ requestId: 'mine' }, [
    { case: 'not subscribed', on: 'edge', status: 404, text: notFound },
    ...unserved({}),
    { case: 'the first of an hour', on: 'throttled', status: 404, text: notFound },
    { case: 'the second of an hour', on: 'throttled', status: 429, json: { requestId: 'mine' } },
    { case: 'no UTF-8', on: 'edge', target: '/filter/v2/subscriptions/%ff', status: 400 },
  ]),
  'POST /filter/v2/subscriptions': [
    ...subscribing,
    { case: 'a topic', on: 'edge', body: subscription, status: 200, text: done },
    {
      case: 'a topic on a shard that is named',
      on: 'edge',
      body: { ...subscription, pubsubTopic: '/waku/2/rs/0/1' },
      status: 200,
      text: done,
    },
    { case: 'one too many in an hour', on: 'throttled', body: subscription, status: 429 },
  ],
  'PUT /filter/v2/subscriptions': [
    ...subscribing,
    { case: 'the same topic', on: 'edge', body: subscription, status: 200, text: done },
    { case: 'one too many in an hour', on: 'throttled', body: subscription, status: 429 },
  ],
  'GET /filter/v2/messages/{contentTopic}': [
    { case: 'nothing came', on: 'edge', params: { contentTopic }, status: 200, text: '[]' },
    {
      case: 'not subscribed',
      on: 'edge',
      params: { contentTopic: noneOfThese },
      status: 400,
      text: `Not subscribed to topic: ${noneOfThese}`,
    },
    { case: 'no topic', on: 'edge', target: '/filter/v2/messages/', status: 400, text: 'Missing contentTopic' },
  ],
  'DELETE /filter/v2/subscriptions': [
    ...subscribing,
    { case: 'a topic', on: 'edge', body: subscription, status: 200, text: done },
    { case: 'the same again', on: 'edge', body: subscription, status: 404, text: notFound },
    { case: 'one too many in an hour', on: 'throttled', body: subscription, status: 429 },
  ],
  'DELETE /filter/v2/subscriptions/all': [
    ...noFilter({ requestId: 'mine' }),
    { case: 'subscribed', on: 'edge', body: { requestId: 'mine' }, status: 200, text: done },
    { case: 'not subscribed', on: 'edge', body: { requestId: 'mine' }, status: 404, text: notFound },
    ...unserved({ body: { requestId: 'mine' } }),
    { case: 'one too many in an hour', on: 'throttled', body: { requestId: 'mine' }, status: 429 },
  ],
}

const unknowing: Row = { case: 'nobody to ask', on: 'alone', status: 412, text: noPeer }

const v3: readonly Row[] = [
  {
    case: 'hashes only',
    status: 200,
    text: /^{"requestId":"","statusCode":200,"statusDesc":"OK","messages":\[{"messageHash":"0x[0-9a-f]{64}"}/,
  },
  ...['y', 'YES', 'true', '1', 'on'].map(
    (word): Row => ({ case: `with messages: ${word}`, query: { includeData: word }, status: 200, text: /"message":{/ }),
  ),
  ...['n', 'No', 'false', '0', 'off', ''].map(
    (word): Row => ({
      case: `without: "${word}"`,
      query: { includeData: word },
      status: 200,
      text: /(?<!"message":{.*)$/,
    }),
  ),
  {
    case: 'no boolean',
    query: { includeData: 'maybe', startTime: 'soon' },
    status: 400,
    text: 'include data parsing error: cannot interpret as a bool: maybe',
  },
  { case: 'no time', query: { startTime: 'soon' }, status: 400, text: 'time parsing error: invalid integer: soon' },
  { case: 'no end', query: { endTime: '1e9' }, status: 400, text: 'time parsing error: invalid integer: 1e9' },
  {
    case: 'a time of more than 64 bits',
    query: { endTime: '9223372036854775808' },
    status: 400,
    text: 'time parsing error: invalid integer: 9223372036854775808',
  },
  { case: 'times that count as absent', query: { startTime: '0', endTime: '-1' }, status: 200, text: /"messageHash"/ },
  { case: 'an end before the start', query: { startTime: '9', endTime: '8' }, status: 200, text: /"messages":\[\]}$/ },
  {
    case: 'no page size',
    query: { pageSize: 'many' },
    status: 400,
    text: 'page size parsing error: invalid integer: many',
  },
  { case: 'a negative page size', query: { pageSize: '-1' }, status: 400, text: /^page size parsing error/ },
  { case: 'a page size of 0 is the usual one', query: { pageSize: '0' }, status: 200, text: /"messageHash"/ },
  { case: 'too large a page is cut', query: { pageSize: '100000' }, status: 200, text: /"messageHash"/ },
  {
    case: 'short hashes',
    query: { hashes: '0xabcd' },
    status: 400,
    text: 'waku message hash parsing error: invalid hash length: 2',
  },
  {
    case: 'hashes that are none',
    query: { hashes: 'xyz' },
    status: 400,
    text: /^Exception converting hex string to bytes/,
  },
  {
    case: 'hashes not known',
    query: { hashes: `${unknownHash},0x${unknownHash}` },
    status: 200,
    text: /"messages":\[\]}$/,
  },
  { case: 'topics not known', query: { contentTopics: noneOfThese }, status: 200, text: /"messages":\[\]}$/ },
  { case: 'a pubsub topic', query: { pubsubTopic: topic }, status: 200, text: /"messageHash"/ },
  {
    case: 'topics given twice',
    query: 'contentTopics=%2Fa&contentTopics=%2Fb',
    status: 200,
    text: /"messages":\[\]}$/,
  },
  {
    case: 'too many topics',
    query: { contentTopics: Array.from({ length: 101 }, (_, index) => `/t/1/${index}/p`).join(',') },
    status: 400,
    text: /^too many content topics/,
  },
  {
    case: 'a cursor that the archive does not know',
    query: { cursor: unknownHash },
    status: 500,
    text: /^error in handleSelfStoreRequest: BAD_RESPONSE: archive error: /,
  },
  { case: 'a query that is not UTF-8', query: 'pubsubTopic=%ff', status: 400, text: 'not percent-encoded UTF-8' },
  {
    case: 'of another node',
    on: 'edge',
    status: 200,
    text: /^{"requestId":"\w{20}","statusCode":200,"statusDesc":"OK"/,
  },
  {
    case: 'of a node that is named',
    on: 'alone',
    query: { peerAddr: '{{service}}' },
    status: 200,
    text: /"messageHash"/,
  },
  {
    case: 'of an address that is none',
    on: 'edge',
    query: { peerAddr: 'nonsense' },
    status: 400,
    text: /^Failed parsing remote peer info: /,
  },
  {
    case: 'of an address without an id',
    query: { peerAddr: '/ip4/127.0.0.1/tcp/1' },
    status: 400,
    text: /^Failed parsing/,
  },
  {
    case: 'a cursor that the other node does not know',
    on: 'edge',
    query: { cursor: unknownHash },
    status: 200,
    text: /^{"requestId":"","statusCode":400,"statusDesc":"BAD_REQUEST: .*","messages":\[\]}$/,
  },
  {
    case: 'of a node that is not there',
    on: 'lost',
    status: 200,
    text: /"statusCode":504,"statusDesc":"PEER_DIAL_FAILURE: /,
  },
  { case: 'the first of an hour', on: 'throttled', status: 200, json: { statusCode: 200 } },
  { case: 'the second of an hour', on: 'throttled', status: 429, text: 'Request rate limit reached' },
]

const cursor = { pubsubTopic: topic, senderTime: '1', storeTime: '1', digest: 'AAAB' }

const v1: readonly Row[] = [
  {
    case: 'the first page',
    query: { pageSize: '1' },
    status: 200,
    text: /^{"messages":\[{"payload":.*"cursor":{"pubsubTopic":/,
  },
  { case: 'topics not known', query: { contentTopics: noneOfThese }, status: 200, text: '{"messages":[]}' },
  { case: 'no time', query: { startTime: 'soon' }, status: 400, text: 'Problem parsing time [invalid integer: soon]' },
  {
    case: 'no page size',
    query: { pageSize: 'x' },
    status: 400,
    text: 'Problem parsing page size [invalid integer: x]',
  },
  { case: 'a digest that is none', query: { ...cursor, digest: '-_' }, status: 400, text: 'Incorrect base64 string' },
  {
    case: 'a cursor of nothing',
    query: { ...cursor, digest: 'AAAA' },
    status: 500,
    text: /BAD_REQUEST: empty digest$/,
  },
  {
    case: 'a cursor without a time',
    query: { ...cursor, senderTime: '0' },
    status: 500,
    text: /BAD_REQUEST: invalid senderTime$/,
  },
  { case: 'a cursor of a message that is gone', query: cursor, status: 200, text: /"messages":\[{/ },
  {
    case: 'three parts of a cursor count as none',
    query: { ...cursor, digest: '' },
    status: 200,
    text: /"messages":\[{/,
  },
  { case: 'of another node', on: 'edge', query: { pageSize: '1' }, status: 200, text: /"cursor":{/ },
  {
    case: 'of a node with version 3 only',
    on: 'lost',
    query: { peerAddr: '{{modern}}' },
    status: 200,
    text: /^{"messages":\[/,
  },
  {
    case: 'of an address that is none',
    query: { peerAddr: 'x' },
    status: 400,
    text: /^Failed parsing remote peer info: /,
  },
  {
    case: 'a cursor that the other node refuses',
    on: 'edge',
    query: { ...cursor, digest: 'AAAA' },
    status: 500,
    text: 'Error occurred in queryFut.read() [legacy store client query error: BAD_REQUEST: invalid cursor]',
  },
  {
    case: 'of a node that is not there',
    on: 'lost',
    status: 500,
    text: /client query error: PEER_DIAL_FAILURE: .*\]$/,
  },
  {
    case: 'an empty address, which is not our own archive',
    query: { peerAddr: '' },
    status: 200,
    text: /^{"messages":\[/,
  },
  { case: 'the first of an hour', on: 'throttled', status: 200, text: /^{"messages":\[/ },
  { case: 'the second of an hour', on: 'throttled', status: 500, text: /client query error: TOO_MANY_REQUESTS\]$/ },
]

/** Whoever has asked a node knows it from then on: those who know nobody come first. */
const store: Table = {
  'GET /store/v1/messages': [unknowing, ...v1],
  'GET /store/v3/messages': [unknowing, ...v3],
}

const peerForm =
  /^\[{"multiaddr":"\/ip4\/.*\/p2p\/.*","protocols":\[.*\],"shards":\[.*\],"connected":"Connected","agent":"waypost.*","origin":"/

/** Peers by shard, in the mesh or out of it. */
const onShards = (kind: string): Table => ({
  [`GET /admin/v1/peers/${kind}`]: [
    { case: 'of a node that relays', status: 200, text: /^\[{"shard":0,"peers":\[{"multiaddr":.*"score":/ },
    {
      case: 'of one that does not',
      on: 'alone',
      status: 503,
      text: 'Error: Relay Protocol is not mounted to the node',
    },
  ],
  [`GET /admin/v1/peers/${kind}/on/{shardId}`]: [
    { case: 'a shard', params: { shardId: '3' }, status: 200, text: /^{"shard":3,"peers":\[{/ },
    { case: 'one that is not followed', params: { shardId: '900' }, status: 200, text: '{"shard":900,"peers":[]}' },
    ...noShards,
    {
      case: 'of a node that does not relay',
      on: 'alone',
      params: { shardId: '3' },
      status: 503,
      text: 'Error: Relay Protocol is not mounted to the node',
    },
  ],
})

const noShards: readonly Row[] = ['x', '65536', '-1', '1.5', ''].map((shardId) => ({
  case: `no shard: "${shardId}"`,
  params: { shardId },
  status: 400,
  text: /^Invalid shardId: /,
}))

const admin: Table = {
  'GET /admin/v1/peers': [{ case: 'all that are known', status: 200, text: peerForm }],
  'POST /admin/v1/peers': [
    { case: 'no body', status: 400, text: 'Failed to decode request: Missing content body' },
    { case: 'no list', body: {}, status: 400, text: /^Failed to decode request: Invalid content body/ },
    { case: 'no address', body: ['x'], status: 400, text: /^Couldn't parse remote peer info: / },
    { case: 'an address without an id', body: ['/ip4/127.0.0.1/tcp/1'], status: 400, text: /^Couldn't parse/ },
    { case: 'a peer that is there', body: ['{{modern}}'], status: 200, text: 'OK' },
    {
      case: 'one that is not, after one that is',
      body: ['{{modern}}', '{{unreachable}}'],
      status: 400,
      text: /^Failed to connect to peer at index: 1 - \/ip4\/127\.0\.0\.1\/tcp\/1\/p2p\//,
    },
    { case: 'itself', body: ['{{service}}'], status: 400, text: /^Failed to connect to peer at index: 0 - / },
  ],
  'GET /admin/v1/peer/{peerId}': [
    { case: 'one that is known', params: { peerId: '{{modernId}}' }, status: 200, json: { connected: 'Connected' } },
    {
      case: 'one that is not',
      params: { peerId: stranger },
      status: 404,
      text: `Peer with ID ok(${stranger}) not found`,
    },
    { case: 'no id', params: { peerId: 'me' }, status: 400, text: 'Invalid argument:peerid: incorrect PeerId string' },
  ],
  'GET /admin/v1/peers/service': [
    {
      case: 'who serves what',
      status: 200,
      text: /"protocols":\["\/vac\/waku\/relay\/2\.0\.0","\/vac\/waku\/store-query\/3\.0\.0"[,\]]/,
    },
  ],
  'GET /admin/v1/peers/stats': [
    {
      case: 'of a node that relays',
      status: 200,
      text: /^{"Sum":{"Total peers":\d+},"By Connectedness":{"Connected":\d+,"NotConnected":\d+,"CannotConnect":0,"CanConnect":0},"Relay peers":{"0":1,"3":1,.*"Total relay peers":1},"Mesh peers":{.*"Total mesh peers":1},"By Protocols":{"\/vac\/waku\/relay\/2.0.0":1,.*"\/vac\/waku\/reconciliation\/1.0.0":0}}$/,
    },
    { case: 'of one that does not', on: 'alone', status: 200, text: /"Relay peers":{"Total relay peers":0}/ },
  ],
  'GET /admin/v1/peers/decisions': [{ case: 'none yet, or some', status: 200, text: /^\[.*\]$/ }],
  'GET /admin/v1/peers/connected': [{ case: 'those that are', status: 200, text: peerForm }],
  'GET /admin/v1/peers/connected/on/{shardId}': [
    { case: 'a shard', params: { shardId: '3' }, status: 200, text: peerForm },
    { case: 'one that nobody follows', params: { shardId: '900' }, status: 200, text: '[]' },
    ...noShards,
  ],
  ...onShards('relay'),
  ...onShards('mesh'),
  'GET /admin/v1/filter/subscriptions': [
    { case: 'filter is served', status: 200, text: /^\[/ },
    {
      case: 'it is not',
      on: 'alone',
      status: 400,
      text: 'Error: Filter Protocol is not mounted to the node',
    },
  ],
  'POST /admin/v1/log-level/{logLevel}': [
    ...['TRACE', 'debug', 'Info', 'NOTICE', 'WARN', 'ERROR', 'FATAL'].map(
      (logLevel): Row => ({ case: logLevel, params: { logLevel }, status: 200, text: 'OK' }),
    ),
    {
      case: 'no level',
      params: { logLevel: 'loud' },
      status: 400,
      text: 'Invalid log-level: loud. Please specify one of TRACE, DEBUG, INFO, NOTICE, WARN, ERROR or FATAL',
    },
    { case: 'none', params: { logLevel: '' }, status: 400, text: 'Invalid log-level, it can’t be empty' },
  ],
}

const bytes = 'application/octet-stream'

const operations: Table = {
  'POST /admin/v1/reload': [{ case: 'of a node that another program started', status: 501, text: /does not know/ }],
  'GET /admin/v1/store/stats': [{ case: 'of a node that stores', status: 200, json: { state: 'ready' } }],
  'GET /admin/v1/store/export': [
    { case: 'everything', status: 200, text: /toychat/ },
    { case: 'no time', query: { startTime: 'soon' }, status: 400, text: 'not a time in nanoseconds: soon' },
    { case: 'no place', query: { after: '1:2' }, status: 400, text: /^after is not a timestamp/ },
  ],
  'POST /admin/v1/store/import': [
    { case: 'no body', type: bytes, status: 400, text: 'Missing content body' },
    { case: 'no export', raw: 'x', type: bytes, status: 400 },
    { case: 'too large', raw: 'x'.repeat(2 * 1024 * 1024 + 1), type: bytes, status: 413, text: '' },
  ],
}

export const table: Table = {
  ...health,
  ...page,
  ...debug,
  ...relay,
  ...lightpush,
  ...filter,
  ...store,
  ...admin,
  ...operations,
}

/** Answers that no row asks for, each with the reason and the test that has it. */
export const elsewhere: Readonly<Record<string, string>> = {
  'GET /filter/v2/subscriptions/{requestId} 200': 'only who has subscribed: service-nodes.test.ts',
  'GET /page/page.js 404': 'the page is switched off: page/route.test.ts',
  'GET /page/page.css 404': 'the page is switched off: page/route.test.ts',
  'GET /page/icon.svg 404': 'the page is switched off: page/route.test.ts',
  'GET /readyz 503': 'a node is not ready only for a moment: server.test.ts',
  'GET /relay/v1/events 200': 'a stream: conformance.test.ts reads it',
  'GET /relay/v1/events 503': 'a hundred readers: event-streams.test.ts',
  'POST /lightpush/v3/message 504': 'a service node whose RLN fails, which no node of ours is: refusals.test.ts',
  'GET /store/v3/messages 503': 'an archive that cannot be read: refusals.test.ts',
  'GET /store/v1/messages 503': 'an archive that cannot be read: refusals.test.ts',
  'GET /filter/v2/subscriptions/{requestId} 500': 'a service node that answers nonsense: refusals.test.ts',
  'POST /admin/v1/reload 200': 'a node started from a command line: cli/reload.test.ts',
  'POST /admin/v1/reload 400': 'a node started from a command line: cli/reload.test.ts',
  'POST /admin/v1/store/import 200': 'an export is needed: store-admin.test.ts',
  'POST /admin/v1/store/import 503': 'an archive that cannot be written: refusals.test.ts',
  'GET /admin/v1/store/stats 503': 'an archive that cannot be read: refusals.test.ts',
  'GET /admin/v1/store/export 503': 'several exports at once: store-admin.test.ts',
  'DELETE /filter/v2/subscriptions/all 500': 'a service node that answers nonsense: refusals.test.ts',
  'POST /filter/v2/subscriptions 404': 'only who unsubscribes or pings has no subscription: refusals.test.ts',
  'PUT /filter/v2/subscriptions 404': 'only who unsubscribes or pings has no subscription: refusals.test.ts',
}
