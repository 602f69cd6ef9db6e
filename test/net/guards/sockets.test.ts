/** Attacks with bare sockets. Each is first shown to work against the stock listener. */
import type { Multiaddr } from '@multiformats/multiaddr'
import t, { type Test } from 'tap'
import { hostLimits } from '../../../src/net/limits.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { host } from '../../kit/host.ts'
import { closed, rawSocket, victim } from '../../kit/victim.ts'

const limits = hostLimits(150 * 1024)

t.test('ten idle sockets shut honest peers out of a stock listener', async (t) => {
  const stock = await victim(t, 'stock')
  await idle(t, stock.tcp, 10)
  t.equal(await honestDials(t, stock.tcp), 0)
})

t.test('more idle sockets than there is room for newcomers keep no honest peer out', async (t) => {
  const guarded = await victim(t, 'guarded', { pendingConnections: 50 })
  await idle(t, guarded.tcp, 80)
  t.equal(await honestDials(t, guarded.tcp), 5)
  await idle(t, guarded.ws, 80)
  t.equal(await honestDials(t, guarded.ws), 5)
})

t.test('a newcomer who is not through in time is closed and counted', async (t) => {
  const metrics = createMetrics()
  const { addresses } = await host(t, { metrics, limits: { ...limits, openTimeout: 100, handshakeTimeout: 60_000 } })
  const [address] = addresses()
  if (address !== undefined) await closed(await rawSocket(t, address))
  t.equal(await refusals(metrics, 'idle'), 1)
})

t.test('a newcomer who fails the handshake is closed and counted', async (t) => {
  const metrics = createMetrics()
  const { addresses } = await host(t, { metrics })
  for (const address of addresses()) {
    const socket = await rawSocket(t, address)
    socket.write(Buffer.alloc(2000, 'x'))
    await closed(socket)
  }
  t.equal(await refusals(metrics, 'handshake'), 1)
})

t.test('when all places are taken by peers, a newcomer is refused and no peer is closed', async (t) => {
  const metrics = createMetrics()
  const server = await host(t, { metrics, limits: { ...limits, connections: 2 } })
  const [address] = server.addresses()
  if (address === undefined) return t.fail('the host does not listen')
  const [one, two, three] = await Promise.all([host(t), host(t), host(t)])
  await one.libp2p.dial(address)
  await two.libp2p.dial(address)
  await t.rejects(three.libp2p.dial(address))
  t.equal(await refusals(metrics, 'full'), 1)
  t.equal(server.libp2p.getConnections().length, 2)
})

t.test('the clients of a trusted proxy have a share each, by the address that the proxy tells', async (t) => {
  const metrics = createMetrics()
  const server = await host(t, {
    metrics,
    listen: { address: '127.0.0.1', tcpPort: 0, websocket: { port: 0, secure: false } },
    limits: { ...limits, connectionsPerAddress: 2 },
    trustedProxies: ['127.0.0.0/8'],
  })
  const ws = server.addresses()[1]
  if (ws === undefined) return t.fail('the host does not listen')
  t.equal(await statusFor(ws, '203.0.113.5'), 101)
  t.equal(await statusFor(ws, 'garbage, 203.0.113.5, 127.0.0.9'), 101)
  t.equal(await statusFor(ws, '203.0.113.5'), 401)
  t.equal(await statusFor(ws, '203.0.113.6'), 101)
  t.equal(await statusFor(ws, undefined), 101)
  t.equal(await refusals(metrics, 'per_address'), 1)

  /** The status of an upgrade that a proxy forwards for `client`. The connection stays open. */
  async function statusFor(address: Multiaddr, client: string | undefined): Promise<number> {
    const socket = await rawSocket(t, address)
    const header = client === undefined ? '' : `X-Forwarded-For: ${client}\r\n`
    socket.write(
      `GET / HTTP/1.1\r\nHost: x\r\n${header}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
    )
    const answer = await new Promise<Buffer>((resolve) => socket.once('data', resolve))
    return Number(answer.toString('latin1').split(' ')[1])
  }
})

/** Opens sockets that send nothing, each from an address of its own. */
async function idle(t: Test, target: Multiaddr, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, index) => rawSocket(t, target, `127.0.1.${index + 1}`)))
}

/** How many of five honest peers get in. */
async function honestDials(t: Test, address: Multiaddr): Promise<number> {
  const peers = await Promise.all(Array.from({ length: 5 }, () => host(t)))
  const dials = await Promise.allSettled(peers.map(({ libp2p }) => libp2p.dial(address)))
  return dials.filter(({ status }) => status === 'fulfilled').length
}

async function refusals(metrics: ReturnType<typeof createMetrics>, guard: string): Promise<number> {
  const { values } = await metrics.waypost_connections_refused_total.get()
  return values.find(({ labels }) => labels.guard === guard)?.value ?? 0
}
