import type { Multiaddr } from '@multiformats/multiaddr'
import t from 'tap'
import { circuitLimits } from '../../../src/net/circuit/limits.ts'
import type { Host } from '../../../src/net/host.ts'
import { createMetrics, type Metrics } from '../../../src/telemetry/metrics.ts'
import { host } from '../../kit/host.ts'
import type { Owner } from '../../kit/owner.ts'

const protocol = '/waypost/test/1.0.0'
const hopProtocol = '/libp2p/circuit/relay/0.2.0/hop'
const stopProtocol = '/libp2p/circuit/relay/0.2.0/stop'

function relay(t: Owner, limits = {}, metrics = createMetrics()): Promise<Host> {
  return host(t, { metrics, circuit: { as: 'relay', limits: { ...circuitLimits, ...limits } } })
}

/** A host that is reached through the relay alone. */
async function behind(t: Owner, through: Host): Promise<Host> {
  const made = await host(t, {
    circuit: { as: 'client', limits: circuitLimits },
    mount: ({ libp2p }) =>
      libp2p.handle(protocol, (stream) => void stream.send(Uint8Array.of(7)), { runOnLimitedConnection: true }),
  })
  const reserved = new Promise<void>((resolve) => made.reachability.onChange(resolve))
  await made.libp2p.dial(through.addresses())
  await reserved
  return made
}

function relayedAddress(one: Host): Multiaddr {
  const found = one.addresses().find((address) => address.toString().includes('/p2p-circuit/'))
  if (found === undefined) throw new Error('no address at a relay')
  return found
}

async function ask(one: Host, hidden: Host): Promise<readonly number[]> {
  const connection = await one.libp2p.dial(relayedAddress(hidden))
  const stream = await connection.newStream(protocol, { runOnLimitedConnection: true })
  return await new Promise((resolve, reject) => {
    stream.addEventListener('message', ({ data }) => resolve([...data.subarray()]))
    stream.addEventListener('close', () => reject(new Error(`the stream is ${stream.status}`)))
  })
}

async function count(metrics: Metrics, request: string, outcome: string): Promise<number> {
  const { values } = await metrics.waypost_circuit_requests_total.get()
  return values.find(({ labels }) => labels.request === request && labels.outcome === outcome)?.value ?? 0
}

t.test('a host behind a relay announces an address there, and is dialled and asked through it', async (t) => {
  const middle = await relay(t)
  const hidden = await behind(t, middle)
  t.match(relayedAddress(hidden).toString(), `/p2p/${middle.libp2p.peerId}/p2p-circuit/p2p/${hidden.libp2p.peerId}`)
  t.equal(middle.reservations(), 1)
  const one = await host(t)
  const connection = await one.libp2p.dial(relayedAddress(hidden))
  t.ok(connection.limits, 'the relay has limits')
  t.same(await ask(one, hidden), [7])
})

t.test('the address at a relay is gone with the relay', async (t) => {
  const middle = await relay(t)
  const hidden = await behind(t, middle)
  const changed = new Promise<void>((resolve) => hidden.reachability.onChange(resolve))
  await middle[Symbol.asyncDispose]()
  await changed
  t.notOk(hidden.addresses().some((address) => address.toString().includes('/p2p-circuit/')))
})

t.test('a host that is no relay takes no reservation', async (t) => {
  const plain = await host(t)
  const connection = await (await host(t)).libp2p.dial(plain.addresses())
  await t.rejects(connection.newStream(hopProtocol), /protocol|unsupported/i)
  const middle = await relay(t)
  const other = await (await host(t)).libp2p.dial(middle.addresses())
  t.equal((await other.newStream(hopProtocol)).protocol, hopProtocol, 'a relay speaks it')
})

t.test('who may not reserve is not reached: no place is left', async (t) => {
  const middle = await relay(t, { reservations: 0 })
  const hidden = await host(t, { circuit: { as: 'client', limits: circuitLimits } })
  const { promise: judged, resolve } = Promise.withResolvers<void>()
  hidden.libp2p.addEventListener('peer:identify', () => resolve())
  const connection = await hidden.libp2p.dial(middle.addresses())
  await judged
  const stream = await connection.newStream(hopProtocol)
  const answer = new Promise<readonly number[]>((resolve) =>
    stream.addEventListener('message', ({ data }) => resolve([...data.subarray()])),
  )
  // HopMessage { type: RESERVE }, with its length before it.
  stream.send(Uint8Array.of(2, 0x08, 0x00))
  // HopMessage { type: STATUS, status: RESERVATION_REFUSED (200) }.
  t.same(await answer, [5, 0x08, 0x02, 0x28, 0xc8, 0x01])
  t.equal(middle.reservations(), 0)
})

t.test('a relayed connection ends when it has carried what the relay allows', async (t) => {
  const middle = await relay(t, { circuitBytes: 2000 })
  const hidden = await behind(t, middle)
  const one = await host(t)
  const dialled = one.libp2p.dial(relayedAddress(hidden)).then(async (connection) => {
    const stream = await connection.newStream(protocol, { runOnLimitedConnection: true })
    const ended = new Promise<string>((resolve) => stream.addEventListener('close', () => resolve(stream.status)))
    stream.send(new Uint8Array(4000))
    return await ended
  })
  t.match(await dialled.catch((error: unknown) => String(error)), /reset|abort|error|close/i)
})

t.test('who is not our relay brings nobody to us', async (t) => {
  const metrics = createMetrics()
  const target = await host(t, { metrics })
  const stranger = await host(t)
  const connection = await stranger.libp2p.dial(target.addresses())
  const stream = await connection.newStream(stopProtocol)
  const answer = new Promise<readonly number[]>((resolve) =>
    stream.addEventListener('message', ({ data }) => resolve([...data.subarray()])),
  )
  const id = (await host(t)).libp2p.peerId.toMultihash().bytes
  // StopMessage { type: CONNECT, peer: { id } }, with its length before it.
  stream.send(Uint8Array.of(id.length + 6, 0x08, 0x00, 0x12, id.length + 2, 0x0a, id.length, ...id))
  // StopMessage { type: STATUS, status: PERMISSION_DENIED (202) }.
  t.same(await answer, [5, 0x08, 0x01, 0x20, 0xca, 0x01])
  t.equal(await count(metrics, 'accept', 'refused'), 1)
  t.equal(target.libp2p.getConnections().length, 1)
})
