import { type AddressInfo, createServer } from 'node:net'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import t, { type Test } from 'tap'
import type { Host } from '../../src/net/host.ts'
import { StaticPeers, type StaticPeersParts } from '../../src/net/peers.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { freePort } from '../kit/free-port.ts'
import { host } from '../kit/host.ts'
import { ManualSchedule } from '../kit/schedule.ts'

/** A node that keeps static peers, and what the test turns on it. */
async function keeper(t: Test, options: Partial<StaticPeersParts> = {}) {
  const { libp2p } = await host(t)
  const waits = new ManualSchedule()
  const metrics = createMetrics()
  const now = { time: 0 }
  const clock = (): number => now.time
  const peers = new StaticPeers({ libp2p, metrics, log: silentLog(), schedule: waits.schedule, clock, ...options })
  t.teardown(() => peers[Symbol.asyncDispose]())
  const dials = async (outcome: string): Promise<number> => {
    const { values } = await metrics.waku_peers_dials_total.get()
    return values.find(({ labels }) => labels.outcome === outcome)?.value ?? 0
  }
  /** Waits until so many dials have led to a connection. */
  const connected = async (count = 1): Promise<void> => {
    while ((await dials('successful')) < count) await new Promise((resolve) => setImmediate(resolve))
  }
  return { libp2p, peers, waits, now, connected, dials }
}

const peerOn = (t: Test, port: number, privateKey: PrivateKey): Promise<Host> =>
  host(t, { privateKey, listen: { address: '127.0.0.1', tcpPort: port } })

const tcpAddress = (port: number, key: PrivateKey): Multiaddr =>
  multiaddr(`/ip4/127.0.0.1/tcp/${port}/p2p/${peerIdFromPrivateKey(key)}`)

t.test('a peer that is absent at first is connected to when it appears', async (t) => {
  const { libp2p, peers, waits, connected, dials } = await keeper(t)
  const port = await freePort()
  const key = await generateKeyPair('secp256k1')
  peers.want(tcpAddress(port, key))
  const first = await waits.next()
  t.ok(first.delay >= 1000 && first.delay <= 2000, `${first.delay} ms after one failure`)
  first.run()
  const second = await waits.next()
  t.ok(second.delay >= 2000 && second.delay <= 4000, `${second.delay} ms after two`)
  t.equal(await dials('failed'), 2)
  const other = await peerOn(t, port, key)
  second.run()
  await connected()
  t.ok(libp2p.getPeers()[0]?.equals(other.libp2p.peerId))
  t.equal(waits.due.length, 0, 'and nothing is waited for')
})

t.test('a peer that goes and comes back on its port is connected to again', async (t) => {
  const { peers, waits, now, connected, dials } = await keeper(t)
  const port = await freePort()
  const key = await generateKeyPair('secp256k1')
  const before = await peerOn(t, port, key)
  peers.want(tcpAddress(port, key))
  await connected()
  now.time = 3_600_000
  await before[Symbol.asyncDispose]()
  const soon = await waits.next()
  t.ok(soon.delay <= 1000, `${soon.delay} ms after a good connection`)
  await peerOn(t, port, key)
  soon.run()
  await connected(2)
  t.equal(await dials('failed'), 0)
})

t.test('a peer that keeps throwing us out is tried with more and more patience', async (t) => {
  const { peers, waits, connected } = await keeper(t)
  const other = await host(t)
  peers.want(other.addresses()[0] as Multiaddr)
  const delays: number[] = []
  for (let round = 0; round < 4; round += 1) {
    const opened = new Promise<Connection>((resolve) =>
      other.libp2p.addEventListener('connection:open', ({ detail }) => resolve(detail), { once: true }),
    )
    await connected(round + 1)
    // They may learn of the connection a little later than we.
    const [theirs = await opened] = other.libp2p.getConnections()
    theirs.abort(new Error('go away'))
    const wait = await waits.next()
    delays.push(wait.delay)
    wait.run()
  }
  t.ok((delays[3] ?? 0) > 2 * (delays[0] ?? 0), delays.join(', '))
})

t.test('a ws address is dialled, and several addresses of a peer are one connection', async (t) => {
  const listen = { address: '127.0.0.1', tcpPort: 0, websocket: { port: 0, secure: false } }
  const other = await host(t, { listen })
  const [tcp, ws] = other.addresses() as [Multiaddr, Multiaddr]
  t.match(ws.toString(), '/ws/')
  const onlyWs = await keeper(t)
  onlyWs.peers.want(ws)
  await onlyWs.connected()
  t.match(onlyWs.libp2p.getConnections()[0]?.remoteAddr.toString(), '/ws')
  const both = await keeper(t)
  both.peers.want(tcp)
  both.peers.want(ws)
  await both.connected()
  t.equal(both.libp2p.getConnections().length, 1)
  t.equal(await both.dials('successful'), 1)
})

