import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { MiB } from '../../src/net/limits.ts'
import { pour } from '../../src/net/pour.ts'
import { host } from '../kit/host.ts'

const protocol = '/waypost/test/1.0.0'
const limits = { stall: 30_000, timeout: 60_000 }

t.test('a peer that takes slowly gets all, however much more it is than a stream holds', async (t) => {
  const [bodies, bodyBytes] = [400, 64 * 1024]
  let received = 0
  const served = await host(t, {
    mount: ({ libp2p }) =>
      libp2p.handle(protocol, (stream) => {
        stream.addEventListener('message', ({ data }) => {
          received += data.byteLength
          stream.pause()
          setTimeout(() => {
            if (stream.readStatus === 'paused') stream.resume()
          }, 1)
        })
      }),
  })
  const from = await host(t)
  await from.libp2p.dial(served.addresses())
  async function* all(): AsyncGenerator<Uint8Array> {
    for (let count = 0; count < bodies; count += 1) yield new Uint8Array(bodyBytes)
  }
  const poured = await pour(from.libp2p, served.libp2p.peerId, protocol, all(), limits)
  t.same(poured, { messages: bodies, bytes: bodies * bodyBytes })
  t.ok(received > 4 * MiB, 'more than a stream may keep')
})

t.test('a peer that takes nothing for too long, or resets, ends it', async (t) => {
  const served = await host(t, { mount: ({ libp2p }) => libp2p.handle(protocol, (stream) => stream.pause()) })
  const from = await host(t)
  await from.libp2p.dial(served.addresses())
  const stalled = pour(from.libp2p, served.libp2p.peerId, protocol, endless(), { ...limits, stall: 200 })
  await t.rejects(stalled, { code: 'wire/timed-out' })
  const resetting = pour(from.libp2p, served.libp2p.peerId, protocol, endless(), limits)
  const refused = t.rejects(resetting, { code: 'push/unreachable' })
  const [connection] = from.libp2p.getConnections()
  while (!connection?.streams.some(({ writableNeedsDrain }) => writableNeedsDrain)) await wait(1)
  connection.abort(new Error('gone'))
  await refused
})

async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) yield new Uint8Array(64 * 1024)
}
