/** Rendezvous between hosts, and what a peer can do to it. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import t, { type Test } from 'tap'
import type { Found } from '../../../src/net/discovery/found.ts'
import { request } from '../../../src/net/exchange.ts'
import type { Host } from '../../../src/net/host.ts'
import { Quota } from '../../../src/net/quota.ts'
import { discover, register } from '../../../src/protocols/rendezvous/client.ts'
import { decodeResponse, encodeRequest, rendezvousProtocol } from '../../../src/protocols/rendezvous/codec.ts'
import { type RendezvousOptions, rendezvous } from '../../../src/protocols/rendezvous/index.ts'
import {
  askInterval,
  boardLimits,
  boardStay,
  boards,
  rendezvousRates,
} from '../../../src/protocols/rendezvous/limits.ts'
import { sealRecord } from '../../../src/protocols/rendezvous/peer-record.ts'
import { Seeker, type SeekerParts } from '../../../src/protocols/rendezvous/seeker.ts'
import { silentLog } from '../../../src/telemetry/log.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { connect, host } from '../../kit/host.ts'
import { ManualSchedule } from '../../kit/schedule.ts'

const cluster = 66
const namespace = 'rs/66/1'

interface Peer {
  readonly host: Host
  readonly key: PrivateKey
  readonly id: string
  /** An envelope with its record. */
  readonly record: Uint8Array
}

async function peer(t: Test, point: Host): Promise<Peer> {
  const key = await generateKeyPair('secp256k1')
  const one = await host(t, { privateKey: key })
  await connect(one, point)
  const record = await sealRecord({ peerId: peerIdFromPrivateKey(key), sequence: 1n, addresses: one.addresses() }, key)
  return { host: one, key, id: one.libp2p.peerId.toString(), record }
}

async function point(t: Test, options: Partial<RendezvousOptions> = {}): Promise<Host> {
  return await host(t, {
    mount: async ({ libp2p }) => {
      const served = await rendezvous({ libp2p, cluster, metrics: createMetrics(), log: silentLog(), ...options })
      t.teardown(() => served[Symbol.asyncDispose]())
    },
  })
}

function put(
  { host, record }: Peer,
  { libp2p }: Host,
  more: { namespace?: string; ttl?: number; record?: Uint8Array } = {},
) {
  return register(host.libp2p, libp2p.peerId, { namespace, record, ttl: 60, ...more })
}

async function found({ host }: Peer, { libp2p }: Host, name = namespace): Promise<string[]> {
  return (await discover(host.libp2p, libp2p.peerId, name)).map(({ peerId }) => peerId.toString()).sort()
}

t.test('who is registered under a shard is found there, until its time is up or it takes itself away', async (t) => {
  let now = 0
  const board = await point(t, { clock: () => now })
  const [one, other] = await Promise.all([peer(t, board), peer(t, board)])
  t.same(await found(other, board), [])
  t.equal(await put(one, board), 60)
  t.equal(await put(other, board, { ttl: 600 }), 600)
  t.same(await found(other, board), [one.id, other.id].sort())
  t.same(await found(other, board, 'rs/66/2'), [], 'another shard')
  now = 60_000
  t.same(await found(other, board), [other.id])
  const away = encodeRequest({ is: 'unregister', namespace })
  await request(other.host.libp2p, board.libp2p.peerId, rendezvousProtocol, away, {
    responseBytes: 10,
    timeout: 10_000,
  })
  t.same(await found(other, board), [])
})

