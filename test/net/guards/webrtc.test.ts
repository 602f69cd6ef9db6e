/** What strangers can do to a node by packets of UDP. What peers can do is in the browser's test. */
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { multiaddr } from '@multiformats/multiaddr'
import t from 'tap'
import type { MetricsText } from '../../../src/cli/metrics-text.ts'
import { webRtcLimits } from '../../../src/net/guards/webrtc.ts'
import { hostLimits } from '../../../src/net/limits.ts'
import { type Daemon, daemon } from '../../kit/daemon.ts'
import { host } from '../../kit/host.ts'
import { scrapeUntil } from '../../kit/scrape.ts'
import { bindingRequest, udpSocket, ufrag } from '../../kit/stun.ts'

const flags = ['--webrtc-direct=true', '--webrtc-direct-port=0']

/** Of memory that strangers may take: without a guard it is about 100 KiB for each of 3,000 beginnings. */
const fewBytes = 128 * 1024 * 1024

t.test('WebRTC has a quarter of the connections, of which few may be without an identity', async (t) => {
  const limits = { ...hostLimits(1), connections: 301, pendingConnections: 200, reservedConnections: 30 }
  t.match(webRtcLimits(limits), { connections: 76, pendingConnections: 32, reservedConnections: 0 })
  t.equal(webRtcLimits({ ...limits, pendingConnections: 5 }).pendingConnections, 5)
})

t.test('thousands who begin by WebRTC and prove nothing cost little, and nobody else notices', async (t) => {
  const node = await daemon(t, { flags })
  const before = rssOf(node)
  const port = udpPortOf(node)
  const sockets = await Promise.all(Array.from({ length: 20 }, () => udpSocket(t)))
  const answers = Promise.race(sockets.map((socket) => once(socket, 'message')))
  for (let round = 0; round < 150; round++) {
    for (const socket of sockets) socket.send(bindingRequest(ufrag()), port, '127.0.0.1')
    await new Promise(setImmediate)
  }
  await answers
  const { libp2p } = await host(t)
  await libp2p.dial(multiaddr(node.tcp))
  await scrapeUntil(node, (metrics) => refusedIn(metrics) > 0)
  t.pass('they are put out')
  const grown = rssOf(node) - before
  t.ok(grown < fewBytes, `${grown} bytes`)
})

t.test('who begins again from the same port while he is inside is not heard: the gate counts him once', async (t) => {
  const node = await daemon(t, { flags })
  const [one, other] = await Promise.all([udpSocket(t), udpSocket(t)])
  const [first = '', ...more] = Array.from({ length: 5 }, ufrag)
  const control = ufrag()
  const heard: Buffer[] = []
  const hears = (name: string): boolean => heard.some((packet) => packet.includes(name))
  const begin = async (socket: Socket, names: readonly string[], until: string): Promise<void> => {
    socket.on('message', (packet) => heard.push(packet))
    for (const name of names) socket.send(bindingRequest(name), udpPortOf(node), '127.0.0.1')
    while (!hears(until)) await once(socket, 'message')
  }
  await begin(one, [first, ...more], first)
  await begin(other, [control], control)
  t.same(more.filter(hears), [])
})

t.test('packets that are none of WebRTC, and names that are none, do nothing', async (t) => {
  const node = await daemon(t, { flags })
  const socket = await udpSocket(t)
  const port = udpPortOf(node)
  const name = ufrag()
  const whole = bindingRequest(name)
  const packets = [
    Buffer.alloc(0),
    Buffer.alloc(1400, 0xff),
    ...Array.from({ length: whole.length }, (_, end) => whole.subarray(0, end)),
    ...Array.from({ length: whole.length }, (_, at) => Buffer.from(whole).fill(0xff, at, at + 1)),
    ...['', 'a', ':', 'a b', '\u0000', '%s%n', 'ü'.repeat(100), 'a'.repeat(300)].map(bindingRequest),
    // Handshakes of DTLS that nobody began.
    ...[22, 23, 20, 25].map((type) => Buffer.concat([Buffer.of(type, 0xfe, 0xfd), Buffer.alloc(60, 1)])),
  ]
  for (const packet of packets) socket.send(packet, port, '127.0.0.1')
  const answer = new Promise((resolve) => socket.once('message', resolve))
  socket.send(whole, port, '127.0.0.1')
  await answer
  t.equal(node.process.exitCode, null)
  t.same(
    node.lines.filter((line) => 'text' in line),
    [],
    'and the native code writes nothing into the log',
  )
})

function udpPortOf({ addresses }: Daemon): number {
  const found = addresses.map((address) => /\/udp\/(\d+)\/webrtc-direct/.exec(address)?.[1]).find(Boolean)
  return Number(found)
}

function rssOf({ process: { pid } }: Daemon): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}

/** Newcomers that were put out. */
function refusedIn(metrics: MetricsText): number {
  const guards = ['handshake', 'pending', 'idle']
  return guards.reduce((sum, guard) => sum + (metrics.sum('waypost_connections_refused_total', { guard }) ?? 0), 0)
}
