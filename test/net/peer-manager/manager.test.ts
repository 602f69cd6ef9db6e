import { EventEmitter, once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import type { Multiaddr } from '@multiformats/multiaddr'
import t, { type Test } from 'tap'
import { systemSchedule } from '../../../src/core/time.ts'
import type { Host } from '../../../src/net/host.ts'
import { DialHistory } from '../../../src/net/peer-manager/dial-history.ts'
import { PeerManager, type PeerManagerParts } from '../../../src/net/peer-manager/manager.ts'
import { managedProtocols } from '../../../src/node/service-peers.ts'
import { silentLog } from '../../../src/telemetry/log.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { connect, host } from '../../kit/host.ts'
import { until } from '../../kit/until.ts'
import { peer, pool } from '../discovery/kit.ts'

/** A host that says it relays: the manager looks at what peers speak. */
const relayHost = (t: Test): Promise<Host> =>
  host(t, { mount: ({ libp2p }) => libp2p.handle(managedProtocols.relay[0]!, () => {}) })

async function managed(t: Test, options: Partial<PeerManagerParts> = {}) {
  const own = await relayHost(t)
  const known = await pool({ self: own.libp2p.peerId })
  const asked = { more: 0 }
  const looks = new EventEmitter()
  const manager = new PeerManager({
    libp2p: own.libp2p,
    pool: known,
    history: new DialHistory({ capacity: 100 }),
    protocols: managedProtocols,
    targets: () => ({ relayIn: 10, relayOut: 10 }),
    relayed: () => [0],
    shards: () => [0],
    services: new Map(),
    shardsOf: () => [0],
    score: () => 0,
    needed: () => new Set(),
    findMore: () => {
      asked.more += 1
    },
    metrics: createMetrics(),
    log: silentLog(),
    schedule: (run, delay) =>
      systemSchedule(() => {
        run()
        looks.emit('look')
      }, delay),
    ...options,
  })
  t.teardown(() => manager[Symbol.asyncDispose]())
  /** Until it has looked around once more: what it does not do then, it does not do. */
  const look = async (): Promise<void> => {
    manager.lookSoon()
    await once(looks, 'look')
  }
  return { own, known, manager, asked, look }
}

/** Until `own` knows who these are. */
async function identified(own: Host, others: readonly Host[]): Promise<void> {
  const missing = new Set(others.map(({ libp2p }) => libp2p.peerId.toString()))
  const { promise, resolve } = Promise.withResolvers<void>()
  own.libp2p.addEventListener('peer:identify', ({ detail }) => {
    missing.delete(detail.peerId.toString())
    if (missing.size === 0) resolve()
  })
  await promise
}

/** `other` as it is found. */
async function foundAt(other: Host) {
  const found = await peer()
  const addresses = other.addresses()
  return { ...found, record: undefined, source: 'kad' as const, peerId: other.libp2p.peerId, addresses }
}

t.test('peers that are found are dialled until none is missing', async (t) => {
  const { own, known, manager, look } = await managed(t, { targets: () => ({ relayIn: 10, relayOut: 2 }) })
  manager.start()
  for (const other of await Promise.all([relayHost(t), relayHost(t), relayHost(t)])) known.add(await foundAt(other))
  await until(() => own.libp2p.getPeers().length === 2)
  await look()
  t.equal(own.libp2p.getPeers().length, 2, 'the target is met')
  t.same(
    manager.decisions.lately.map(({ what }) => what),
    ['dialled', 'dialled'],
  )
})

t.test('while its mesh is too small it dials one more, and another', async (t) => {
  let connected = 0
  const targets = () => ({ relayIn: 10, relayOut: 20 })
  const { own, known, manager } = await managed(t, { targets, thin: () => (connected < 12 ? [0] : []) })
  own.libp2p.addEventListener('peer:connect', () => {
    connected += 1
  })
  for (const other of await Promise.all(Array.from({ length: 14 }, () => relayHost(t)))) known.add(await foundAt(other))
  manager.start()
  await until(() => connected >= 12)
  await pause(2000)
  t.equal(own.libp2p.getPeers().length, 12, 'ten that any node wants, two for the mesh, and none beyond')
})

t.test('who is of other shards only is not dialled', async (t) => {
  const { own, known, manager } = await managed(t)
  const [other, ours] = [await relayHost(t), await relayHost(t)]
  known.add({ ...(await foundAt(other)), shards: { cluster: 66, shards: [7] }, capabilities: new Set(['relay']) })
  manager.start()
  known.add(await foundAt(ours))
  await until(() => own.libp2p.getPeers().length === 1)
  t.ok(own.libp2p.getPeers()[0]?.equals(ours.libp2p.peerId))
})

t.test('more are asked for when nobody is left to dial', async (t) => {
  const { manager, asked } = await managed(t)
  manager.start()
  await until(() => asked.more > 0)
})

t.test('a lost peer is dialled again', async (t) => {
  const { own, known, manager } = await managed(t)
  const other = await relayHost(t)
  known.add(await foundAt(other))
  manager.start()
  await until(() => own.libp2p.getPeers().length === 1 && other.libp2p.getPeers().length === 1)
  await other.libp2p.hangUp(own.libp2p.peerId)
  await until(() => own.libp2p.getPeers().length === 0)
  await until(() => own.libp2p.getPeers().length === 1)
})

t.test('who cannot be reached is forgotten, and the others are not held up', async (t) => {
  const now = { time: 0 }
  const history = new DialHistory({ capacity: 100, random: () => 0, clock: () => now.time })
  const { own, known, manager, look } = await managed(t, { history })
  const gone = await peer({ address: '/ip4/127.0.0.1/tcp/1' })
  const key = gone.peerId.toString()
  for (let failures = 0; failures < 4; failures += 1) history.failed(key)
  const other = await relayHost(t)
  known.add(gone)
  known.add(await foundAt(other))
  manager.start()
  await until(() => own.libp2p.getPeers().length === 1)
  t.ok(known.get(gone.peerId), 'it failed before, and waits')
  now.time = history.waitFor(key)
  manager.lookSoon()
  await until(() => known.get(gone.peerId) === undefined)
  known.add(gone)
  await look()
  const dials = manager.decisions.lately.filter(({ what, peer }) => what === 'dialled' && peer === key)
  t.equal(dials.length, 1, 'who tells of it again does not have us dial it again')
})

t.test('guests beyond the target are parted with, but for those that are needed', async (t) => {
  const guests = await Promise.all([relayHost(t), relayHost(t), relayHost(t)])
  const needed = new Set(guests.slice(0, 1).map(({ libp2p }) => libp2p.peerId.toString()))
  const now = { time: 0 }
  const { own, manager, look } = await managed(t, {
    targets: () => ({ relayIn: 1, relayOut: 0 }),
    relayed: () => [],
    needed: () => needed,
    clock: () => now.time,
  })
  manager.start()
  const known = identified(own, guests)
  for (const guest of guests) await connect(guest, own)
  await known
  await look()
  t.equal(own.libp2p.getPeers().length, 3, 'who has just come may stay')
  now.time = 60_000
  manager.lookSoon()
  await until(() => own.libp2p.getPeers().length === 1)
  t.ok(needed.has(String(own.libp2p.getPeers()[0])))
})

t.test('who comes to us does not become one whom we dial before strangers', async (t) => {
  const history = new DialHistory({ capacity: 100 })
  const { own, known, manager } = await managed(t, { history })
  manager.start()
  const [guest, reached] = [await relayHost(t), await relayHost(t)]
  await connect(guest, own)
  known.add(await foundAt(reached))
  await until(() => own.libp2p.getPeers().length === 2)
  t.equal(history.isFriend(reached.libp2p.peerId.toString()), true)
  t.equal(history.isFriend(guest.libp2p.peerId.toString()), false)
  await guest.libp2p.hangUp(own.libp2p.peerId)
  await until(() => own.libp2p.getPeers().length === 1)
  t.equal(history.isFriend(guest.libp2p.peerId.toString()), false)
})

t.test('who was connected before it began counts for what it does', async (t) => {
  const { own, manager, asked, look } = await managed(t, { relayed: () => [], services: new Map([['store', 1]]) })
  const mount = ({ libp2p }: Host) => libp2p.handle(managedProtocols.services.store[0]!, () => {})
  const serving = await host(t, { mount })
  const known = identified(own, [serving])
  await connect(own, serving)
  await known
  manager.start()
  await look()
  asked.more = 0
  await look()
  t.equal(asked.more, 0, 'nobody is missing')
  await own.libp2p.hangUp(serving.libp2p.peerId)
  await until(() => asked.more > 0)
})

t.test('guests who have just come push out none who came before', async (t) => {
  const now = { time: 0 }
  const targets = () => ({ relayIn: 1, relayOut: 0 })
  const { own, manager, look } = await managed(t, { targets, relayed: () => [], clock: () => now.time })
  manager.start()
  const [before, ...others] = await Promise.all([relayHost(t), relayHost(t), relayHost(t)])
  const known = identified(own, [before!, ...others])
  await connect(before!, own)
  now.time = 60_000
  for (const other of others) await connect(other, own)
  await known
  await look()
  t.same(manager.decisions.lately, [], 'nobody has to go yet')
  now.time = 120_000
  manager.lookSoon()
  await until(() => own.libp2p.getPeers().length === 1)
  t.ok(own.libp2p.getPeers()[0]?.equals(before!.libp2p.peerId), 'the latest comers go')
})

t.test('no more dials go to one network at once than may be connected there', async (t) => {
  const dialled: Multiaddr[] = []
  const { libp2p } = await relayHost(t)
  // Nothing is sent: what counts is who would be dialled while the others do not answer.
  const dial: Host['libp2p']['dial'] = async (addresses, { signal } = {}) => {
    dialled.push(...(addresses as Multiaddr[]))
    await once(signal!, 'abort')
    throw new Error('nobody answers')
  }
  const silent = new Proxy(libp2p, {
    get: (all, name) => (name === 'dial' ? dial : Reflect.get(all, name).bind?.(all)),
  })
  const { known, manager } = await managed(t, { libp2p: silent })
  const at = (address: string) => peer({ address })
  const crowd = await Promise.all(Array.from({ length: 12 }, (_, index) => at(`/ip4/192.0.2.${index}/tcp/4000`)))
  manager.start()
  for (const one of crowd.slice(0, 6)) known.add(one)
  await until(() => dialled.length === 4)
  for (const one of crowd.slice(6)) known.add(one)
  known.add(await at('/ip4/198.51.100.1/tcp/4000'))
  await until(() => dialled.some((address) => address.toString().includes('198.51.100.1')))
  t.equal(dialled.length, 5, 'another network has its turn, this one has none')
})