t.test('a registration that is none is refused with the status of libp2p', async (t) => {
  const board = await point(t)
  const [one, other] = await Promise.all([peer(t, board), peer(t, board)])
  for (const [more, status] of [
    [{ namespace: '' }, 100],
    [{ namespace: 'anything' }, 100],
    [{ namespace: 'rs/1/1' }, 100],
    [{ record: new Uint8Array() }, 101],
    [{ record: other.record }, 101],
    [{ ttl: 0 }, 102],
    [{ ttl: boardLimits.maxTtl / 1000 + 1 }, 102],
    [{ ttl: Number.MAX_SAFE_INTEGER }, 102],
  ] as const)
    await t.rejects(put(one, board, more), { code: 'client/refused', data: { status } }, JSON.stringify(more))
  t.same(await found(one, board), [])
  t.equal(
    await put(one, board, { ttl: boardLimits.maxTtl / 1000 }),
    boardLimits.grantedTtl / 1000,
    'a long time is cut',
  )
  t.same(await found(other, board), [one.id])
  await t.rejects(discover(one.host.libp2p, board.libp2p.peerId, 'rs/1/1'), {
    code: 'client/refused',
    data: { status: 100 },
  })
})

t.test('one peer takes no more places than its own, and all together no more than there are', async (t) => {
  const board = await point(t, { board: { ...boardLimits, perPeer: 2, registrations: 3 } })
  const [one, other] = await Promise.all([peer(t, board), peer(t, board)])
  for (const shard of [1, 2]) await put(one, board, { namespace: `rs/66/${shard}` })
  await t.rejects(put(one, board, { namespace: 'rs/66/3' }), { code: 'client/refused', data: { status: 200 } })
  await put(one, board)
  await put(other, board)
  await t.rejects(put(other, board, { namespace: 'rs/66/2' }), { code: 'client/refused', data: { status: 400 } })
  t.equal(await put(other, board), 60, 'who is registered may renew it')
})

t.test('who fills the board makes room for those who have less there', async (t) => {
  const board = await point(t, { board: { ...boardLimits, registrations: 4 } })
  const [greedy, one, other] = await Promise.all([peer(t, board), peer(t, board), peer(t, board)])
  for (const shard of [1, 2, 3, 4]) await put(greedy, board, { namespace: `rs/66/${shard}` })
  for (const late of [one, other]) t.equal(await put(late, board), 60)
  t.same(await found(one, board), [one.id, other.id].sort(), 'the oldest of the other one has gone')
  t.same(await found(one, board, 'rs/66/4'), [greedy.id], 'and not all that it has')
  await t.rejects(put(one, board, { namespace: 'rs/66/2' }), { code: 'client/refused', data: { status: 400 } })
})

t.test('a cookie goes on where the last answer ended, and one that is none is refused', async (t) => {
  const board = await point(t)
  const peers = await Promise.all(Array.from({ length: 3 }, () => peer(t, board)))
  for (const one of peers) await put(one, board)
  const [asker] = peers
  if (asker === undefined) return
  const ask = async (cookie?: Uint8Array, limit = 2) => {
    const body = encodeRequest({ is: 'discover', namespace, limit, cookie })
    const limits = { responseBytes: 64_000, timeout: 10_000 }
    const answer = decodeResponse(
      await request(asker.host.libp2p, board.libp2p.peerId, rendezvousProtocol, body, limits),
    )
    return answer.is === 'discovered' ? answer : t.fail('another answer')
  }
  const first = await ask()
  if (typeof first === 'boolean') return
  t.equal(first.registrations.length, 2)
  t.match(await ask(first.cookie), { registrations: { length: 1 } })
  for (const wrong of [Buffer.from('ff', 'hex'), Buffer.alloc(1000)]) t.match(await ask(wrong), { status: 103 })
  t.match(await ask(undefined, 2 ** 40), { registrations: { length: 3 } })
})

t.test('who asks too often is told that the service is not available', async (t) => {
  const board = await point(t, { quota: new Quota({ ...rendezvousRates, clock: () => 0 }) })
  const one = await peer(t, board)
  for (let asked = 0; asked < rendezvousRates.perPeer.volume; asked += 1) await found(one, board)
  await t.rejects(found(one, board), { code: 'client/refused', data: { status: 400 } })
  await t.rejects(put(one, board), { code: 'client/refused', data: { status: 400 } })
})

