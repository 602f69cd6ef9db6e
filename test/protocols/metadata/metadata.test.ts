import { once } from 'node:events'
import { Writable } from 'node:stream'
import type { Stream } from '@libp2p/interface'
import t, { type Test } from 'tap'
import { request } from '../../../src/net/exchange.ts'
import { frame } from '../../../src/net/frames.ts'
import type { Host } from '../../../src/net/host.ts'
import { Quota } from '../../../src/net/quota.ts'
import { askMetadata } from '../../../src/protocols/metadata/client.ts'
import {
  decodeMetadata,
  encodeMetadata,
  type Metadata,
  metadataProtocol,
} from '../../../src/protocols/metadata/codec.ts'
import { type MetadataOptions, type MetadataProtocol, metadata } from '../../../src/protocols/metadata/index.ts'
import { createLog } from '../../../src/telemetry/log.ts'
import { createMetrics, type Metrics } from '../../../src/telemetry/metrics.ts'
import { counted } from '../../kit/counted.ts'
import { connect, host } from '../../kit/host.ts'

interface Node {
  readonly host: Host
  readonly metadata: MetadataProtocol
  readonly metrics: Metrics
  /** Resolves when the log has a line with this message about this peer. */
  logged(message: string, peer: string): Promise<void>
}

/** A node with metadata: cluster 1 and shards 0 and 1, unless told otherwise. */
async function node(t: Test, options: Partial<MetadataOptions> = {}): Promise<Node> {
  const metrics = createMetrics()
  const { destination, logged } = watchedLog()
  const log = createLog({ level: 'debug', format: 'json', destination })
  let mounted: MetadataProtocol | undefined
  const made = await host(t, {
    mount: async ({ libp2p }) => {
      mounted = await metadata({ libp2p, cluster: 1, shards: () => [0, 1], metrics, log, ...options })
    },
  })
  if (mounted === undefined) throw new Error('not mounted')
  return { host: made, metadata: mounted, metrics, logged }
}

function watchedLog(): { destination: Writable; logged: Node['logged'] } {
  const lines: { msg: string; peer?: string }[] = []
  const destination = new Writable({
    write(chunk, _, done) {
      lines.push(JSON.parse(String(chunk)))
      destination.emit('line')
      done()
    },
  })
  const logged = async (message: string, peer: string): Promise<void> => {
    while (!lines.some((line) => line.msg === message && line.peer === peer)) await once(destination, 'line')
  }
  return { destination, logged }
}

/** A peer of which the test says how it answers metadata: with a body, or not at all. */
async function peerThat(t: Test, answers: (stream: Stream) => Uint8Array | undefined): Promise<Host> {
  return host(t, {
    mount: async ({ libp2p }) => {
      await libp2p.handle(metadataProtocol, (stream) => {
        const body = answers(stream)
        if (body === undefined) return
        stream.send(frame(body))
        void stream.close()
      })
    },
  })
}

const saying = (metadata: Metadata) => (): Uint8Array => encodeMetadata(metadata)
const idOf = (host: Host): string => host.libp2p.peerId.toString()

/** Resolves when `one` has no connection to `other` any more. */
async function parted(one: Host, other: Host): Promise<void> {
  const { libp2p } = one
  while (libp2p.getConnections(other.libp2p.peerId).length > 0)
    await new Promise((resolve) => libp2p.addEventListener('peer:disconnect', resolve, { once: true }))
}

/** Resolves when `node` has heard from `peer`. */
async function heard({ host, metadata }: Node, peer: Host): Promise<Metadata> {
  for (;;) {
    const said = metadata.of(idOf(peer))
    if (said !== undefined) return said
    if (host.libp2p.getConnections(peer.libp2p.peerId).length === 0) throw new Error('disconnected before it spoke')
    await new Promise(setImmediate)
  }
}

