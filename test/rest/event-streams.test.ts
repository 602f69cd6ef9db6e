import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import t from 'tap'
import { EventStreams, maxReaders } from '../../src/rest/event-streams.ts'
import { envelope } from '../kit/messages.ts'

const everything = { pubsubTopics: new Set<string>(), contentTopics: new Set<string>() }

t.test('a reader that does not keep up is cut off, the others go on', async (t) => {
  using streams = new EventStreams()
  const server = createServer((_, response) => streams.add(response, everything)).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client = () => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    return socket
  }
  const slow = client()
  await once(slow, 'readable')
  const quick = client()
  let bytes = 0
  quick.on('data', (chunk) => {
    bytes += chunk.length
  })
  await once(quick, 'data')
  const large = envelope({ payload: Buffer.alloc(140_000) })
  const cut = once(slow, 'close')
  slow.pause()
  for (let count = 0; count < 200; count += 1) {
    streams.publish(large)
    await new Promise(setImmediate)
  }
  slow.resume()
  await cut
  const before = bytes
  streams.publish(large)
  while (bytes === before) await once(quick, 'data')
  t.pass('the quick one still reads')
  quick.destroy()
})

t.test('there is room for so many readers', async (t) => {
  using streams = new EventStreams()
  const server = createServer((_, response) => streams.add(response, everything)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const responses = await Promise.all(Array.from({ length: maxReaders }, () => fetch(`http://127.0.0.1:${port}/`)))
  t.equal(streams.full, true)
  await responses[0]?.body?.cancel()
  while (streams.full) await new Promise(setImmediate)
  t.equal(streams.full, false)
  server.closeAllConnections()
  server.close()
})