t.test('an address that does not tell whose it is is dialled, and kept', async (t) => {
  const { peers, waits, now, connected } = await keeper(t)
  const port = await freePort()
  const key = await generateKeyPair('secp256k1')
  const other = await peerOn(t, port, key)
  peers.want(multiaddr(`/ip4/127.0.0.1/tcp/${port}`))
  await connected()
  now.time = 60_000
  await other[Symbol.asyncDispose]()
  t.ok((await waits.next()).delay <= 1000)
})

t.test('a peer that is not who the address says is not connected to', async (t) => {
  const { libp2p, peers, waits, dials } = await keeper(t)
  const port = await freePort()
  await peerOn(t, port, await generateKeyPair('secp256k1'))
  peers.want(tcpAddress(port, await generateKeyPair('secp256k1')))
  await waits.next()
  t.equal(await dials('failed'), 1)
  t.equal(libp2p.getConnections().length, 0)
})

t.test('a peer that accepts and says nothing is given up in time', async (t) => {
  const silent = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => silent.once('listening', resolve))
  t.teardown(() => silent.close())
  const { peers, waits, dials } = await keeper(t, { dialTimeout: 20 })
  const { port } = silent.address() as AddressInfo
  peers.want(tcpAddress(port, await generateKeyPair('secp256k1')))
  await waits.next()
  t.equal(await dials('timed out'), 1)
})

t.test('ten peers are dialled at a time, and all of them in turn', async (t) => {
  const { libp2p } = await host(t)
  let dialling = 0
  let most = 0
  const dial = async (): Promise<never> => {
    most = Math.max(most, ++dialling)
    await new Promise((resolve) => setImmediate(resolve))
    dialling -= 1
    throw new Error('nobody there')
  }
  const counting = new Proxy(libp2p, {
    get: (target, name) => {
      if (name === 'dial') return dial
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  const { peers, waits, dials } = await keeper(t, { libp2p: counting })
  for (let index = 0; index < 25; index += 1) peers.want(tcpAddress(1, await generateKeyPair('secp256k1')))
  while (waits.due.length < 25) await new Promise((resolve) => setImmediate(resolve))
  t.equal(most, 10)
  t.equal(await dials('failed'), 25)
})

t.test('this node itself is not dialled', async (t) => {
  const { libp2p, peers, waits } = await keeper(t)
  peers.want(libp2p.getMultiaddrs()[0] as Multiaddr)
  await peers[Symbol.asyncDispose]()
  t.equal(waits.due.length, 0)
})

t.test('the end cancels waits and dials, and leaves the connections', async (t) => {
  const silent = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => silent.once('listening', resolve))
  t.teardown(() => silent.close())
  const { libp2p, peers, waits, connected, dials } = await keeper(t)
  const other = await host(t)
  peers.want(other.addresses()[0] as Multiaddr)
  await connected()
  peers.want(tcpAddress(await freePort(), await generateKeyPair('secp256k1')))
  await waits.next()
  const accepted = new Promise((resolve) => silent.once('connection', resolve))
  const { port } = silent.address() as AddressInfo
  peers.want(tcpAddress(port, await generateKeyPair('secp256k1')))
  await accepted
  await peers[Symbol.asyncDispose]()
  t.equal(waits.due.length, 0)
  t.equal(await dials('failed'), 1, 'a dial that we end is no failure')
  t.equal(libp2p.getConnections().length, 1)
})

t.test('a peer that is wanted no more is not dialled again, and one that is still wanted is', async (t) => {
  const { peers, waits, dials } = await keeper(t)
  const port = await freePort()
  const [gone, kept] = [await generateKeyPair('secp256k1'), await generateKeyPair('secp256k1')]
  const addresses = [gone, kept].map((key) => tcpAddress(port, key))
  for (const address of addresses) peers.want(address)
  while (waits.due.length < 2) await new Promise((resolve) => setImmediate(resolve))
  peers.wantOnly(addresses.slice(1))
  t.equal(waits.due.length, 1, 'its next dial is taken back')
  ;(await waits.next()).run()
  while ((await dials('failed')) < 3) await new Promise((resolve) => setImmediate(resolve))
  peers.wantOnly(addresses)
  while ((await dials('failed')) < 4) await new Promise((resolve) => setImmediate(resolve))
  t.pass('one that is wanted anew is dialled at once')
})
