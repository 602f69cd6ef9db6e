/** Links over real sockets, with peers that read slowly, break off, or send what they may not. */
import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import type { Connection, Stream } from '@libp2p/interface'
import t, { type Test } from 'tap'
import { isWaypostError } from '../../../src/core/errors.ts'
import { FrameReader, frame } from '../../../src/net/frames.ts'
import type { Host } from '../../../src/net/host.ts'
import { type HostLimits, hostLimits } from '../../../src/net/limits.ts'
import { Link, type LinkLimits, settled } from '../../../src/net/links/link.ts'
import { type LinkComponents, Links } from '../../../src/net/links/links.ts'
import { Turn } from '../../../src/net/links/turn.ts'
import { connect, host } from '../../kit/host.ts'
import { abortsOf } from '../../kit/late.ts'

const protocol = '/waypost/test-link/1.0.0'

const defaults: LinkLimits = {
  frameBytes: 100_000,
  inboundStreams: 3,
  waiting: { bytes: 500_000, frames: 1000 },
  patience: 30_000,
}

/** What happens to links, and when. */
class Record {
  readonly links: Link[] = []
  readonly received: string[] = []
  readonly errors: unknown[] = []
  opened = 0
  dropped = 0
  unreachable = 0
  left = 0
  readonly #changes = new EventTarget()

