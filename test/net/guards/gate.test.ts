/** The gate by itself, for addresses that a test on loopback cannot have. */
import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import t from 'tap'
import { Gate, type GateLimits, type Refusal } from '../../../src/net/guards/gate.ts'
import { hostLimits } from '../../../src/net/limits.ts'
import { Networks } from '../../../src/net/networks.ts'

const limits: GateLimits = {
  ...hostLimits(150 * 1024),
  connectionsPerAddress: 3,
  pendingConnections: 4,
  connections: 6,
}

/** The port that the next socket comes from. */
let ports = 1024

t.test('one address has its share of connections, and gets a place back when one closes', async (t) => {
  const { gate, refused } = opened(t)
  const sockets = Array.from({ length: 3 }, () => socketFrom('192.0.2.7'))
  for (const socket of sockets) t.ok(gate.admit(socket))
  t.notOk(gate.admit(socketFrom('192.0.2.7')))
  t.ok(gate.admit(socketFrom('192.0.2.8')), 'another address')
  t.same(refused, ['per_address'])
})

t.test('all addresses of a /64 share, an IPv4 address in IPv6 form is the same', async (t) => {
  const { gate } = opened(t, { connectionsPerAddress: 1 })
  t.ok(gate.admit(socketFrom('2001:db8:1:2::1')))
  t.notOk(gate.admit(socketFrom('2001:db8:1:2::2')))
  t.ok(gate.admit(socketFrom('192.0.2.7')))
  t.notOk(gate.admit(socketFrom('::ffff:192.0.2.7')))
})

t.test('loopback, trusted proxies and a limit of 0 have no share', async (t) => {
  const { gate } = opened(t, { connectionsPerAddress: 1, connections: 100, pendingConnections: 100 })
  for (const address of ['127.0.0.1', '::1', '10.0.0.1'])
    for (let count = 0; count < 3; count += 1) t.ok(gate.admit(socketFrom(address)), address)
  const { gate: open } = opened(t, { connectionsPerAddress: 0 })
  for (let count = 0; count < 4; count += 1) t.ok(open.admit(socketFrom('192.0.2.7')))
})

t.test('one public network has its share, however many addresses it has', async (t) => {
  const { gate, refused } = opened(t, { connectionsPerSubnet: 2, connections: 100, pendingConnections: 100 })
  const sockets = [1, 2].map((last) => socketFrom(`8.8.4.${last}`))
  for (const socket of sockets) t.ok(gate.admit(socket))
  t.notOk(gate.admit(socketFrom('8.8.4.3')))
  t.ok(gate.admit(socketFrom('8.8.5.3')), 'another network')
  t.ok(gate.admit(socketFrom('2001:db8:1:2::1')))
  t.ok(gate.admit(socketFrom('2001:db8:1:3::1')))
  t.notOk(gate.admit(socketFrom('2001:db8:1:4::1')))
  t.same(refused, ['per_subnet', 'per_subnet'])
  sockets[0]?.destroy()
  t.ok(gate.admit(socketFrom('8.8.4.4')), 'a place is free again')
})

t.test("an operator's own network has no share", async (t) => {
  const { gate } = opened(t, { connectionsPerSubnet: 1, connections: 100, pendingConnections: 100 })
  for (const last of [1, 2, 3]) t.ok(gate.admit(socketFrom(`192.168.1.${last}`)))
})

t.test('places are kept for peers whom we dial', async (t) => {
  const { gate, refused } = opened(t, { connections: 3, reservedConnections: 1 })
  for (const last of [1, 2]) {
    const socket = socketFrom(`192.0.2.${last}`)
    t.ok(gate.admit(socket))
    gate.identified(socket.remoteAddress ?? '', socket.remotePort ?? 0)
  }
  t.notOk(gate.admit(socketFrom('192.0.2.3')))
  t.same(refused, ['full'])
})

t.test('one address may not come and go faster than its share in ten seconds', async (t) => {
  const { gate, refused } = opened(t)
  for (let count = 0; count < 3; count += 1) {
    const socket = socketFrom('192.0.2.7')
    t.ok(gate.admit(socket))
    socket.destroy()
  }
  t.notOk(gate.admit(socketFrom('192.0.2.7')))
  t.same(refused, ['per_address'])
})

t.test('a newcomer takes the place of the one who has waited longest, never that of a peer', async (t) => {
  const { gate, refused } = opened(t)
  const sockets = Array.from({ length: 6 }, (_, index) => socketFrom(`192.0.2.${index}`))
  for (const [index, socket] of sockets.entries()) {
    t.ok(gate.admit(socket))
    if (index < 2) gate.identified(socket.remoteAddress ?? '', socket.remotePort ?? 0)
  }
  t.ok(gate.admit(socketFrom('192.0.2.9')))
  t.same(refused, ['pending'])
  t.same(
    sockets.map(({ destroyed }) => destroyed),
    [false, false, true, false, false, false],
  )
})

t.test('with peers in all places a newcomer is refused', async (t) => {
  const { gate, refused } = opened(t, { connections: 1 })
  const peer = socketFrom('192.0.2.1')
  t.ok(gate.admit(peer))
  gate.identified('192.0.2.1', peer.remotePort ?? 0)
  t.notOk(gate.admit(socketFrom('192.0.2.2')))
  t.same(refused, ['full'])
  peer.destroy()
  t.ok(gate.admit(socketFrom('192.0.2.3')), 'there is a place again')
})

t.test('a header is believed from a trusted proxy only, and of it the last address that is none', async (t) => {
  const { gate } = opened(t, { connectionsPerAddress: 1, connections: 100, pendingConnections: 100 })
  const [one, other, third] = [socketFrom('10.0.0.1'), socketFrom('10.0.0.1'), socketFrom('10.0.0.1')]
  for (const socket of [one, other, third]) gate.admit(socket)
  t.ok(gate.forwarded('10.0.0.1', one.remotePort ?? 0, '198.51.100.9, 192.0.2.7, 10.0.0.2'))
  t.notOk(gate.forwarded('10.0.0.1', other.remotePort ?? 0, '192.0.2.7'))
  t.ok(gate.forwarded('10.0.0.1', third.remotePort ?? 0, 'unknown'), 'no address in it')
  const liar = socketFrom('192.0.2.50')
  gate.admit(liar)
  t.ok(gate.forwarded('192.0.2.50', liar.remotePort ?? 0, '192.0.2.7'))
  t.notOk(gate.admit(socketFrom('192.0.2.50')), 'it counts by its own address')
})

t.test('a gate that is shut admits nobody and closes all', async (t) => {
  const { gate } = opened(t)
  const socket = socketFrom('192.0.2.1')
  gate.admit(socket)
  gate.shut()
  t.ok(socket.destroyed)
  t.notOk(gate.admit(socketFrom('192.0.2.1')))
})

function opened(t: { teardown(end: () => void): void }, some: Partial<GateLimits> = {}) {
  const refused: Refusal[] = []
  const gate = new Gate({ ...limits, ...some }, new Networks(['10.0.0.0/8']), (why) => refused.push(why))
  t.teardown(() => gate.shut())
  return { gate, refused }
}

/** As much of a socket as the gate uses: no test can connect from these addresses. */
function socketFrom(remoteAddress: string): Socket {
  const socket = Object.assign(new EventEmitter(), {
    remoteAddress,
    remotePort: ports++,
    bytesRead: 0,
    destroyed: false,
    destroy() {
      if (socket.destroyed) return
      socket.destroyed = true
      socket.emit('close')
    },
    resetAndDestroy: () => socket.destroy(),
  })
  return socket as unknown as Socket
}