t.test('two nodes of one cluster know the shards of each other, whoever dialled', async (t) => {
  const one = await node(t)
  const other = await node(t, { shards: () => [5] })
  await connect(one.host, other.host)
  t.same(await heard(one, other.host), { cluster: 1, shards: [5] })
  t.same(await heard(other, one.host), { cluster: 1, shards: [0, 1] })
  t.equal(one.host.libp2p.getConnections().length, 1)
  // What they know may all come of the request of one of them; the other's comes too.
  while ((await counted(one.metrics.waku_service_requests_total, 'state')).length === 0) await new Promise(setImmediate)
  t.same(await counted(one.metrics.waku_service_requests_total, 'service'), [['/vac/waku/metadata/1.0.0', 1]])
  t.same(await counted(one.metrics.waku_service_requests_total, 'state'), [['served', 1]])
})

t.test('the answer has the shards followed now', async (t) => {
  const shards = [3]
  const { host: server } = await node(t, { shards: () => shards })
  const client = await host(t)
  await connect(client, server)
  const ask = (): Promise<Metadata> => askMetadata(client.libp2p, server.libp2p.peerId, { cluster: 1, shards: [] })
  t.same(await ask(), { cluster: 1, shards: [3] })
  shards.push(9)
  t.same(await ask(), { cluster: 1, shards: [3, 9] })
})

t.test('two nodes of different clusters part', async (t) => {
  const one = await node(t)
  const other = await node(t, { cluster: 2 })
  const count = async (): Promise<number | undefined> =>
    (await one.metrics.waypost_foreign_peers_total.get()).values[0]?.value
  t.equal(await count(), 0)
  await connect(one.host, other.host)
  await parted(one.host, other.host)
  t.equal(await count(), 1)
  t.equal(one.metadata.of(idOf(other.host)), undefined)
})

t.test('a client of another cluster gets our answer before it is disconnected', async (t) => {
  // It does not speak metadata itself, so only its own request tells.
  const { host: server } = await node(t)
  const client = await host(t)
  await connect(client, server)
  const answer = await askMetadata(client.libp2p, server.libp2p.peerId, { cluster: 2, shards: [] })
  t.same(answer, { cluster: 1, shards: [0, 1] })
  await parted(client, server)
})

t.test('a client of another cluster that dials for metadata gets its stream before it is disconnected', async (t) => {
  const { host: server } = await node(t)
  const client = await peerThat(t, saying({ cluster: 2, shards: [] }))
  const stream = await client.libp2p.dialProtocol(server.addresses(), metadataProtocol)
  t.equal(stream.status, 'open')
  await parted(client, server)
})

t.test('a light client of our cluster, which follows no shards, is kept', async (t) => {
  const server = await node(t)
  const client = await peerThat(t, saying({ cluster: 1, shards: [] }))
  await connect(client, server.host)
  t.same(await heard(server, client), { cluster: 1, shards: [] })
  t.equal(client.libp2p.getConnections().length, 1)
})

t.test('a peer that names no cluster is of cluster 0', async (t) => {
  const [zero, one] = [await node(t, { cluster: 0 }), await node(t)]
  const client = await peerThat(t, saying({ shards: [] }))
  await connect(client, zero.host)
  await connect(client, one.host)
  await parted(client, one.host)
  t.same(await heard(zero, client), { cluster: undefined, shards: [] })
  t.equal(client.libp2p.getConnections(zero.host.libp2p.peerId).length, 1)
})

const failing: { id: string; answer: (stream: Stream) => Uint8Array | undefined }[] = [
  { id: 'resets', answer: (stream) => void stream.abort(new Error('no')) },
  { id: 'closes', answer: (stream) => void stream.close() },
  { id: 'answers with what is no metadata', answer: () => Buffer.from('ffff', 'hex') },
  { id: 'answers with too much', answer: () => Buffer.alloc(4097) },
  { id: 'never answers', answer: () => undefined },
]

for (const { id, answer } of failing) {
  t.test(`a peer that ${id} is kept`, async (t) => {
    const server = await node(t, { limits: { timeout: 200 } })
    const client = await peerThat(t, answer)
    await connect(client, server.host)
    await server.logged('peer reports no metadata', idOf(client))
    t.equal(client.libp2p.getConnections().length, 1)
    t.equal(server.metadata.of(idOf(client)), undefined)
  })
}

