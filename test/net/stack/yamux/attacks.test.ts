/** What peers may not do, each beside what they may. */
import { setTimeout as pause, setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { hostLimits } from '../../../../src/net/limits.ts'
import { type YamuxRefusal, YamuxSession } from '../../../../src/net/stack/yamux/session.ts'
import type { YamuxStream } from '../../../../src/net/stack/yamux/stream.ts'
import { StreamIds } from '../../../../src/net/stack/yamux/stream-ids.ts'
import { asConnection, type WireEnd, wire } from '../../../kit/wire.ts'
import { SeenFrames, yamuxFrame } from '../../../kit/yamux.ts'

const limits = { ...hostLimits(150 * 1024), streams: 64, streamsPerSecond: 1000 }
const window = 262_144
const [syn, ack, fin, rst] = [1, 2, 4, 8]

interface Victim {
  readonly session: YamuxSession
  readonly attacker: WireEnd
  readonly streams: YamuxStream[]
  readonly refusals: YamuxRefusal[]
  /** What the victim has sent. */
  readonly answers: SeenFrames
  /** Sends, and waits until all of it was read. */
  send(...frames: Uint8Array[]): Promise<void>
}

/** A session that the attacker dialled; `serve` gets its streams. */
function victim(some: Partial<typeof limits> = {}, serve: (stream: YamuxStream) => void = () => {}): Victim {
  const [attacker, end] = wire()
  const answers = new SeenFrames()
  attacker.addEventListener('message', ({ data }) => answers.push(data.subarray()))
  const refusals: YamuxRefusal[] = []
  const session = new YamuxSession(asConnection(end), {
    limits: { ...limits, ...some },
    refused: (why) => refusals.push(why),
  })
  const streams: YamuxStream[] = []
  session.addEventListener('stream', ({ detail }) => {
    streams.push(detail)
    detail.protocol = '/test/1.0.0'
    serve(detail)
  })
  const send = async (...frames: Uint8Array[]): Promise<void> => {
    if (attacker.status === 'open') attacker.send(Buffer.concat(frames))
    for (let turn = 0; turn < 4; turn += 1) await setImmediate()
  }
  return { session, attacker, streams, refusals, answers, send }
}

function open(id: number): Buffer {
  return yamuxFrame(1, syn, id, 0)
}

function data(id: number, length: number, flags = 0): Buffer {
  return yamuxFrame(0, flags, id, length, Buffer.alloc(length))
}

function ofVersion(version: number): Buffer {
  const frame = open(1)
  frame.writeUInt8(version, 0)
  return frame
}

function many(count: number, frame: (index: number) => Buffer): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, index) => frame(index)))
}