t.test('nodes find each other by a rendezvous point, and stay registered', async (t) => {
  let now = 0
  const metrics = createMetrics()
  const board = await point(t, { clock: () => now, metrics })
  const [one, other] = await Promise.all([peer(t, board), peer(t, board)])
  const told: Found[] = []
  const seek = (
    { host, key }: Peer,
    roles: Pick<SeekerParts, 'serves' | 'seeks'>,
    { schedule }: ManualSchedule,
  ): Seeker =>
    new Seeker({
      libp2p: host.libp2p,
      privateKey: key,
      cluster,
      addresses: () => host.addresses(),
      shards: () => [1, 5],
      ...roles,
      points: () => [board.libp2p.peerId],
      found: (found) => told.push(found),
      metrics: createMetrics(),
      log: silentLog(),
      schedule,
      clock: () => now,
    })
  const [ours, theirs] = [new ManualSchedule(), new ManualSchedule()]
  await using registered = seek(one, { serves: ['store'], seeks: [] }, ours)
  await using seeking = seek(other, { serves: undefined, seeks: [] }, theirs)
  const renewals = async () => (await metrics.libp2p_rendezvous_register_total.get()).values[0]?.value
  registered.start()
  const renewal = await ours.next()
  t.same(told, [], 'nobody finds himself')
  t.equal(await renewals(), 4, 'one registration for each shard, and one with the service')
  seeking.start()
  const look = await theirs.next()
  t.match(told, [{ peerId: one.host.libp2p.peerId, source: 'rendezvous', shards: { cluster, shards: [1, 5] } }])
  t.same(told[0]?.addresses.map(String), one.host.addresses().map(String))
  now = 30_000
  renewal.run()
  await ours.next()
  t.equal(await renewals(), 6, 'half of the time before it would end; those with a service hold longer')
  now = askInterval
  told.length = 0
  seeking.findMore()
  look.run()
  await theirs.next()
  t.equal(told.length, 1, 'who wants more looks again')
  told.length = 0
  const wanting = new ManualSchedule()
  await using edge = seek(other, { serves: undefined, seeks: ['store', 'filter'] }, wanting)
  edge.start()
  await wanting.next()
  t.same(
    told.map(({ capabilities }) => [...capabilities]),
    [['relay', 'store']],
    'who does not relay looks for those that serve it',
  )
})

t.test('a relay stays at three points, and at none of them for good', async (t) => {
  let now = 0
  const counts = Array.from({ length: 4 }, () => createMetrics())
  const points = await Promise.all(counts.map((metrics) => point(t, { clock: () => now, metrics })))
  const one = await peer(t, points[0]!)
  for (const other of points.slice(1)) await connect(one.host, other)
  const schedule = new ManualSchedule()
  await using seeker = new Seeker({
    libp2p: one.host.libp2p,
    privateKey: one.key,
    cluster,
    addresses: () => one.host.addresses(),
    shards: () => [1],
    serves: [],
    seeks: [],
    points: () => points.map(({ libp2p }) => libp2p.peerId),
    found: () => {},
    metrics: createMetrics(),
    log: silentLog(),
    schedule: schedule.schedule,
    clock: () => now,
    random: () => (now === 0 ? 0 : 0.999),
  })
  const used = async (): Promise<number> => {
    const values = await Promise.all(counts.map((metrics) => metrics.libp2p_rendezvous_register_total.get()))
    return values.filter(({ values }) => (values[0]?.value ?? 0) > 0).length
  }
  seeker.start()
  const next = await schedule.next()
  t.equal(await used(), boards)
  now = boardStay / 2
  next.run()
  await schedule.next()
  t.equal(await used(), boards + 1)
})

t.test('a record that another key signed is refused', async (t) => {
  const board = await point(t)
  const one = await peer(t, board)
  const forged = await sealRecord(
    { peerId: peerIdFromPrivateKey(one.key), sequence: 1n, addresses: [multiaddr('/ip4/192.0.2.1/tcp/1')] },
    await generateKeyPair('secp256k1'),
  )
  await t.rejects(put(one, board, { record: forged }), { code: 'client/refused', data: { status: 101 } })
  t.equal(await put(one, board), 60)
})
