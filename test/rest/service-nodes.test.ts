/** REST of a node that does nothing itself: it asks service nodes for history, pushes and subscriptions. */
import path from 'node:path'
import t from 'tap'
import type { WaypostNode } from '../../src/node/node.ts'
import { ask, askUntil, startedNode } from '../kit/rest.ts'

const at = encodeURIComponent
const contentTopic = '/toychat/2/huilong/proto'
const timestamp = () => `${Date.now()}123457`

const folder = t.testdir()
const network = ['--num-shards-in-network=8']
const start = (name: string, flags: readonly string[]) =>
  startedNode(t, path.join(folder, name), [...network, ...flags])

const service = await start('service', ['--relay', '--store', '--legacy-store', '--filter', '--lightpush'])
const [address = ''] = service.addresses
const edge = await start('edge', [
  '--relay=false',
  `--storenode=${address}`,
  `--filternode=${address}`,
  `--lightpushnode=${address}`,
])
/** It relays with the one before, and serves history by version 3 only. */
const modern = await start('modern', ['--relay', '--store', `--staticnode=${address}`])
const alone = await start('alone', ['--relay=false'])
const message = (fields: object = {}) => ({ payload: 'aGVsbG8=', contentTopic, ...fields })

const subscription = { requestId: 'mine', contentFilters: [contentTopic] }

t.test('health says which service nodes there are', async (t) => {
  const stateOf = async (node: WaypostNode, name: string) =>
    JSON.parse((await ask(node, 'GET', '/health')).text).protocolsHealth.find((entry: object) => name in entry)
  for (const name of ['Lightpush Client', 'Store Client', 'Legacy Store Client', 'Filter Client']) {
    t.match(await stateOf(edge, name), { [name]: 'READY' })
    t.match(await stateOf(alone, name), { [name]: 'NOT_READY', desc: /service peers? (are )?available yet/ })
  }
  t.match(await stateOf(service, 'Legacy Store'), { 'Legacy Store': 'READY' })
  t.match(await stateOf(modern, 'Legacy Store'), { 'Legacy Store': 'NOT_MOUNTED' })
})

/** Pushes until the service node has a relay peer in its mesh. */
function pushed(body: object) {
  return askUntil(
    ({ status }) => status !== 505,
    () => ask(edge, 'POST', '/lightpush/v3/message', { body }),
  )
}

t.test('what is pushed by one service node is subscribed to and stored, to the last digit of its time', async (t) => {
  t.match(await ask(edge, 'POST', '/filter/v2/subscriptions', { body: subscription }), {
    status: 200,
    text: '{"requestId":"mine","statusDesc":"OK"}',
  })
  t.match(await ask(edge, 'PUT', '/filter/v2/subscriptions', { body: subscription }), { status: 200 })
  t.match(await ask(edge, 'GET', '/filter/v2/subscriptions/mine'), { status: 200 })
  t.equal((await ask(edge, 'GET', `/filter/v2/messages/${at(contentTopic)}`)).text, '[]')
  const { status, text } = await pushed({ message: message({ payload: 'AA==' }) })
  t.match({ status, text }, { status: 200, text: '{"relayPeerCount":1}' })
  t.match(await ask(edge, 'POST', '/lightpush/v1/message', { body: { message: message() } }), {
    status: 200,
    text: 'OK',
  })
  const time = timestamp()
  const raw = `{"message":{"payload":"b25l","contentTopic":"${contentTopic}","timestamp":${time}}}`
  t.match(await ask(edge, 'POST', '/lightpush/v3/message', { raw }), { status: 200 })

  const told = `{"payload":"b25l","contentTopic":"${contentTopic}","version":0,"timestamp":${time},"ephemeral":false}`
  const target = `/filter/v2/messages/${at(contentTopic)}`
  const received = await askUntil(
    (one) => one.text.includes('b25l'),
    () => ask(edge, 'GET', target),
  )
  t.ok(received.text.endsWith(`${told}]`), 'in the order of filter, without a proof')
  const stored = await ask(edge, 'GET', `/store/v3/messages?includeData=true&startTime=${time}&endTime=${time}`)
  t.match(stored, { status: 200, text: new RegExp(`"timestamp":${time},`) })
  t.match(JSON.parse(stored.text), {
    requestId: /^\w{20}$/,
    statusCode: 200,
    statusDesc: 'OK',
    messages: [{ messageHash: /^0x/ }],
  })
  const named = await ask(alone, 'GET', `/store/v3/messages?peerAddr=${at(address)}`)
  t.equal(JSON.parse(named.text).messages.length, 3, 'a node that is named in the question')

  t.match(await ask(edge, 'DELETE', '/filter/v2/subscriptions', { body: subscription }), { status: 200 })
  t.match(await ask(edge, 'GET', target), { status: 400 })
  t.match(
    await ask(edge, 'POST', '/filter/v2/subscriptions', { body: { ...subscription, pubsubTopic: '/waku/2/rs/0/1' } }),
    { status: 200 },
  )
  t.match(await ask(edge, 'DELETE', '/filter/v2/subscriptions/all', { body: { requestId: 'mine' } }), { status: 200 })
  t.match(await ask(edge, 'DELETE', '/filter/v2/subscriptions/all', { body: { requestId: 'mine' } }), { status: 404 })
})

t.test('the older store pages with its own cursor, here and by way of a node of either version', async (t) => {
  const paged = '/paged/1/topic/proto'
  const push = (payload: string) =>
    askUntil(
      ({ status }) => status === 200,
      () => ask(service, 'POST', '/relay/v1/auto/messages', { body: { payload, contentTopic: paged } }),
    )
  for (const payload of ['AA==', 'AQ==', 'Ag==', 'Aw==', 'BA==']) await push(payload)
  await askUntil(
    ({ text }) => JSON.parse(text).messages.length === 5,
    () => ask(modern, 'GET', `/store/v3/messages?contentTopics=${at(paged)}`),
  )
  for (const [node, peerAddr] of [
    [service, ''],
    [edge, ''],
    [alone, `&peerAddr=${at(address)}`],
    [alone, `&peerAddr=${at(modern.addresses[0] ?? '')}`],
  ] as const) {
    for (const ascending of [true, false]) {
      const payloads: string[][] = []
      let cursor = ''
      do {
        const target = `/store/v1/messages?contentTopics=${at(paged)}&pageSize=2&ascending=${ascending}${peerAddr}${cursor}`
        // In Node a number loses its last digits, so the times are cut from the text.
        const { text } = await ask(node, 'GET', target)
        const { messages, cursor: next } = JSON.parse(text)
        payloads.push(messages.map(({ payload }: { payload: string }) => payload))
        const [, sender = '', stored = ''] = /"senderTime":(\d+),"storeTime":(\d+)/.exec(text) ?? []
        const digest = at(at(next?.digest.data ?? ''))
        cursor =
          next && `&pubsubTopic=${at(next.pubsubTopic)}&senderTime=${sender}&storeTime=${stored}&digest=${digest}`
      } while (cursor !== undefined)
      const pages = ascending
        ? [['AA==', 'AQ=='], ['Ag==', 'Aw=='], ['BA==']]
        : [['Aw==', 'BA=='], ['AQ==', 'Ag=='], ['AA==']]
      t.same(payloads, pages)
    }
  }
})
