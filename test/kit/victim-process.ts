/**
 * A node in a process of its own, for a test to attack: `guarded` as Waypost runs it, `stock` as js-libp2p is delivered,
 * `undying` the same, which reports an uncaught exception instead of dying of it. Tells its parent the addresses, and its
 * memory when asked.
 */
import { generateKeyPair } from '@libp2p/crypto/keys'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { createHost } from '../../src/net/host.ts'
import { type HostLimits, hostLimits } from '../../src/net/limits.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'

const [kind, limits = '{}'] = process.argv.slice(2)

const libp2p = kind === 'guarded' ? await guarded(JSON.parse(limits)) : await stock()
process.send?.({ addresses: libp2p.getMultiaddrs().map(String) })
if (kind === 'undying') process.on('uncaughtException', (error) => process.send?.({ uncaught: String(error) }))
process.on('message', () => process.send?.({ rss: process.memoryUsage.rss() }))
process.on('disconnect', () => process.exit())

async function guarded(limits: Partial<HostLimits>) {
  const { libp2p, start } = await createHost({
    privateKey: await generateKeyPair('secp256k1'),
    agent: 'waypost/test',
    listen: { address: '127.0.0.1', tcpPort: 0, websocket: { port: 0, secure: false } },
    limits: { ...hostLimits(150 * 1024), ...limits },
    log: silentLog(),
    metrics: createMetrics(),
  })
  await start()
  return libp2p
}

function stock() {
  return createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/tcp/0/ws'] },
    transports: [tcp(), webSockets()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
  })
}
