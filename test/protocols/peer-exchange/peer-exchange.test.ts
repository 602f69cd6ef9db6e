/** Peer exchange between hosts, and what a peer can do to it. */
import { privateKeyFromRaw } from '@libp2p/crypto/keys'
import type { PeerId } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import t, { type Test } from 'tap'
import { type Enr, enrToText } from '../../../src/net/discovery/enr.ts'
import { foundIn, type Source } from '../../../src/net/discovery/found.ts'
import { readRecord, signRecord } from '../../../src/net/discovery/node-record.ts'
import { PeerPool } from '../../../src/net/discovery/pool.ts'
import { request } from '../../../src/net/exchange.ts'
import { frame } from '../../../src/net/frames.ts'
import type { Host } from '../../../src/net/host.ts'
import { Quota } from '../../../src/net/quota.ts'
import { Asker } from '../../../src/protocols/peer-exchange/asker.ts'
import { askForPeers } from '../../../src/protocols/peer-exchange/client.ts'
import { decodeResponse, encodeResponse, peerExchangeProtocol } from '../../../src/protocols/peer-exchange/codec.ts'
import { peerExchange } from '../../../src/protocols/peer-exchange/index.ts'
import { askInterval, maxRecords, peerExchangeRates } from '../../../src/protocols/peer-exchange/limits.ts'
import type { PeerExchangeParts } from '../../../src/protocols/peer-exchange/service.ts'
import { Told } from '../../../src/protocols/peer-exchange/told.ts'
import { silentLog } from '../../../src/telemetry/log.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { counted } from '../../kit/counted.ts'
import { keyOf, recordOf, records } from '../../kit/dns-tree.ts'
import { host, pair } from '../../kit/host.ts'

interface Served {
  readonly pool: PeerPool
  readonly metrics: ReturnType<typeof createMetrics>
  /** Asks it as a peer does. */
  ask(count?: number): ReturnType<typeof askForPeers>
  /** Sends it a body that need not be a request. */
  send(body: Uint8Array): Promise<Uint8Array>
}

/** A host that serves peer exchange from an empty pool of cluster 66, and one that is connected to it. */
async function serve(t: Test, options: Partial<PeerExchangeParts> & { readonly quota?: Quota } = {}): Promise<Served> {
  const [asker, server] = await pair(t)
  const metrics = createMetrics()
  const { libp2p } = server
  const pool = new PeerPool({ self: libp2p.peerId, cluster: 66, capacity: 500, takesPrivate: () => true, metrics })
  const shown = { pool, tellsPrivate: () => false, isReachable: () => true, metrics, ...options }
  const served = await peerExchange({ libp2p, log: silentLog(), ...shown })
  t.teardown(() => served[Symbol.asyncDispose]())
  const limits = { responseBytes: 1000, timeout: 10_000 }
  return {
    pool,
    metrics,
    ask: (count) => askForPeers(asker.libp2p, libp2p.peerId, count === undefined ? {} : { count }),
    send: (body) => request(asker.libp2p, libp2p.peerId, peerExchangeProtocol, body, limits),
  }
}

function add(pool: PeerPool, source: Source, ...all: readonly Enr[]): void {
  for (const record of all) pool.add(foundIn(record, source))
}

function sorted(all: readonly Enr[]): string[] {
  return all.map(enrToText).sort()
}

function recordAt(address: string, number: number, cluster = 66): Enr {
  const own = { addresses: [multiaddr(address)], capabilities: ['relay'] as const, shards: { cluster, shards: [0] } }
  return signRecord(own, privateKeyFromRaw(keyOf(number)), 1n)
}

t.test('peers that were found are told of, with their records', async (t) => {
  const { pool, metrics, ask } = await serve(t)
  t.same(await ask(), { records: [], refused: 0 }, 'nobody is known yet')
  add(pool, 'dns', recordOf(1))
  add(pool, 'discv5', recordOf(2))
  add(pool, 'peer-exchange', recordOf(3))
  t.same(sorted((await ask()).records), sorted(records(3)))
  t.equal((await metrics.waku_px_peers_sent_total.get()).values[0]?.value, 3)
})

t.test(
  'who is only connected, private, unreachable, of another cluster or without a record is not told of',
  async (t) => {
    const unreachable = readRecord(recordOf(9)).peerId.toString()
    const { pool, ask } = await serve(t, { isReachable: (peer) => peer !== unreachable })
    add(pool, 'dns', recordOf(1), recordOf(9))
    for (const [index, source] of (['connected', 'persisted', 'rendezvous', 'kad'] as const).entries())
      add(pool, source, recordOf(index + 2))
    pool.add({ ...foundIn(recordOf(7), 'dns'), record: undefined })
    for (const [index, address] of ['/ip4/10.1.2.3/tcp/1', '/ip4/127.0.0.1/tcp/1', '/ip6/fd00::1/tcp/1'].entries())
      add(pool, 'dns', recordAt(address, 20 + index))
    add(pool, 'dns', recordAt('/ip4/192.0.2.1/tcp/1', 30, 1))
    t.same(sorted((await ask()).records), sorted([recordOf(1)]))
  },
)

