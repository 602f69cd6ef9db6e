/** The archive as a whole over REST: figures, export, import. */

import { once } from 'node:events'
import http from 'node:http'
import path from 'node:path'
import t, { type Test } from 'tap'
import { type ExportRecord, encodeRecords } from '../../src/archive/export/format.ts'
import type { WaypostNode } from '../../src/node/node.ts'
import { exportOf, read, recordOf } from '../archive/export/kit.ts'
import { envelopeAt, envelopes } from '../archive/kit.ts'
import { ask, startedNode } from '../kit/rest.ts'

const on = ['--store', '--rest-admin', '--store-message-retention-policy=none']
const shard = '/waku/2/rs/1/0'

async function send(node: WaypostNode, body: Uint8Array) {
  const response = await fetch(`${node.restUrl}/admin/v1/store/import`, {
    method: 'POST',
    body: Buffer.from(body),
    headers: { 'content-type': 'application/octet-stream' },
  })
  return { status: response.status, text: await response.text() }
}

async function exported(node: WaypostNode, query = ''): Promise<ExportRecord[]> {
  const response = await fetch(`${node.restUrl}/admin/v1/store/export${query}`)
  t.equal(response.status, 200)
  const { records, error } = read(Buffer.from(await response.arrayBuffer()))
  t.equal(error, undefined)
  return [...records]
}

async function node(t: Test): Promise<WaypostNode> {
  return await startedNode(t, path.join(t.testdir(), 'data'), on)
}

t.test('what is imported is told once, counted, and exported again byte for byte', async (t) => {
  const running = await node(t)
  const records = envelopes(1500).map(recordOf)
  const body = exportOf(records)
  t.same(await send(running, body), { status: 200, text: '{"stored":1500,"present":0,"refused":[]}' })
  t.same(await send(running, body), { status: 200, text: '{"stored":0,"present":1500,"refused":[]}' })
  t.same(await exported(running), records)
  const stats = JSON.parse((await ask(running, 'GET', '/admin/v1/store/stats')).text)
  t.match(stats, { state: 'ready', engine: 'leveldb', messages: 1500, oldest: 0, newest: 1499, retention: 'none' })
  t.match(stats.recent, { messages: 1000, pubsubTopics: [{ topic: shard, messages: 1000 }] })
  t.ok(stats.diskBytes > 0 && stats.diskFreeBytes > 0)
})

t.test('an export is of what was asked for, from any message on', async (t) => {
  const running = await node(t)
  const records = envelopes(300).map(recordOf)
  await send(running, exportOf(records))
  t.same(await exported(running, '?startTime=10&endTime=19'), records.slice(10, 20))
  t.same(await exported(running, `?after=${records[120]?.timestamp}:0x${records[120]?.hash}`), records.slice(121))
  t.same(await exported(running, `?pubsubTopic=${encodeURIComponent('/waku/2/rs/9/9')}`), [])
  for (const wrong of ['startTime=x', 'endTime=1e9', 'after=1', 'after=1:ab', `contentTopics=${'a,'.repeat(101)}`])
    t.equal((await ask(running, 'GET', `/admin/v1/store/export?${wrong}`)).status, 400, wrong)
})

t.test('an import that is cut off, changed or none is refused whole', async (t) => {
  const running = await node(t)
  const whole = exportOf(envelopes(10).map(recordOf))
  const flipped = Buffer.from(whole)
  flipped[100]! ^= 1
  for (const body of [whole.subarray(0, -1), flipped, Buffer.from('nonsense'), encodeRecords([])])
    t.equal((await send(running, body)).status, 400)
  t.equal((await ask(running, 'POST', '/admin/v1/store/import')).status, 400)
  t.match((await send(running, Buffer.alloc(3 * 1024 * 1024))).status, 413)
  t.match(JSON.parse((await ask(running, 'GET', '/admin/v1/store/stats')).text), { messages: 0 })
  t.equal((await send(running, whole)).status, 200, 'the whole one is taken')
})

t.test('a small body that unpacks to much is refused before it takes the memory', async (t) => {
  const running = await node(t)
  const payload = Buffer.alloc(140_000)
  const many = Array.from({ length: 300 }, (_, index) => envelopeAt(BigInt(index), { payload })).map(recordOf)
  const body = exportOf(many)
  t.ok(body.length < 1024 * 1024)
  const { status, text } = await send(running, body)
  t.equal(status, 400)
  t.match(text, /unpacks to more than 33554432 bytes/)
  t.equal((await send(running, exportOf(many.slice(0, 30)))).status, 200, 'less is taken')
})

t.test('a record that is not what it says is named with the reason, the others are stored', async (t) => {
  const running = await node(t)
  const [first, second] = envelopes(2).map(recordOf)
  const forged = { ...second!, hash: 'ab'.repeat(32) }
  const { status, text } = await send(running, exportOf([first!, forged]))
  t.equal(status, 200)
  t.same(JSON.parse(text), {
    stored: 1,
    present: 0,
    refused: [{ messageHash: `0x${forged.hash}`, why: 'wrong-hash' }],
  })
})

t.test('two exports may be under way, of clients that read slowly, and not three', async (t) => {
  const running = await node(t)
  // More than sockets hold for a client that does not read.
  for (let start = 0; start < 100; start += 20) {
    const large = Array.from({ length: 20 }, (_, index) => Buffer.alloc(90_000, start + index + 1))
    const batch = large.flatMap((payload) => envelopes(1, { payload })).map(recordOf)
    t.equal((await send(running, exportOf(batch, { compress: true }))).status, 200)
  }
  const slow = await Promise.all(
    [1, 2].map(async () => {
      const request = http.get(`${running.restUrl}/admin/v1/store/export`)
      const [response] = (await once(request, 'response')) as [http.IncomingMessage]
      response.pause()
      t.teardown(() => request.destroy())
      return response
    }),
  )
  t.same(
    slow.map(({ statusCode }) => statusCode),
    [200, 200],
  )
  const third = await fetch(`${running.restUrl}/admin/v1/store/export`)
  t.equal(third.status, 503)
  for (const response of slow) response.destroy()
  for (;;) {
    const response = await fetch(`${running.restUrl}/admin/v1/store/export`)
    if (response.status === 200) {
      t.equal(
        read(Buffer.from(await response.arrayBuffer())).records.length,
        100,
        'the places of the two are free again',
      )
      break
    }
    await response.arrayBuffer()
  }
})

t.test('without --rest-admin or an archive the paths are not there', async (t) => {
  const folder = t.testdir()
  for (const argv of [['--store'], ['--rest-admin']]) {
    const running = await startedNode(t, path.join(folder, argv[0]!), argv)
    const { status, text } = await ask(running, 'GET', '/admin/v1/store/stats')
    t.equal(status, 404)
    t.match(text, '--rest-admin=true --store=true')
  }
})
