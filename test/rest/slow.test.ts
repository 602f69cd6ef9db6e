/** Clients that take their time: the server's patience has an end, of which these tests make a short one. */
import t from 'tap'
import { View } from '../../src/node/view.ts'
import { openRest } from '../../src/rest/server.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { rawHttp, statusesIn } from '../kit/raw-http.ts'

const patience = { headers: 1000, whole: 2000, lookEvery: 50 }
const server = await openRest(new View('1.2.3', createMetrics()), silentLog(), {
  address: '127.0.0.1',
  port: 0,
  access: { mode: 'none', token: 'x'.repeat(16), isNear: () => true },
  origins: [],
  maxBodyBytes: 1024,
  times: patience,
})
t.teardown(() => server[Symbol.asyncDispose]())

const post = 'POST /relay/v1/subscriptions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'

const slow: readonly [string, string, readonly number[]][] = [
  ['half of a line', 'GET /hea', [408]],
  ['a line without its headers', 'GET /health HTTP/1.1\r\nHost: x\r\n', [408]],
  ['half of a body', `${post}Content-Length: 100\r\n\r\n["`, [408]],
  ['chunks without an end', `${post}Transfer-Encoding: chunked\r\n\r\n1\r\n[\r\n`, [408]],
  ['a whole request', 'GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', [200]],
]

for (const [id, bytes, statuses] of slow)
  t.test(`the connection of a client that sends ${id} and no more is closed`, async (t) => {
    t.same(statusesIn(await rawHttp(server.url, bytes)), statuses)
  })

t.test('a client that says nothing is closed too', async (t) => {
  t.same(
    statusesIn(await rawHttp(server.url)).filter((status) => status !== 408),
    [],
  )
})