t.test('on a private network private addresses are told of', async (t) => {
  const { pool, ask } = await serve(t, { tellsPrivate: () => true })
  const record = recordAt('/ip4/10.1.2.3/tcp/1', 1)
  add(pool, 'dns', record)
  t.same(sorted((await ask()).records), sorted([record]))
})

t.test('an asker hears of each peer once, as long as others are left', async (t) => {
  const { pool, ask } = await serve(t)
  add(pool, 'dns', ...records(100))
  const first = (await ask(1000)).records
  t.equal(first.length, maxRecords, 'no more at once than the bound')
  const rest = (await ask(40)).records
  t.same(sorted([...first, ...rest]), sorted(records(100)))
  t.equal((await ask(5)).records.length, 5, 'then it begins again')
})

t.test('whom it told of whom is remembered within bounds, and each asker draws another lot', async (t) => {
  const told = new Told({ askers: 2, told: 6 })
  const ids = Array.from({ length: 10 }, (_, index) => `${index}`)
  const heard = (asker: string): string[] => told.choose(asker, ids, 3)
  const first = heard('a')
  t.equal(new Set([...first, ...heard('a')]).size, 6)
  t.equal(new Set([...heard('a'), ...heard('a')]).size, 6, 'of more than the bound it hears again')
  const lots = Array.from({ length: 50 }, (_, index) => heard(`x${index}`).join())
  t.ok(new Set(lots).size > 10)
  t.same(told.choose('e', ['1'], 5), ['1'])
  t.same(told.choose('e', [], 5), [])
})

t.test('who asks too often is told to come later, in the code that nwaku knows', async (t) => {
  const { metrics, ask } = await serve(t, { quota: new Quota({ ...peerExchangeRates, clock: () => 0 }) })
  for (let asked = 0; asked < peerExchangeRates.perPeer.volume; asked += 1) await ask()
  await t.rejects(ask(), { code: 'client/refused', data: { status: 429 } })
  t.same(await counted(metrics.waku_px_errors_total, 'type'), [['request_limit_reached_failure', 1]])
})

t.test('a request that is none, or too large, is answered as bad', async (t) => {
  const { metrics, send } = await serve(t)
  for (const body of [Buffer.from('ffff', 'hex'), Buffer.alloc(2000)])
    t.match(decodeResponse(await send(body)), { status: 400, records: [] })
  t.same(await counted(metrics.waku_px_errors_total, 'type'), [['decode_rpc_failure', 2]])
})

/** A host that answers every question with `body`. */
async function answering(t: Test, body: Uint8Array): Promise<{ address: Multiaddr; questions: () => number }> {
  let count = 0
  const server = await host(t, {
    mount: ({ libp2p }) =>
      libp2p.handle(peerExchangeProtocol, (stream) => {
        count += 1
        stream.send(frame(body))
        void stream.close()
      }),
  })
  const [address] = server.addresses()
  if (address === undefined) throw new Error('it does not listen')
  return { address, questions: () => count }
}

interface Asking extends AsyncDisposable {
  readonly metrics: ReturnType<typeof createMetrics>
  ask(): void
  /** The next record of which it is told. */
  next(): Promise<Enr>
}

async function asking(t: Test, candidates: readonly (Multiaddr | PeerId)[], clock = () => 0): Promise<Asking> {
  const { libp2p }: Host = await host(t)
  const metrics = createMetrics()
  let heard = Promise.withResolvers<Enr>()
  const found = (record: Enr): void => heard.resolve(record)
  const asker = new Asker({ libp2p, candidates: () => candidates, found, metrics, log: silentLog(), clock })
  return {
    metrics,
    ask: () => asker.ask(),
    async next() {
      const record = await heard.promise
      heard = Promise.withResolvers()
      // The round ends in the turn after the last record.
      await new Promise((resolve) => setImmediate(resolve))
      return record
    },
    [Symbol.asyncDispose]: () => asker[Symbol.asyncDispose](),
  }
}

t.test('of what a peer tells only records with fitting signatures are taken', async (t) => {
  const forged = Uint8Array.from(recordOf(2).bytes)
  forged[10] = (forged[10] ?? 0) ^ 1
  const told = [forged, Buffer.from('nonsense'), Buffer.alloc(400), recordOf(1).bytes]
  const { address } = await answering(t, encodeResponse({ records: told, status: 200, reason: '' }))
  await using asker = await asking(t, [address])
  asker.ask()
  t.same(enrToText(await asker.next()), enrToText(recordOf(1)))
  t.same(await counted(asker.metrics.waku_px_client_errors_total, 'type'), [['bad_record', 3]])
})

t.test('a peer is asked again after a while only, and one that cannot be reached is passed over', async (t) => {
  const server = await answering(t, encodeResponse({ records: [recordOf(1).bytes], status: 200, reason: '' }))
  const nobody = peerIdFromPrivateKey(privateKeyFromRaw(keyOf(1)))
  let now = 0
  await using asker = await asking(t, [nobody, server.address], () => now)
  asker.ask()
  asker.ask()
  await asker.next()
  t.equal(server.questions(), 1, 'one round at a time')
  asker.ask()
  now = askInterval
  asker.ask()
  await asker.next()
  t.equal(server.questions(), 2)
  t.same(await counted(asker.metrics.waku_px_client_errors_total, 'type'), [['dial_failure', 2]])
})
