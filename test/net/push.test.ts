import { once } from 'node:events'
import { mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { Multiaddr } from '@multiformats/multiaddr'
import t, { type Test } from 'tap'
import type { ErrorCode, WaypostError } from '../../src/core/errors.ts'
import { frame } from '../../src/net/frames.ts'
import type { Host } from '../../src/net/host.ts'
import { Outbox, type PushLimits, type PushReport } from '../../src/net/push.ts'
import { type PushReceiver, receivePushes } from '../../src/net/receive-pushes.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { sayEagerly } from '../kit/eager.ts'
import { connect, host, pair } from '../kit/host.ts'
import { abortsOf, late } from '../kit/late.ts'

const protocol = '/waypost/test-push/1.0.0'

/** Far longer than any of these tests: a test that meets it fails by its own time limit. */
const patient: PushLimits = { queue: { messages: 1000, bytes: 1 << 23 }, timeout: 60_000 }

/** Counts what an outbox reports, and tells when it did: `counted` for frames, `failed` for errors. */
class Report implements PushReport {
  readonly events = new EventTarget()
  frames = 0
  writes = 0
  lost = 0
  readonly failures: ErrorCode[] = []

  sent(frames: number): void {
    this.frames += frames
    this.writes += 1
    this.events.dispatchEvent(new Event('counted'))
  }

  dropped(frames: number): void {
    this.lost += frames
    this.events.dispatchEvent(new Event('counted'))
  }

  failed(error: WaypostError): void {
    this.failures.push(error.code)
    this.events.dispatchEvent(new Event('failed'))
  }
}

/** Collects bodies, and waits for a number of them. */
class Inbox {
  readonly bodies: string[] = []
  #wanted: { count: number; resolve: () => void } | undefined

  take(body: Uint8Array): void {
    this.bodies.push(Buffer.from(body).toString())
    if (this.#wanted !== undefined && this.bodies.length >= this.#wanted.count) this.#wanted.resolve()
  }

  has(count: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.bodies.length >= count) return resolve()
      this.#wanted = { count, resolve }
    })
  }
}

function outbox(t: Test, from: Host, to: Host, limits = patient): { outbox: Outbox; report: Report } {
  const report = new Report()
  const made = new Outbox(to.libp2p.peerId, { libp2p: from.libp2p, protocol, limits, report })
  t.teardown(() => made[Symbol.dispose]())
  return { outbox: made, report }
}

async function inbox(t: Test, on: Host, options: Partial<PushReceiver> = {}): Promise<Inbox> {
  const into = new Inbox()
  const mounted = await receivePushes(
    {
      protocol,
      frameBytes: 1 << 20,
      frameTimeout: 60_000,
      inboundStreams: 100,
      receive: (body) => into.take(body),
      ...options,
    },
    { libp2p: on.libp2p, log: silentLog() },
  )
  t.teardown(() => mounted[Symbol.asyncDispose]())
  return into
}

const text = (value: string | number): Uint8Array => frame(Buffer.from(String(value)))
const count = (most: number): string[] => Array.from({ length: most }, (_, index) => String(index))

/** The streams for pushes that are open between two hosts, as one of them sees it. */
function streams(on: Host): Stream[] {
  return on.libp2p.getConnections().flatMap((connection: Connection) => {
    return connection.streams.filter((stream) => stream.protocol === protocol)
  })
}

t.test('many frames go over one stream, in order', async (t) => {
  const [one, other] = await pair(t)
  const into = await inbox(t, other)
  const { outbox: out, report } = outbox(t, one, other)
  for (const value of count(500)) {
    out.put(text(value))
    if (Number(value) % 100 === 0) await turn()
  }
  await into.has(500)
  t.same(into.bodies, count(500))
  t.equal(streams(one).length, 1)
  t.same([report.frames, report.lost, report.failures], [500, 0, []])
})

t.test('frames that are ready together leave in one write, by reference when there is one', async (t) => {
  const [one, other] = await pair(t)
  const into = await inbox(t, other)
  const { outbox: out, report } = outbox(t, one, other)
  for (const value of count(50)) out.put(text(value))
  await into.has(50)
  t.equal(report.writes, 1)
  out.put(text('alone'))
  await into.has(51)
  t.equal(report.writes, 2)
})

t.test('one frame serves any number of peers and is not written to', async (t) => {
  const sender = await host(t)
  const shared = frame(Buffer.alloc(100_000, 'shared'))
  const before = Buffer.from(shared)
  const inboxes = await Promise.all(
    count(3).map(async () => {
      const reader = await host(t)
      await connect(reader, sender)
      const into = await inbox(t, reader)
      outbox(t, sender, reader).outbox.put(shared)
      return into
    }),
  )
  await Promise.all(inboxes.map((into) => into.has(1)))
  t.equal(new Set(inboxes.map(({ bodies }) => bodies[0])).size, 1)
  t.same(shared, before)
})