/** Whoever sends `bad` is parted from, told that it broke the protocol; whoever sends `good` is not. */
const broken = [
  { what: 'of another version', bad: [ofVersion(1)], good: [ofVersion(0)] },
  { what: 'of no type', bad: [yamuxFrame(4, 0, 0, 0)], good: [yamuxFrame(2, syn, 0, 0)] },
  { what: 'that announces 4 GiB', bad: [open(1), yamuxFrame(0, 0, 1, 0xffffffff)], good: [open(1), data(1, window)] },
  { what: 'a byte above the window', bad: [data(1, window, syn), data(1, 1)], good: [data(1, window, syn)] },
  { what: 'of 4 GiB for nobody', bad: [yamuxFrame(0, 0, 7, 0xffffffff)], good: [data(7, 1000), data(7, window)] },
  {
    what: 'that makes a window overflow',
    bad: [open(1), yamuxFrame(1, 0, 1, 0xffffffff)],
    good: [open(1), yamuxFrame(1, 0, 1, 0xffffffff - 256_000)],
  },
  { what: 'that opens a stream with an id of ours', bad: [open(2)], good: [open(3)] },
  { what: 'that opens a stream twice', bad: [open(1), open(1)], good: [open(1), open(3), data(1, 1)] },
  { what: 'of data for the session', bad: [data(0, 1)], good: [data(1, 1, syn)] },
  { what: 'of an update for the session', bad: [yamuxFrame(1, 0, 0, 1)], good: [open(1), yamuxFrame(1, 0, 1, 1)] },
  { what: 'of a ping on a stream', bad: [yamuxFrame(2, syn, 1, 0)], good: [yamuxFrame(2, syn, 0, 0)] },
  { what: 'of a ping without a direction', bad: [yamuxFrame(2, 0, 0, 0)], good: [yamuxFrame(2, syn, 0, 0)] },
  { what: 'that answers a ping of nobody', bad: [yamuxFrame(2, ack, 0, 1)], good: [yamuxFrame(2, syn, 0, 1)] },
  { what: 'that ends the session from a stream', bad: [yamuxFrame(3, 0, 1, 0)], good: [open(1)] },
  {
    what: 'of a ping, again and again',
    bad: [many(300, (index) => yamuxFrame(2, syn, 0, index))],
    good: [many(50, (index) => yamuxFrame(2, syn, 0, index))],
  },
  {
    what: 'of a reset of nothing, again and again',
    bad: [many(150_000, () => yamuxFrame(1, rst, 9, 0))],
    good: [many(10_000, () => yamuxFrame(1, rst, 9, 0))],
  },
  {
    what: 'of an update of nothing, again and again',
    bad: [open(1), many(150_000, () => yamuxFrame(1, 0, 1, 0))],
    good: [open(1), many(10_000, () => yamuxFrame(1, 0, 1, 0))],
  },
] as const

for (const { what, bad, good } of broken)
  t.test(`a peer that sends a frame ${what} is parted from`, async (t) => {
    const attacked = victim()
    await attacked.send(...bad)
    t.equal(attacked.attacker.status, 'reset')
    t.same(attacked.refusals, ['frame'])
    t.same(
      attacked.answers.frames.at(-1),
      { type: 3, flags: 0, id: 0, length: 1 },
      'given to the connection: protocol error',
    )
    t.ok(attacked.streams.every(({ status }) => status !== 'open'))
    const fine = victim()
    await fine.send(...good)
    t.equal(fine.attacker.status, 'open')
    t.same(fine.refusals, [])
  })

t.test('what is too much at once is borne when it comes second after second', async (t) => {
  const bursts = [many(90, (index) => yamuxFrame(2, syn, 0, index)), many(45_000, () => yamuxFrame(1, rst, 9, 0))]
  for (const burst of bursts) {
    const attacked = victim()
    for (let second = 0; second < 3; second += 1) {
      await attacked.send(burst)
      await pause(1100)
    }
    t.equal(attacked.attacker.status, 'open')
    // However the seconds of the clock lie: four bursts are more than two may have.
    await attacked.send(burst, burst, burst, burst)
    t.equal(attacked.attacker.status, 'reset')
  }
})

const tooFast = [
  { what: 'opens streams too fast', frame: (index: number) => open(1 + 2 * index) },
  {
    what: 'opens and resets streams too fast',
    frame: (index: number) => Buffer.concat([open(1 + 2 * index), yamuxFrame(1, rst, 1 + 2 * index, 0)]),
  },
]

for (const { what, frame } of tooFast)
  t.test(`a peer that ${what} is parted from`, async (t) => {
    const attacked = victim({ streamsPerSecond: 50 })
    await attacked.send(many(200, frame))
    t.equal(attacked.attacker.status, 'reset')
    t.same(attacked.refusals, ['streams'])
    const fine = victim({ streamsPerSecond: 50 })
    await fine.send(many(40, frame))
    t.equal(fine.attacker.status, 'open')
  })

t.test('a stream too many is reset, and the connection stays', async (t) => {
  const attacked = victim({ streams: 3 })
  await attacked.send(many(5, (index) => open(1 + 2 * index)))
  t.equal(attacked.streams.length, 3)
  t.equal(attacked.attacker.status, 'open')
  t.same(
    attacked.answers.frames.map(({ flags, id }) => [flags, id]),
    [
      [ack, 1],
      [ack, 3],
      [ack, 5],
      [rst, 7],
      [rst, 9],
    ],
  )
  await attacked.send(yamuxFrame(1, rst, 1, 0), open(11))
  t.equal(attacked.streams.length, 4, 'there is room again')
})