t.test('a peer that does not speak metadata is kept', async (t) => {
  const server = await node(t)
  const client = await host(t)
  await connect(server.host, client)
  await server.logged('peer reports no metadata', idOf(client))
  t.equal(client.libp2p.getConnections().length, 1)
})

t.test('what a peer said is forgotten when it disconnects', async (t) => {
  const server = await node(t)
  const client = await peerThat(t, saying({ cluster: 1, shards: [7] }))
  await connect(client, server.host)
  await heard(server, client)
  await client.libp2p.hangUp(server.host.libp2p.peerId)
  await parted(server.host, client)
  t.equal(server.metadata.of(idOf(client)), undefined)
})

t.test('as many peers are asked at once as the limit says, and the next when one is done', async (t) => {
  const asked: string[] = []
  const server = await node(t, { limits: { asks: 1 } })
  const silent = await peerThat(t, () => {
    asked.push('silent')
    return undefined
  })
  await connect(silent, server.host)
  const next = await peerThat(t, () => {
    asked.push('next')
    return encodeMetadata({ cluster: 1, shards: [] })
  })
  await connect(next, server.host)
  // A round trip on the same connection: had we asked, it would have come before.
  await askMetadata(next.libp2p, server.host.libp2p.peerId, { cluster: 1, shards: [4] })
  t.same(asked, ['silent'])
  t.same(await heard(server, next), { cluster: 1, shards: [4] }, 'its own request is heard all the same')
  await silent.libp2p.hangUp(server.host.libp2p.peerId)
  while (asked.length < 2) await new Promise(setImmediate)
  t.same(asked, ['silent', 'next'])
})

t.test('a request of 4 KiB is answered; one that is larger, no metadata or above the quota is reset', async (t) => {
  const rate = { volume: 3, period: 60_000 }
  const { host: server, metrics } = await node(t, { quota: new Quota({ perPeer: rate, total: rate }) })
  const client = await host(t)
  await connect(client, server)
  const ask = async (body: Uint8Array): Promise<Metadata> =>
    decodeMetadata(
      await request(client.libp2p, server.libp2p.peerId, metadataProtocol, body, {
        responseBytes: 1024,
        timeout: 10_000,
      }),
    )
  /** Cluster 1, and a field of tomorrow that fills the request. */
  const sized = (length: number): Uint8Array => {
    const tail = Buffer.alloc(length - 5)
    return Buffer.concat([Buffer.from('0801fa06', 'hex'), varint(tail.length - 1), tail.subarray(1)])
  }
  const varint = (value: number): Uint8Array => Uint8Array.of((value & 0x7f) | 0x80, value >> 7)
  for (const length of [4095, 4096]) t.match(await ask(sized(length)), { cluster: 1 }, `${sized(length).length} bytes`)
  t.equal(sized(4096).length, 4096)
  await t.rejects(ask(sized(4097)), { name: 'StreamResetError' })
  await t.rejects(ask(Buffer.from('ffff', 'hex')), { name: 'StreamResetError' })
  await t.rejects(ask(sized(100)), { name: 'StreamResetError' })
  t.same(await counted(metrics.waypost_service_errors_total, 'reason'), [
    ['decode', 1],
    ['too_large', 1],
  ])
  t.equal(client.libp2p.getConnections().length, 1, 'none of this is a reason to part')
})

t.test('after it is disposed of, nobody is asked and nobody disconnected', async (t) => {
  const server = await node(t)
  const foreign = await peerThat(t, saying({ cluster: 2, shards: [] }))
  await connect(foreign, server.host)
  await server.logged('peer of another cluster', idOf(foreign))
  await server.metadata[Symbol.asyncDispose]()
  let asked = false
  const late = await peerThat(t, () => {
    asked = true
    return undefined
  })
  await connect(late, server.host)
  await late.libp2p.services.ping.ping(server.host.libp2p.peerId)
  t.equal(asked, false)
  t.equal(foreign.libp2p.getConnections().length, 1)
})