t.test('no peer is dialled: without a connection the frames are dropped, and said so', async (t) => {
  const [one, other] = await Promise.all([host(t), host(t)])
  const into = await inbox(t, other)
  await one.libp2p.peerStore.merge(other.libp2p.peerId, { multiaddrs: other.libp2p.getMultiaddrs() })
  const { outbox: out, report } = outbox(t, one, other)
  const failed = once(report.events, 'failed')
  out.put(text('lost'))
  await failed
  t.same([report.lost, report.failures], [1, ['push/unreachable']])
  t.equal(one.libp2p.getConnections().length, 0)

  await connect(other, one)
  out.put(text('control'))
  await into.has(1)
  t.same(into.bodies, ['control'])
})

t.test('a peer that does not speak the protocol costs one report for what waited', async (t) => {
  const [one, other] = await pair(t)
  const { outbox: out, report } = outbox(t, one, other)
  const failed = once(report.events, 'failed')
  for (const value of count(3)) out.put(text(value))
  await failed
  t.same([report.lost, report.failures], [3, ['push/unreachable']])
})

t.test('a stream that the peer closed or reset is opened again', async (t) => {
  for (const end of ['close', 'abort'] as const) {
    const [one, other] = await pair(t)
    const into = await inbox(t, other)
    const { outbox: out, report } = outbox(t, one, other)
    out.put(text('before'))
    await into.has(1)
    const [ours] = streams(one)
    const closed = once(ours as Stream, 'close')
    for (const stream of streams(other)) end === 'close' ? await stream.close() : stream.abort(new Error('test'))
    await closed
    out.put(text('after'))
    await into.has(2)
    t.same(into.bodies, ['before', 'after'], end)
    t.same([report.lost, report.failures], [0, []])
  }
})

t.test('a peer that reads one frame and closes, as go-waku does, gets each frame on a stream of its own', async (t) => {
  const [one, other] = await pair(t)
  const into = new Inbox()
  await other.libp2p.handle(protocol, (stream) => {
    stream.addEventListener('message', async ({ data }) => {
      into.take(data.subarray(1, 1 + (data.subarray()[0] ?? 0)))
      await stream.close()
      await stream.closeRead()
    })
  })
  const { outbox: out, report } = outbox(t, one, other)
  out.put(text('first'))
  await into.has(1)
  const [ours] = streams(one)
  if (ours !== undefined) await once(ours, 'close')
  for (const value of count(20)) out.put(text(value))
  await into.has(21)
  t.same(into.bodies, ['first', ...count(20)])
  t.equal(report.failures.length, 0)
})

t.test('a peer that never reads is reset in time, and its queue never exceeds its bounds', async (t) => {
  const [one, slow] = await pair(t)
  await slow.libp2p.handle(protocol, (stream) => stream.pause())
  const fast = await host(t)
  await connect(fast, one)
  const into = await inbox(t, fast)

  // In a second it is sent what its first window holds; a busy machine offers it more than that.
  const limits: PushLimits = { queue: { messages: 100, bytes: 500_000 }, timeout: 1000 }
  const toSlow = outbox(t, one, slow, limits)
  const toFast = outbox(t, one, fast)
  const body = Buffer.alloc(10_000, 'x')
  let held = 0
  for (const _ of count(500)) {
    const shared = frame(body)
    toSlow.outbox.put(shared)
    toFast.outbox.put(shared)
    await turn()
    held = Math.max(held, ...streams(one).map(({ writeBufferLength }) => writeBufferLength))
  }
  await into.has(500)
  t.equal(toFast.report.lost, 0, 'the control gets all of them')
  t.ok(held <= 64 * 1024, 'beside its queue, one write waits in its stream')

  const { report } = toSlow
  while (report.frames + report.lost < 500) await once(report.events, 'counted')
  t.same(new Set(report.failures), new Set(['wire/timed-out']))
  t.ok(report.lost > 100, 'every frame is sent or counted as dropped')
})

/** A stream whose reader takes bytes when the test says so. */
class SlowStream extends EventTarget {
  readonly writeStatus = 'writable'
  readonly remoteWriteStatus = 'writable'
  writableNeedsDrain = false
  writeBufferLength = 0
  aborted = false

  send(bytes: Uint8Array): void {
    this.writeBufferLength += bytes.length
    this.writableNeedsDrain = true
  }

