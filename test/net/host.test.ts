import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { multiaddr } from '@multiformats/multiaddr'
import t from 'tap'
import { isWaypostError } from '../../src/core/errors.ts'
import { createHost } from '../../src/net/host.ts'
import { hostLimits } from '../../src/net/limits.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { host, pair } from '../kit/host.ts'

const protocol = '/waypost/test/1.0.0'
const both = { address: '127.0.0.1', tcpPort: 0, websocket: { port: 0, secure: false } }

t.test('a host listens on free ports and announces them with its peer id', async (t) => {
  const { libp2p, addresses } = await host(t, { listen: both })
  const [tcp, ws] = addresses().map(String)
  t.match(libp2p.peerId.toString(), /^16Uiu2/)
  t.match(tcp, /^\/ip4\/127\.0\.0\.1\/tcp\/[1-9]\d*\/p2p\/16Uiu2/)
  t.match(ws, /^\/ip4\/127\.0\.0\.1\/tcp\/[1-9]\d*\/ws\/p2p\/16Uiu2/)
})

t.test('peers connect over tcp and over ws, and learn the agent string', async (t) => {
  const server = await host(t, { listen: both, agent: 'waypost/1.2.3' })
  for (const address of server.addresses()) {
    const client = await host(t)
    const identified = new Promise<string | undefined>((resolve) =>
      client.libp2p.addEventListener('peer:identify', ({ detail }) => resolve(detail.agentVersion)),
    )
    await client.libp2p.dial(address)
    t.equal(await identified, 'waypost/1.2.3', address.toString())
  }
})

t.test('an external address, a domain and further addresses stand in what is announced', async (t) => {
  const extra = [multiaddr('/dns4/other.example/tcp/443/wss')]
  const outside = await host(t, { listen: both, announce: { externalAddress: '192.0.2.7', extra } })
  t.match(outside.addresses().map(String), [
    /^\/ip4\/192\.0\.2\.7\/tcp\/\d+\/p2p\//,
    /^\/ip4\/192\.0\.2\.7\/tcp\/\d+\/ws\/p2p\//,
    /^\/dns4\/other\.example\/tcp\/443\/wss\/p2p\//,
  ])
  const only = await host(t, { announce: { extra, onlyExtra: true } })
  t.equal(only.addresses().length, 1)
})

t.test('a port in use is one clear error that names the address', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => other.once('listening', resolve))
  t.teardown(() => other.close())
  const { port } = other.address() as AddressInfo
  const made = await createHost({
    privateKey: await generateKeyPair('secp256k1'),
    agent: 'waypost/test',
    listen: { address: '127.0.0.1', tcpPort: port },
    limits: hostLimits(150 * 1024),
    log: silentLog(),
    metrics: createMetrics(),
  })
  const error: unknown = await made.start().catch((error: unknown) => error)
  t.ok(isWaypostError(error, 'net/address-in-use'))
  t.match(String(error), `127.0.0.1:${port}`)
})

t.test('disposing of a host resets open streams, closes connections and frees the port', async (t) => {
  const [client, server] = await pair(t, { mount: ({ libp2p }) => libp2p.handle(protocol, () => {}) })
  const tcpPort = Number(/tcp\/(\d+)/.exec(String(server.addresses()[0]))?.[1])
  const stream = await client.libp2p.dialProtocol(server.libp2p.peerId, protocol)
  const ended = new Promise<string>((resolve) => stream.addEventListener('close', () => resolve(stream.status)))
  const gone = new Promise((resolve) => client.libp2p.addEventListener('peer:disconnect', resolve))
  await server[Symbol.asyncDispose]()
  t.equal(await ended, 'reset')
  await gone
  await host(t, { listen: { address: '127.0.0.1', tcpPort } })
})

t.test('a connection that we dialled and reset is closed for the other side too, over tcp and over ws', async (t) => {
  const server = await host(t, { listen: both })
  for (const address of server.addresses()) {
    const client = await host(t)
    const connection = await client.libp2p.dial(address)
    await connection.newStream('/ipfs/ping/1.0.0')
    const gone = new Promise((resolve) => server.libp2p.addEventListener('peer:disconnect', resolve))
    connection.abort(new Error('enough'))
    await gone
    t.pass(address.toString())
  }
})