  tell(change: () => void): void {
    change()
    this.#changes.dispatchEvent(new Event('change'))
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await once(this.#changes, 'change')
  }

  /** The only peer. */
  get link(): Link {
    const [link] = this.links
    if (link === undefined) throw new Error('no peer')
    return link
  }
}

interface Linked {
  readonly host: Host<{ links: Links }>
  readonly links: Links
  readonly record: Record
}

/** A host that keeps links, and greets each peer with a frame. */
async function linked(t: Test, limits: Partial<LinkLimits> = {}, hosted: Partial<HostLimits> = {}): Promise<Linked> {
  const record = new Record()
  const links = (components: LinkComponents): Links =>
    new Links(components, {
      protocols: [protocol],
      limits: { ...defaults, ...limits },
      came(link) {
        record.tell(() => record.links.push(link))
        return {
          take: (buffer, _begin, start, end) =>
            record.tell(() => record.received.push(Buffer.from(buffer.subarray(start, end)).toString())),
          opened: () => {
            record.tell(() => {
              record.opened += 1
            })
            return frame(Buffer.from('greeting'))
          },
          violated: (error) => record.tell(() => record.errors.push(error)),
          dropped: (frames) =>
            record.tell(() => {
              record.dropped += frames
            }),
          unreachable: () =>
            record.tell(() => {
              record.unreachable += 1
            }),
        }
      },
      left: () =>
        record.tell(() => {
          record.left += 1
        }),
    })
  const made = await host<{ links: Links }>(t, {
    services: { links },
    limits: { ...hostLimits(150 * 1024), ...hosted },
  })
  return { host: made, links: made.libp2p.services.links, record }
}

/** A host that does with the streams that others open whatever `take` does. */
function plain(t: Test, take: (stream: Stream, connection: Connection) => void): Promise<Host> {
  return host(t, { mount: ({ libp2p }) => libp2p.handle(protocol, take) })
}

/** The bodies that come on a stream. */
function bodiesOf(stream: Stream, take: (body: string) => void): void {
  const reader = new FrameReader(1 << 20)
  stream.addEventListener('message', ({ data }) => {
    for (const body of reader.push(data)) take(Buffer.from(body).toString())
  })
}

const text = (value: string): Uint8Array => frame(Buffer.from(value))

t.test('two peers have a stream each way, the greeting comes first, and frames come in order', async (t) => {
  const [one, other] = await Promise.all([linked(t), linked(t)])
  await connect(one.host, other.host)
  await one.record.until(() => one.record.links.length === 1)
  const numbers = Array.from({ length: 500 }, (_, index) => String(index))
  for (const number of numbers) one.record.link.send(text(number), 'message')
  await other.record.until(() => other.record.received.length === 501)
  t.same(other.record.received, ['greeting', ...numbers])
  t.equal(one.record.link.protocol, protocol)
  t.equal(one.record.link.dialled, true)
  t.equal(other.record.link.dialled, false)
  t.equal(other.record.link.ip, '127.0.0.1')
  await other.record.until(() => other.record.opened === 1)
  t.equal(one.record.opened, 1)
})

t.test('what is put within one turn leaves together: control, then messages, then answers', async (t) => {
  const sizes: number[] = []
  const bodies: string[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  const peer = await plain(t, (stream) => {
    bodiesOf(stream, (body) => {
      bodies.push(body)
      if (bodies.length === 7) resolve()
    })
    stream.addEventListener('message', ({ data }) => sizes.push(data.byteLength))
  })
  const { host, record } = await linked(t)
  await connect(host, peer)
  await record.until(() => record.opened === 1)
  const { link } = record
  for (const [body, rank] of [
    ['a1', 'answer'],
    ['m1', 'message'],
    ['c1', 'control'],
    ['m2', 'message'],
    ['c2', 'control'],
    ['a2', 'answer'],
  ] as const)
    link.send(text(body), rank)
  await promise
  t.same(bodies, ['greeting', 'c1', 'c2', 'm1', 'm2', 'a1', 'a2'])
  t.ok(sizes.length <= 2, `the greeting, and all the rest at once: ${sizes}`)
})

t.test('a peer that does not read loses the oldest messages, and slows nobody', async (t) => {
  const streams: Stream[] = []
  const slow = await plain(t, (stream) => {
    streams.push(stream)
    stream.pause()
  })
  const [{ host, record }, quick] = await Promise.all([linked(t), linked(t)])
  await connect(host, slow)
  await record.until(() => record.opened === 1)
  await connect(host, quick.host)
  await record.until(() => record.opened === 2)
  const bodies = Array.from({ length: 400 }, (_, index) => `${index} `.padEnd(10_000, 'x'))
  for (const [index, body] of bodies.entries()) {
    for (const link of record.links) link.send(text(body), 'message')
    await quick.record.until(() => quick.record.received.length === index + 2)
  }
  t.ok(record.dropped > 0, `${record.dropped} of 400 were dropped`)
  const got: string[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  const [stream] = streams
  if (stream === undefined) throw new Error('no stream')
  bodiesOf(stream, (body) => {
    got.push(body)
    if (body === bodies.at(-1)) resolve()
  })
  stream.resume()
  await promise
  t.equal(got.length, 1 + 400 - record.dropped)
  const numbers = got.slice(1).map((body) => Number.parseInt(body, 10))
  t.same(
    numbers,
    [...numbers].sort((one, other) => one - other),
    'in their order',
  )
})

t.test('a peer that reads nothing for too long loses the stream, and gets another', async (t) => {
  const streams: Stream[] = []
  const { promise: again, resolve } = Promise.withResolvers<void>()
  const slow = await plain(t, (stream) => {
    streams.push(stream)
    if (streams.length === 1) stream.pause()
    else resolve()
  })
  const { host, record, links } = await linked(t)
  await connect(host, slow)
  await record.until(() => record.opened === 1)
  const [first] = streams
  if (first === undefined) throw new Error('no stream')
  const ended = once(first, 'close')
  for (let sent = 0; sent < 300; sent += 1) record.link.send(text('x'.repeat(10_000)), 'message')
  await record.until(() => record.dropped > 0)
  let now = 0
  while (record.link.protocol !== undefined) {
    links.look(now)
    now += defaults.patience
    await turn()
  }
  await ended
  links.look(now)
  links.look(now + 2000)
  await again
  t.equal(streams.length, 2)
})

t.test(
  'what waits for one peer alone counts with what its connection holds, and messages for all do not',
  async (t) => {
    const waiting = { bytes: 2_000_000, frames: 1000 }
    const [{ host, record }, ...slow] = await Promise.all([
      linked(t, { waiting }, { bufferedBytes: 300_000 }),
      plain(t, (stream) => stream.pause()),
      plain(t, (stream) => stream.pause()),
    ])
    for (const [index, peer] of slow.entries()) {
      await connect(host, peer)
      await record.until(() => record.opened === index + 1)
    }
    const [greedy, modest] = host.libp2p.getConnections()
    const gone = once(greedy as Connection, 'close')
    for (const [index, rank] of (['answer', 'message'] as const).entries())
      for (let sent = 0; sent < 100; sent += 1) record.links[index]?.send(text('x'.repeat(10_000)), rank)
    await gone
    t.equal(modest?.status, 'open')
  },
)

t.test('what waits for a peer that lets us open no stream counts with the stream that it opened', async (t) => {
  const waiting = { bytes: 2_000_000, frames: 1000 }
  const [{ host: ours, record }, peer] = await Promise.all([
    linked(t, { waiting }, { bufferedBytes: 300_000 }),
    host(t),
  ])
  const theirs = await peer.libp2p.dialProtocol(ours.addresses(), protocol)
  theirs.send(text('I read nothing'))
  await record.until(() => record.received.length === 1)
  // Each try to open one that fails drops what waits.
  while (record.left === 0) {
    record.link.send(text('x'.repeat(10_000)), 'control')
    await turn()
  }
  t.same(ours.libp2p.getConnections(), [])
})

/** A stream that was aborted is told of in its own time. */
async function untilProtocolIsLost(link: Link): Promise<void> {
  while (link.protocol !== undefined) await turn()
}

/** A link whose peer breaks off its stream when the test wants it; by the link's clock, which stands still otherwise. */
class Broken {
  readonly #streams: Stream[] = []
  #link!: Link
  #asked = 0
  #now = 1000

  async begin(t: Test): Promise<void> {
    const [host, peer] = await Promise.all([plain(t, () => {}), plain(t, (stream) => void this.#streams.push(stream))])
    await connect(host, peer)
    const [connection] = host.libp2p.getConnections()
    if (connection === undefined) throw new Error('no connection')
    this.#link = new Link(connection, {
      connection: () => {
        this.#asked += 1
        return connection
      },
      protocols: [protocol],
      limits: defaults,
      turn: new Turn(),
    })
    await this.#link.open()
  }

  /** The stream stays open for so long. */
  lives(time: number): void {
    this.#link.look(this.#now)
    this.#now += time
    this.#link.look(this.#now)
  }

  /** The stream breaks, and is opened again: after how long. */
  async breaks(): Promise<number> {
    while (this.#streams.length < this.#asked) await turn()
    this.#streams.at(-1)?.abort(new Error('not today'))
    await untilProtocolIsLost(this.#link)
    const [lostAt, asked] = [this.#now, this.#asked]
    this.#link.look(this.#now)
    while (this.#asked === asked) {
      this.#now += 10
      this.#link.look(this.#now)
    }
    while (this.#link.protocol === undefined) await turn()
    return this.#now - lostAt
  }
}

function isBetween(t: Test, value: number, [from, to]: readonly [number, number], what: string): void {
  t.ok(value >= from && value <= to + 10, `${what}: ${value} is from ${from} to ${to}`)
}

t.test('a stream that the peer resets is opened again, later each time', async (t) => {
  const link = new Broken()
  await link.begin(t)
  for (const most of [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000])
    isBetween(t, await link.breaks(), [most / 2, most], 'the wait')
})

t.test('a stream that was good for a while is opened again as soon as the first', async (t) => {
  const link = new Broken()
  await link.begin(t)
  for (let times = 0; times < 4; times += 1) await link.breaks()
  link.lives(settled - 1)
  isBetween(t, await link.breaks(), [8000, 16_000], 'not long enough')
  link.lives(settled)
  isBetween(t, await link.breaks(), [500, 1000], 'long enough')
  isBetween(t, await link.breaks(), [1000, 2000], 'and then later each time')
})

t.test('a stream that is missing for long is told of once, and again when the next breaks at once', async (t) => {
  const streams: Stream[] = []
  const [{ host, links, record }, peer] = await Promise.all([linked(t), plain(t, (stream) => streams.push(stream))])
  await connect(host, peer)
  await record.until(() => record.opened === 1)
  const { link } = record
  const breaks = async (): Promise<void> => {
    while (streams.length < record.opened) await turn()
    streams.at(-1)?.abort(new Error('not today'))
    await untilProtocolIsLost(link)
  }
  const reopens = async (from: number): Promise<void> => {
    const before = record.opened
    await peer.libp2p.handle(protocol, (stream) => void streams.push(stream), { force: true })
    for (let now = from; record.opened === before; now += 1) {
      links.look(now)
      await turn()
    }
  }
  links.look(0)
  await breaks()
  await peer.libp2p.unhandle(protocol)
  const told = [1000, 1000 + defaults.patience - 1, 1000 + defaults.patience, 200_000].map((now) => {
    links.look(now)
    return record.unreachable
  })
  t.same(told, [0, 0, 1, 1])
  await reopens(300_000)
  await breaks()
  links.look(600_000)
  t.equal(record.unreachable, 2, 'nobody has seen it open')
  await reopens(700_000)
  links.look(1_000_000)
  await breaks()
  links.look(1_000_001)
  t.equal(record.unreachable, 2, 'it was open for a while')
})

t.test('a frame above the limit, or bytes that are none, cost the stream and not the peer', async (t) => {
  const [{ host, record }, peer] = await Promise.all([linked(t), plain(t, () => {})])
  await connect(peer, host)
  const open = () => peer.libp2p.dialProtocol(host.addresses(), protocol)
  const good = await open()
  good.send(text('good'))
  await record.until(() => record.received.length === 1)
  for (const bytes of [frame(Buffer.alloc(defaults.frameBytes + 1)), Buffer.alloc(10, 0xff)]) {
    const bad = await open()
    const [before, ended] = [record.errors.length, once(bad, 'close')]
    bad.send(bytes)
    await record.until(() => record.errors.length > before)
    await ended
  }
  t.ok(isWaypostError(record.errors[0], 'wire/too-large'))
  t.ok(isWaypostError(record.errors[1], 'wire/malformed'))
  good.send(frame(Buffer.alloc(defaults.frameBytes, 'y')))
  await record.until(() => record.received.length === 2)
  t.equal(record.received[1]?.length, defaults.frameBytes, 'at the limit it passes')
})

t.test('a peer may open so many streams, and a frame that does not end costs one', async (t) => {
  const [{ host, record, links }, peer] = await Promise.all([linked(t), plain(t, () => {})])
  await connect(peer, host)
  const streams: Stream[] = []
  for (let opened = 0; opened < defaults.inboundStreams; opened += 1) {
    const stream = await peer.libp2p.dialProtocol(host.addresses(), protocol)
    stream.send(text(`stream ${opened}`))
    streams.push(stream)
  }
  await record.until(() => record.received.length === defaults.inboundStreams)
  const many = await peer.libp2p.dialProtocol(host.addresses(), protocol)
  if (many.status === 'open') await once(many, 'close')
  t.not(many.status, 'open', 'one too many is reset')
  const [slow, fast] = streams
  if (slow === undefined || fast === undefined) throw new Error('two streams')
  slow.send(text('x'.repeat(100)).subarray(0, 50))
  fast.send(text('done'))
  await record.until(() => record.received.length === defaults.inboundStreams + 1)
  links.look(0)
  t.equal(slow.status, 'open')
  const ended = once(slow, 'close')
  links.look(defaults.patience)
  await ended
  t.equal(fast.status, 'open')
})

t.test('a stream of the peer that ended before it is read is not kept', async (t) => {
  const [{ host, links, record }, peer] = await Promise.all([linked(t), plain(t, () => {})])
  await connect(peer, host)
  const open = async (body: string) => {
    const theirs = await peer.libp2p.dialProtocol(host.addresses(), protocol)
    theirs.send(text(body))
    await record.until(() => record.received.includes(body))
    const ours = host.libp2p.getConnections()[0]?.streams.filter(({ direction }) => direction === 'inbound') ?? []
    return ours.at(-1) as Stream
  }
  const [gone, kept] = [await open('gone'), await open('kept')]
  gone.abort(new Error('never mind'))
  // As libp2p hands it over when it was reset meanwhile.
  record.link.read(gone)
  const aborts = [gone, kept].map(abortsOf)
  await links.stop()
  t.same(aborts, [{ count: 0 }, { count: 1 }])
})

t.test('a peer that is disconnected is gone, and what waits for it with it', async (t) => {
  const [one, other] = await Promise.all([linked(t), linked(t)])
  await connect(one.host, other.host)
  await one.record.until(() => one.record.opened === 1)
  await one.host.libp2p.hangUp(other.host.libp2p.peerId)
  await one.record.until(() => one.record.left === 1)
  one.record.link.send(text('to nobody'), 'message')
  await connect(one.host, other.host)
  await one.record.until(() => one.record.links.length === 2)
  one.record.links[1]?.send(text('back'), 'message')
  await other.record.until(() => other.record.received.includes('back'))
  t.notOk(other.record.received.includes('to nobody'))
})