  take(bytes: number): void {
    this.writeBufferLength -= bytes
    this.writableNeedsDrain = this.writeBufferLength > 0
    this.dispatchEvent(new Event('drain'))
  }

  abort(): void {
    this.aborted = true
    this.dispatchEvent(new Event('close'))
  }

  async close(): Promise<void> {}
  async closeRead(): Promise<void> {}
}

/** An outbox to such a reader, which has a second for each byte, and the hand of its clock. */
async function slowOutbox(t: Test): Promise<{ out: Outbox; report: Report; stream: SlowStream }> {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const stream = new SlowStream()
  const connection = { status: 'open', newStream: async () => stream }
  const peerId = peerIdFromPrivateKey(await generateKeyPair('secp256k1'))
  const report = new Report()
  // Only what an outbox asks of a connection and a stream is there.
  const libp2p = { getConnections: () => [connection] } as unknown as Libp2p
  const out = new Outbox(peerId, { libp2p, protocol, limits: { ...patient, timeout: 1000 }, report })
  return { out, report, stream }
}

/** For what an outbox does after the present turn. */
async function settle(): Promise<void> {
  for (let round = 0; round < 5; round += 1) await turn()
}

t.test('each byte that a slow peer takes gives it its time anew', async (t) => {
  const { out, report, stream } = await slowOutbox(t)
  for (const _ of count(2)) out.put(frame(Buffer.alloc(50_000)))
  await settle()
  t.equal(report.frames, 1, 'the second does not fit into the same write')
  for (let round = 0; round < 5; round += 1) {
    mock.timers.tick(900)
    stream.take(1)
    await settle()
  }
  mock.timers.tick(900)
  stream.dispatchEvent(new Event('drain'))
  await settle()
  t.same([report.frames, report.failures, stream.aborted], [1, [], false], 'five bytes in five seconds')
  stream.take(stream.writeBufferLength)
  await settle()
  t.equal(report.frames, 2)
  mock.timers.tick(900)
  t.same(report.failures, [])
  stream.dispatchEvent(new Event('drain'))
  mock.timers.tick(100)
  t.same([report.failures, stream.aborted], [['wire/timed-out'], true], 'a drain without a byte is no progress')
})

t.test('a connection that others have filled has the same time', async (t) => {
  const { out, report, stream } = await slowOutbox(t)
  stream.writableNeedsDrain = true
  out.put(text('waits'))
  await settle()
  mock.timers.tick(999)
  t.same([report.frames, report.failures], [0, []])
  out.put(text('waits too'))
  await settle()
  mock.timers.tick(1)
  t.same([report.lost, report.failures, stream.aborted], [2, ['wire/timed-out'], true])
})

t.test('a phone that comes back gets what waits on its new connection', async (t) => {
  const [phone, node] = await pair(t)
  await phone.libp2p.handle(protocol, (stream) => stream.pause())
  const { outbox: out, report } = outbox(t, node, phone)
  while (streams(node).every(({ writableNeedsDrain }) => !writableNeedsDrain)) {
    out.put(frame(Buffer.alloc(10_000)))
    await turn()
  }
  const sent = report.frames
  for (const value of count(10)) out.put(text(value))
  await turn()
  t.equal(report.frames, sent, 'the first connection is stuck')

  await phone.libp2p.unhandle(protocol)
  const into = await inbox(t, phone)
  const [address] = node.addresses()
  const opened = once(node.libp2p, 'connection:open')
  await phone.libp2p.dial(address as Multiaddr, { force: true })
  await opened
  out.put(text('back'))
  await into.has(11)
  t.same(into.bodies, [...count(10), 'back'])
  t.same([report.lost, report.failures], [0, []])
})

t.test('what a peer sends back is not kept', async (t) => {
  const [one, other] = await pair(t)
  const into = new Inbox()
  let sent = Promise.resolve()
  await other.libp2p.handle(protocol, (stream) => {
    stream.addEventListener('message', ({ data }) => into.take(data.subarray(1)))
    sent = (async () => {
      for (let round = 0; round < 20; round += 1) if (!stream.send(Buffer.alloc(64 * 1024))) await stream.onDrain()
    })()
  })
  const { outbox: out, report } = outbox(t, one, other)
  out.put(text('first'))
  await into.has(1)
  await sent
  out.put(text('second'))
  await into.has(2)
  t.equal(streams(one)[0]?.readBufferLength, 0)
  t.equal(report.failures.length, 0)
})

t.test('a disposed outbox closes its stream and takes nothing more', async (t) => {
  const [one, other] = await pair(t)
  const into = await inbox(t, other)
  const { outbox: out, report } = outbox(t, one, other)
  out.put(text('first'))
  await into.has(1)
  const [ours] = streams(one)
  const closed = once(ours as Stream, 'close')
  out[Symbol.dispose]()
  await closed
  out.put(text('late'))
  await turn()
  t.equal(report.frames, 1)
  t.equal(streams(one).length, 0)
})

