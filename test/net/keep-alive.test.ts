import type { Libp2p } from '@libp2p/interface'
import type { Ping } from '@libp2p/ping'
import t, { type Test } from 'tap'
import type { Host } from '../../src/net/host.ts'
import { KeepAlive } from '../../src/net/keep-alive.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { connect, host } from '../kit/host.ts'
import { ManualSchedule } from '../kit/schedule.ts'

const pingId = '/ipfs/ping/1.0.0'

/** A node that keeps its peers alive; `round` lets one round of pings pass. */
async function keeper(t: Test, meshPeers: () => string[] = () => []) {
  const { libp2p, ...node } = await host(t)
  const pinged: string[] = []
  const waits = new ManualSchedule()
  const metrics = createMetrics()
  const ping = async (peer: { toString(): string }, options?: object): Promise<number> => {
    pinged.push(peer.toString())
    return libp2p.services.ping.ping(peer as never, options)
  }
  const parts = { libp2p: withPing(libp2p, { ping } as Ping), meshPeers, metrics, log: silentLog() }
  const alive = new KeepAlive({ ...parts, schedule: waits.schedule })
  t.teardown(() => alive[Symbol.asyncDispose]())
  const round = async (): Promise<string[]> => {
    pinged.length = 0
    const wait = await waits.next()
    wait.run()
    await waits.next()
    return [...pinged]
  }
  const failures = async (): Promise<number> => (await metrics.waku_node_errors_total.get()).values[0]?.value ?? 0
  return { node: { ...node, libp2p }, libp2p, waits, alive, round, failures }
}

function withPing(
  libp2p: Host['libp2p'],
  ping: Ping,
): Pick<Libp2p<{ ping: Ping }>, 'getConnections' | 'getPeers' | 'services'> {
  return {
    getConnections: (peer) => libp2p.getConnections(peer),
    getPeers: () => libp2p.getPeers(),
    services: { ping },
  }
}

t.test('a peer that answers stays, round after round', async (t) => {
  const { node, libp2p, round, failures } = await keeper(t)
  const peer = await host(t)
  await connect(node, peer)
  for (let count = 0; count < 3; count += 1) t.same(await round(), [peer.libp2p.peerId.toString()])
  t.equal(libp2p.getConnections().length, 1)
  t.equal(await failures(), 0)
})

t.test('a peer that does not answer twice in a row is disconnected', async (t) => {
  const { node, libp2p, round, failures } = await keeper(t)
  const peer = await host(t)
  await muteFromNowOn(peer)
  await connect(node, peer)
  await round()
  t.equal(libp2p.getConnections().length, 1, 'once may be a lost packet')
  const gone = new Promise((resolve) => libp2p.addEventListener('peer:disconnect', resolve))
  await round()
  await gone
  t.equal(libp2p.getConnections().length, 0)
  t.equal(await failures(), 2)
})

t.test('one answer makes up for a failure before it', async (t) => {
  const { node, libp2p, round, failures } = await keeper(t)
  const peer = await host(t)
  await connect(node, peer)
  for (let count = 0; count < 2; count += 1) {
    await muteFromNowOn(peer)
    await round()
    await peer.libp2p.unhandle(pingId)
    await round()
  }
  t.equal(await failures(), 2)
  t.equal(libp2p.getConnections().length, 1)
})

t.test('a peer that knows no ping has answered', async (t) => {
  const { node, libp2p, round, failures } = await keeper(t)
  const peer = await host(t)
  await peer.libp2p.unhandle(pingId)
  await connect(node, peer)
  for (let count = 0; count < 3; count += 1) t.equal((await round()).length, 1)
  t.equal(await failures(), 0)
  t.equal(libp2p.getConnections().length, 1)
})

t.test('who dialled us is pinged now and then, and each round when it is in our mesh', async (t) => {
  const mesh: string[] = []
  const { node, round } = await keeper(t, () => mesh)
  const client = await host(t)
  await connect(client, node)
  const pings: number[] = []
  for (let count = 0; count < 3; count += 1) pings.push((await round()).length)
  t.same(pings, [0, 0, 1])
  mesh.push(client.libp2p.peerId.toString())
  t.same(await round(), mesh)
})

t.test('a round that fails is followed by the next', async (t) => {
  let asked = 0
  const { node, round } = await keeper(t, () => {
    asked += 1
    if (asked === 1) throw new Error('no mesh yet')
    return []
  })
  const peer = await host(t)
  await connect(node, peer)
  t.same(await round(), [])
  t.same(await round(), [peer.libp2p.peerId.toString()])
})

t.test('after its end nothing is pinged', async (t) => {
  const { node, waits, alive } = await keeper(t)
  const peer = await host(t)
  await connect(node, peer)
  t.equal(waits.due.length, 1)
  await alive[Symbol.asyncDispose]()
  t.equal(waits.due.length, 0)
})

async function muteFromNowOn({ libp2p }: Host): Promise<void> {
  await libp2p.handle(pingId, (stream) => stream.abort(new Error('mute')), { force: true })
}