t.test('streams that their peer has ended count until we end them too', async (t) => {
  const attacked = victim({ streams: 2 })
  await attacked.send(yamuxFrame(1, syn | fin, 1, 0), yamuxFrame(1, syn | fin, 3, 0), open(5))
  t.equal(attacked.session.streams.length, 2)
  for (const stream of attacked.streams) await stream.close()
  t.equal(attacked.session.streams.length, 0)
  await attacked.send(open(7))
  t.equal(attacked.streams.at(-1)?.id, '7')
})

t.test('data behind the end of a stream resets it, and nothing else', async (t) => {
  const attacked = victim()
  let received = 0
  await attacked.send(open(1), open(3))
  attacked.streams[0]?.addEventListener('message', ({ data }) => {
    received += data.byteLength
  })
  await attacked.send(data(1, 5, fin), data(1, 7))
  t.equal(received, 5)
  t.same(
    attacked.streams.map(({ status }) => status),
    ['aborted', 'open'],
  )
  t.equal(attacked.attacker.status, 'open')
})

t.test('streams whose readers are paused hold their windows, and grant nothing', async (t) => {
  const attacked = victim({}, (stream) => stream.pause())
  for (let id = 1; id < 128; id += 2) await attacked.send(data(id, window, syn))
  const held = attacked.streams.reduce((sum, { readBufferLength }) => sum + readBufferLength, 0)
  t.equal(held, 64 * window)
  const updates = () => attacked.answers.frames.filter(({ type, length }) => type === 1 && length > 0)
  t.same(updates(), [])
  let taken = 0
  for (const stream of attacked.streams) {
    stream.addEventListener('message', ({ data }) => {
      taken += data.byteLength
    })
    stream.resume()
  }
  await attacked.send()
  t.equal(taken, held)
  t.equal(updates().length, 64, 'one update each')
  await attacked.send(data(1, window))
  t.equal(attacked.attacker.status, 'open')
  await attacked.send(data(3, 2 * window + 1))
  t.equal(attacked.attacker.status, 'reset')
})

t.test('a stream whose protocol is not agreed on gets no more than its first window', async (t) => {
  const attacked = victim({}, (stream) => {
    stream.protocol = ''
  })
  await attacked.send(open(1))
  const [stream] = attacked.streams
  let taken = 0
  stream?.addEventListener('message', ({ data }) => {
    taken += data.byteLength
  })
  const granted = (): number =>
    attacked.answers.frames.reduce((sum, { type, length }) => sum + (type === 1 ? length : 0), 0)
  await attacked.send(data(1, window))
  t.equal(taken, window)
  t.equal(granted(), 0)
  if (stream !== undefined) stream.protocol = '/agreed/1.0.0'
  await attacked.send()
  t.ok(granted() >= window, 'then it gets more')
  await attacked.send(data(1, window))
  t.equal(taken, 2 * window)
})

t.test('a reader that is paused in the middle of its data gets no more of it, and grants none', async (t) => {
  const attacked = victim()
  await attacked.send(open(1))
  const [stream] = attacked.streams
  const pieces: number[] = []
  stream?.addEventListener('message', ({ data }) => {
    pieces.push(data.byteLength)
    stream.pause()
  })
  await attacked.send(data(1, window / 2), data(1, 100))
  t.same(pieces, [window / 2])
  t.equal(stream?.readBufferLength, 100)
  t.notOk(attacked.answers.frames.some(({ length }) => length > 0))
  stream?.resume()
  await attacked.send()
  t.same(pieces, [window / 2, 100])
})

t.test('a peer that ends the session gets what that means', async (t) => {
  for (const { reason, status } of [
    { reason: 0, status: 'closed' },
    { reason: 1, status: 'aborted' },
    { reason: 77, status: 'aborted' },
  ] as const) {
    const ended = victim()
    await ended.send(open(1), yamuxFrame(3, 0, 0, reason), open(3))
    t.equal(ended.streams.length, 1)
    t.equal(ended.streams[0]?.status, status)
    t.equal(ended.session.status, 'closed')
    t.not(ended.attacker.status, 'open')
    t.same(ended.refusals, [])
    await t.rejects(ended.session.createStream(), { name: 'MuxerClosedError' })
  }
})