t.test(
  'pushes that come with the end of their stream before anybody listens are taken, however long that takes',
  async (t) => {
    const server = await host(t)
    const taken = Promise.withResolvers<void>()
    const into = new Inbox()
    await inbox(t, server, {
      receive(body) {
        into.take(body)
        return taken.promise
      },
    })
    const [address] = server.addresses()
    if (address === undefined) throw new Error('it does not listen')
    const stream = await sayEagerly(t, address, protocol, Buffer.concat([text('one'), text('two')]))
    const closed = once(stream, 'close')
    await into.has(2)
    taken.resolve()
    t.same(into.bodies, ['one', 'two'])
    t.equal((await closed)[0].error, undefined, 'and the stream is closed, not reset')
  },
)

t.test('a receiver resets what is no frame: too long, cut short, unwanted, or too slow', async (t) => {
  const bad: { id: string; bytes: Uint8Array; end?: boolean; options?: Partial<PushReceiver> }[] = [
    { id: 'one byte above the limit', bytes: frame(Buffer.alloc(11)), options: { frameBytes: 10 } },
    { id: 'cut short', bytes: Buffer.from([5, 1]), end: true },
    { id: 'begun and not ended', bytes: Buffer.from([5, 1]), options: { frameTimeout: 50 } },
    {
      id: 'unwanted',
      bytes: frame(Buffer.alloc(10)),
      options: {
        receive: () => {
          throw new Error('not wanted')
        },
      },
    },
  ]
  const [one, other] = await pair(t)
  for (const [index, { id, bytes, end = false, options }] of bad.entries()) {
    await inbox(t, other, { ...options, protocol: `${protocol}/${index}` })
    const stream = await one.libp2p.dialProtocol(other.libp2p.peerId, `${protocol}/${index}`)
    const closed = once(stream, 'close')
    stream.send(bytes)
    if (end) await stream.close()
    const [event] = await closed
    t.ok(event.error, id)
  }
  const into = await inbox(t, other, { frameBytes: 10 })
  const stream = await one.libp2p.dialProtocol(other.libp2p.peerId, protocol)
  stream.send(frame(Buffer.alloc(10, 'x')))
  await into.has(1)
  t.same(into.bodies, ['x'.repeat(10)], 'the control, at the limit and on the same connection, is taken')
})

t.test(
  'a stream that is reset while frames of it are dealt with harms nobody, also when those are refused',
  async (t) => {
    const unhandled: unknown[] = []
    const note = (reason: unknown): number => unhandled.push(reason)
    process.on('unhandledRejection', note)
    t.teardown(() => process.off('unhandledRejection', note))
    const [one, other] = await pair(t)
    const refused = Promise.withResolvers<void>()
    const into = new Inbox()
    await inbox(t, other, {
      receive(body) {
        into.take(body)
        return body[0] === 0x41 ? refused.promise : undefined
      },
    })
    const stream = await one.libp2p.dialProtocol(other.libp2p.peerId, protocol)
    const closed = once(stream, 'close')
    // A frame, and with it a length that none may have.
    stream.send(Buffer.from([0x01, 0x41, 0xff, 0xff, 0xff, 0x7f]))
    await closed
    refused.reject(new Error('refused'))
    await turn()
    const next = await one.libp2p.dialProtocol(other.libp2p.peerId, protocol)
    next.send(text('next'))
    await into.has(2)
    t.same(into.bodies, ['A', 'next'])
    t.same(unhandled, [])
  },
)

t.test('a stream that ended before anybody looked at it is not kept', async (t) => {
  const [one, other] = await pair(t)
  const mounted = late(other.libp2p)
  const into = new Inbox()
  const receiver = { protocol, frameBytes: 10, frameTimeout: 60_000, inboundStreams: 100 }
  const receiving = await receivePushes(
    { ...receiver, receive: (body) => into.take(body) },
    { libp2p: mounted, log: silentLog() },
  )
  const gone = await one.libp2p.dialProtocol(other.libp2p.peerId, protocol)
  gone.abort(new Error('never mind'))
  const handled = await mounted.handled
  const open = await one.libp2p.dialProtocol(other.libp2p.peerId, protocol)
  open.send(text('kept'))
  await into.has(1)
  const [kept] = streams(other)
  const aborts = [handled, kept as Stream].map(abortsOf)
  await receiving[Symbol.asyncDispose]()
  t.same(aborts, [{ count: 0 }, { count: 1 }])
})
