import t from 'tap'
import type { Host } from '../../src/net/host.ts'
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.ts'
import { connect, host } from '../kit/host.ts'

const left = ({ libp2p }: Host): Promise<unknown> =>
  new Promise((resolve) => libp2p.addEventListener('peer:disconnect', resolve, { once: true }))

for (const transport of ['tcp', 'ws'] as const) {
  t.test(
    `bytes over ${transport} are counted on both sides, and stay counted when the connection has gone`,
    async (t) => {
      const listen = {
        address: '127.0.0.1',
        tcpPort: 0,
        websocket: transport === 'ws' ? { port: 0, secure: false } : undefined,
      }
      const [one, other] = [await host(t), await host(t, { listen })]
      t.same(
        [one.traffic(), other.traffic()],
        [
          { in: 0, out: 0 },
          { in: 0, out: 0 },
        ],
      )
      const address = other.addresses().find((some) => some.toString().includes('/ws/') === (transport === 'ws'))
      if (address === undefined) throw new Error('no such address')
      await one.libp2p.dial(address)
      await one.libp2p.services.ping.ping(other.libp2p.peerId)
      const gone = left(other)
      await one.libp2p.hangUp(other.libp2p.peerId)
      await gone
      const [ours, theirs] = [one.traffic(), other.traffic()]
      t.ok(ours.out > 300, 'a handshake and a ping')
      t.ok(ours.in > 300)
      // A WebSocket that was dialled hides its frames and its upgrade: the other side has counted them.
      if (transport === 'tcp') {
        t.equal(theirs.in, ours.out)
        // The last word of the other side may come when we have hung up: a frame or two.
        t.ok(theirs.out >= ours.in && theirs.out - ours.in < 100, `${theirs.out} and ${ours.in}`)
      } else t.ok(theirs.in > ours.out && theirs.out > ours.in)
    },
  )
}

async function dials({ registry }: Metrics): Promise<readonly string[]> {
  return (await registry.metrics()).split('\n').filter((line) => /^libp2p_\w+_dial/.test(line))
}

t.test('dials are counted: begun, and how each ended', async (t) => {
  const metrics = createMetrics()
  const [one, other] = [await host(t, { metrics }), await host(t)]
  await connect(one, other)
  const [address] = other.addresses()
  const gone = left(one)
  await other[Symbol.asyncDispose]()
  await gone
  await t.rejects(one.libp2p.dial(address ?? []))
  t.same(await dials(metrics), [
    'libp2p_total_dial_attempts_total 2',
    'libp2p_successful_dials_total 1',
    'libp2p_failed_dials_total 1',
  ])
})