t.test('streams that come before anybody listens are kept, as many as may be open', async (t) => {
  const [attacker, end] = wire()
  const session = new YamuxSession(asConnection(end), { limits: { ...limits, streams: 2 }, refused: () => {} })
  attacker.send(Buffer.concat([data(1, 5, syn), data(3, 6, syn | fin), open(5)]))
  for (let turn = 0; turn < 3; turn += 1) await setImmediate()
  const bytes: Record<string, number> = {}
  session.addEventListener('stream', ({ detail }) => {
    detail.addEventListener('message', ({ data }) => {
      bytes[detail.id] = data.byteLength
    })
  })
  await setImmediate()
  t.same(bytes, { 1: 5, 3: 6 })
})

t.test('streams that a peer does not acknowledge are no more than its backlog', async (t) => {
  const { session, send } = victim()
  const opened = await Promise.all(Array.from({ length: 256 }, () => session.createStream()))
  await t.rejects(session.createStream(), { name: 'TooManyOutboundProtocolStreamsError' })
  await send(yamuxFrame(1, ack, opened[0]?.number ?? 0, 0))
  await session.createStream()
  opened[1]?.abort(new Error('enough'))
  await session.createStream()
  await t.rejects(session.createStream(), { name: 'TooManyOutboundProtocolStreamsError' })
})

t.test('ids are used up one day, and then the session opens no stream', async (t) => {
  const [, end] = wire()
  const ids = new StreamIds(false, 0xfffffffc)
  const session = new YamuxSession(asConnection(end), { limits, refused: () => {}, ids })
  t.equal((await session.createStream()).number, 0xfffffffc)
  t.equal((await session.createStream()).number, 0xfffffffe)
  await t.rejects(session.createStream(), { name: 'MuxerClosedError' })
})

t.test('flags that nobody knows mean nothing', async (t) => {
  const fine = victim()
  await fine.send(yamuxFrame(1, 0xfff0 | syn, 1, 0), data(1, 3, 0x10))
  t.equal(fine.streams[0]?.readBufferLength, 3)
  t.equal(fine.attacker.status, 'open')
})

t.test('whatever bytes come, the session stands or ends, and its streams with it', async (t) => {
  const header = fc.record({
    type: fc.constantFrom(0, 0, 0, 1, 1, 2, 3, 5),
    flags: fc.constantFrom(0, 0, 0, 1, 2, 4, 8, 5, 9, 15),
    id: fc.constantFrom(0, 1, 1, 3, 5, 2, 0xffffffff),
    length: fc.constantFrom(0, 1, 100, 5000, window, window + 1, 0xffffffff),
  })
  const made = header.map(({ type, flags, id, length }) =>
    yamuxFrame(type, flags, id, length, Buffer.alloc(type === 0 && length <= window ? length : 0)),
  )
  const bytes = fc.oneof({ weight: 9, arbitrary: made }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }) })
  let ended = 0
  let stood = 0
  const property = fc.asyncProperty(fc.array(bytes, { maxLength: 30 }), async (all) => {
    const attacked = victim({ streams: 2 }, (stream) => {
      if (stream.number === 3) stream.pause()
      if (stream.number === 5) stream.addEventListener('message', () => void stream.close().catch(() => {}))
    })
    await attacked.send(...all)
    const { session, streams, attacker } = attacked
    for (const { readBufferLength } of streams) t.ok(readBufferLength <= window)
    if (attacker.status === 'open') stood += 1
    else ended += 1
    if (attacker.status === 'open') return session.status === 'open'
    return session.status === 'closed' && streams.every(({ status }) => status !== 'open')
  })
  await fc.assert(property, { numRuns: 3000, seed: 20_261_127 })
  t.ok(ended > 300 && stood > 300, `${ended} sessions ended, ${stood} stood`)
})
