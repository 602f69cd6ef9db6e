import { once } from 'node:events'
import type { Connection, Stream } from '@libp2p/interface'
import { mplex } from '@libp2p/mplex'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import t, { type Test } from 'tap'
import { WaypostError } from '../../src/core/errors.ts'
import { Turns } from '../../src/core/turns.ts'
import { type ExchangeLimits, type ExchangeService, request, serveExchange } from '../../src/net/exchange.ts'
import { FrameReader, frame } from '../../src/net/frames.ts'
import type { Host } from '../../src/net/host.ts'
import { Quota } from '../../src/net/quota.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.ts'
import { sayEagerly } from '../kit/eager.ts'
import { connect, host, pair } from '../kit/host.ts'

const protocol = '/waypost/test/echo/1.0.0'
const requestBytes = 1024
const answerBytes = 64 * 1024
const timeout = 10_000
const patient: ExchangeLimits = { requestBytes, requestTimeout: 60_000, answerTimeout: 60_000, inboundStreams: 8 }

const muxers = { yamux: yamux(), mplex: mplex({ disconnectThreshold: 1000 }) }

/** Nothing that a peer does may end up here. */
const unhandled: unknown[] = []
process.on('unhandledRejection', (reason) => unhandled.push(reason))

interface EchoOptions {
  readonly turns?: Turns
  readonly limits?: Partial<ExchangeLimits>
  readonly volume?: number
  readonly answer?: ExchangeService<Uint8Array>['answer']
  readonly refuse?: ExchangeService<Uint8Array>['refuse']
}

/** Answers a request with its own bytes, and refuses one with the code of the error and the request it saw. */
function echo({ turns, limits, answer, refuse }: EchoOptions): ExchangeService<Uint8Array> {
  return {
    protocol,
    name: 'metadata',
    limits: { ...patient, ...limits },
    turns,
    decode: (body) => {
      if (body[0] === 0xff) throw new WaypostError('wire/malformed', { what: 'echo', why: 'first byte' })
      return body
    },
    answer: answer ?? ((request) => request),
    refuse: refuse ?? ((error, request) => Buffer.from(`${error.code} ${request?.length ?? 'unseen'}`)),
  }
}

async function served(t: Test, options: EchoOptions = {}): Promise<{ server: Host; metrics: Metrics }> {
  const metrics = createMetrics()
  const rate = { volume: options.volume ?? 1000, period: 60_000 }
  const quota = new Quota({ perPeer: rate, total: rate })
  const server = await host(t, {
    mount: async ({ libp2p }) => {
      await serveExchange(echo(options), { libp2p, quota, metrics, log: silentLog() })
    },
  })
  return { server, metrics }
}

async function connection(t: Test, server: Host, muxer: keyof typeof muxers = 'yamux'): Promise<Connection> {
  const client = await createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [muxers[muxer]],
    connectionGater: { denyDialMultiaddr: () => false },
  })
  t.teardown(() => client.stop())
  return client.dial(server.addresses())
}

/** What came back on a stream: whole bodies, and how it ended. */
interface Outcome {
  readonly bodies: readonly string[]
  readonly end: 'closed' | 'reset'
}

/** Watches a stream until the other side closes or resets it. */
function outcome(stream: Stream): Promise<Outcome> {
  const reader = new FrameReader(8 * 1024 * 1024)
  const bodies: string[] = []
  return new Promise((resolve) => {
    stream.addEventListener('message', ({ data }) => {
      for (const body of reader.push(data)) bodies.push(Buffer.from(body).toString('latin1'))
    })
    stream.addEventListener('end', () => stream.status === 'open' && resolve({ bodies, end: 'closed' }))
    stream.addEventListener('close', ({ error }) => resolve({ bodies, end: error === undefined ? 'closed' : 'reset' }))
    if (stream.status === 'reset') resolve({ bodies, end: 'reset' })
  })
}

async function count(
  metrics: Metrics,
  name: 'waku_service_requests_total' | 'waypost_service_errors_total' | 'waku_service_network_bytes_total',
  label: string,
): Promise<number> {
  const { values } = await metrics[name].get()
  const matching = values.filter(({ labels }) => Object.values(labels).includes(label))
  return matching.reduce((sum, { value }) => sum + value, 0)
}

function text(length: number): Uint8Array {
  return Buffer.alloc(length, 'a')
}

for (const muxer of ['yamux', 'mplex'] as const) {
  t.test(`over ${muxer}`, async (t) => {
    const { server, metrics } = await served(t)
    const peer = await connection(t, server, muxer)
    const open = (): Promise<Stream> => peer.newStream(protocol)

    t.test('a request is answered and our side closed, whether or not the client closes its own', async (t) => {
      for (const halfClose of [true, false]) {
        const stream = await open()
        const answered = outcome(stream)
        stream.send(frame(Buffer.from('hello')))
        if (halfClose) await stream.close()
        t.same(await answered, { bodies: ['hello'], end: 'closed' })
        await stream.close()
      }
      t.ok(await count(metrics, 'waku_service_network_bytes_total', 'in'))
      t.ok(await count(metrics, 'waku_service_network_bytes_total', 'out'))
    })

    t.test('an idle stream is kept for a later request', async (t) => {
      const idle = await open()
      const late = outcome(idle)
      const other = await open()
      const answered = outcome(other)
      other.send(frame(Buffer.from('first')))
      await answered
      await other.close()
      idle.send(frame(Buffer.from('second')))
      await idle.close()
      t.same(await late, { bodies: ['second'], end: 'closed' })
    })

    t.test('a stream half-closed before its request is closed, and that is no error', async (t) => {
      const before = await count(metrics, 'waypost_service_errors_total', 'closed')
      const stream = await open()
      const ended = outcome(stream)
      await stream.close()
      t.same(await ended, { bodies: [], end: 'closed' })
      t.equal(await count(metrics, 'waypost_service_errors_total', 'closed'), before)
    })

    t.test('a request in pieces of one byte is answered', async (t) => {
      const stream = await open()
      const answered = outcome(stream)
      for (const byte of frame(text(300))) {
        stream.send(Uint8Array.of(byte))
        await new Promise(setImmediate)
      }
      t.same(await answered, { bodies: ['a'.repeat(300)], end: 'closed' })
      await stream.close()
    })

    t.test('a request of the limit is answered, one byte more is refused before it is read', async (t) => {
      for (const length of [requestBytes - 1, requestBytes]) {
        const stream = await open()
        const answered = outcome(stream)
        stream.send(frame(text(length)))
        await stream.close()
        t.equal((await answered).bodies[0]?.length, length)
      }
      const stream = await open()
      const refused = outcome(stream)
      stream.send(frame(text(requestBytes + 1)).subarray(0, 2))
      t.same(await refused, { bodies: ['wire/too-large unseen'], end: 'closed' })
      t.equal(await count(metrics, 'waypost_service_errors_total', 'too_large'), 1)
      await stream.close()
    })

    t.test('what follows the request is not read', async (t) => {
      const before = await count(metrics, 'waku_service_requests_total', 'served')
      const stream = await open()
      const answered = outcome(stream)
      const twice = Buffer.concat([frame(Buffer.from('one')), frame(Buffer.from('two'))])
      stream.send(twice)
      stream.send(twice)
      await stream.close()
      t.same((await answered).bodies, ['one'])
      t.equal(await count(metrics, 'waku_service_requests_total', 'served'), before + 1)
    })

    t.test('a stream closed in the middle of its request is reset', async (t) => {
      const before = await count(metrics, 'waypost_service_errors_total', 'closed')
      const stream = await open()
      const ended = outcome(stream)
      stream.send(frame(text(100)).subarray(0, 50))
      await stream.close()
      t.same(await ended, { bodies: [], end: 'reset' })
      t.equal(await count(metrics, 'waypost_service_errors_total', 'closed'), before + 1)
    })

    t.test('a request that does not decode is refused with its bytes', async (t) => {
      const stream = await open()
      const refused = outcome(stream)
      stream.send(frame(Buffer.from('ff01', 'hex')))
      await stream.close()
      t.same((await refused).bodies, ['wire/malformed 2'])
      t.equal(await count(metrics, 'waypost_service_errors_total', 'decode'), 1)
    })
  })
}

t.test('a request whose last data and end come in one frame is answered', async (t) => {
  const { server } = await served(t)
  const peer = await connection(t, server)
  const stream = await peer.newStream(protocol)
  const answered = outcome(stream)
  const body = frame(Buffer.from('hello'))
  // Only yamux's own inside writes such a frame: data (0) with FIN (4).
  const inside = stream as Stream & { streamId: number; sendFrame(header: object, data: Uint8Array): void }
  inside.sendFrame({ type: 0, flag: 4, streamID: inside.streamId, length: body.length }, body)
  t.same((await answered).bodies, ['hello'])
})

t.test(
  'a request that comes with its end before anybody listens is answered, half of one is reset at once',
  async (t) => {
    const { server } = await served(t)
    const [address] = server.addresses()
    if (address === undefined) throw new Error('it does not listen')
    const whole = await sayEagerly(t, address, protocol, frame(Buffer.from('hello')))
    t.same(await outcome(whole), { bodies: ['/multistream/1.0.0\n', `${protocol}\n`, 'hello'], end: 'closed' })
    const half = await sayEagerly(t, address, protocol, frame(text(100)).subarray(0, 40))
    t.equal((await outcome(half)).end, 'reset')
  },
)

t.test('a request that stops half-way is reset when its time is up', async (t) => {
  const { server, metrics } = await served(t, { limits: { requestTimeout: 50 } })
  const stream = await (await connection(t, server)).newStream(protocol)
  const ended = outcome(stream)
  stream.send(frame(text(100)).subarray(0, 50))
  t.same(await ended, { bodies: [], end: 'reset' })
  t.equal(await count(metrics, 'waypost_service_errors_total', 'timeout'), 1)
})

t.test('the time limit of a request does not run while it is answered', async (t) => {
  const gate = Promise.withResolvers<void>()
  const { server, metrics } = await served(t, {
    limits: { requestTimeout: 20 },
    answer: async (body) => {
      await gate.promise
      return body
    },
  })
  const peer = await connection(t, server)
  const slow = await peer.newStream(protocol)
  const answered = outcome(slow)
  slow.send(frame(Buffer.from('slow')))
  const half = await peer.newStream(protocol)
  const ended = outcome(half)
  half.send(frame(Buffer.from('half')).subarray(0, 2))
  t.equal((await ended).end, 'reset', 'its limit is over')
  gate.resolve()
  t.same(await answered, { bodies: ['slow'], end: 'closed' })
  t.equal(await count(metrics, 'waypost_service_errors_total', 'timeout'), 1)
})

t.test('a client that does not take its answer is reset when its time is up', async (t) => {
  const { server } = await served(t, {
    limits: { answerTimeout: 2000 },
    answer: () => Buffer.alloc(1024 * 1024),
  })
  const peer = await connection(t, server)
  const stream = await peer.newStream(protocol)
  const closed = new Promise<Error | undefined>((resolve) => {
    stream.addEventListener('close', ({ error }) => resolve(error))
  })
  stream.pause()
  stream.send(frame(Buffer.from('more than the window')))
  t.equal((await closed)?.name, 'StreamResetError')
  const control = await peer.newStream(protocol)
  const answered = outcome(control)
  control.send(frame(Buffer.from('x')))
  t.equal((await answered).bodies[0]?.length, 1024 * 1024, 'another stream gets the same answer')
})

t.test('a client that keeps its side open after the answer is reset', async (t) => {
  const { server } = await served(t, { limits: { answerTimeout: 50 } })
  const stream = await (await connection(t, server)).newStream(protocol)
  const answered = outcome(stream)
  const closed = once(stream as unknown as EventTarget, 'close')
  stream.send(frame(Buffer.from('x')))
  t.same(await answered, { bodies: ['x'], end: 'closed' })
  await closed
  t.equal(stream.status, 'reset')
})

t.test('a client above its quota is told so, with its request at hand', async (t) => {
  const { server, metrics } = await served(t, { volume: 2 })
  const peer = await connection(t, server)
  const ask = async (): Promise<readonly string[]> => {
    const stream = await peer.newStream(protocol)
    const answered = outcome(stream)
    stream.send(frame(Buffer.from('hello')))
    await stream.close()
    return (await answered).bodies
  }
  t.same([await ask(), await ask(), await ask()], [['hello'], ['hello'], ['wire/rate-limited 5']])
  t.equal(await count(metrics, 'waku_service_requests_total', 'served'), 2)
  t.equal(await count(metrics, 'waku_service_requests_total', 'rejected'), 1)
})

t.test('a client that goes away before its answer harms nobody', async (t) => {
  const asked = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  const { server } = await served(t, {
    answer: async (body) => {
      asked.resolve()
      await gate.promise
      return body
    },
  })
  const peer = await connection(t, server)
  const stream = await peer.newStream(protocol)
  stream.send(frame(Buffer.from('gone')))
  await asked.promise
  stream.abort(new Error('gone'))
  const next = await peer.newStream(protocol)
  const answered = outcome(next)
  next.send(frame(Buffer.from('here')))
  gate.resolve()
  t.same((await answered).bodies, ['here'])
})

t.test('who has gone while he waited for his turn is not answered', async (t) => {
  const asked: string[] = []
  const [first, gone] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const turns = new Turns({ atOnce: 1, waiting: 10 })
  const { server } = await served(t, {
    turns,
    answer: async (body) => {
      asked.push(Buffer.from(body).toString())
      if (asked.length === 1) await first.promise
      return body
    },
  })
  const watch = setInterval(() => turns.waiting === 2 && gone.resolve(), 5)
  t.teardown(() => clearInterval(watch))
  const send = async (peer: Connection, body: string) => {
    const stream = await peer.newStream(protocol)
    const answered = outcome(stream)
    stream.send(frame(Buffer.from(body)))
    return { stream, answered }
  }
  const [slow, leaving, staying] = [
    await connection(t, server),
    await connection(t, server),
    await connection(t, server),
  ]
  const one = await send(slow, 'slow')
  await send(leaving, 'leaving')
  const three = await send(staying, 'staying')
  await gone.promise
  const left = once(server.libp2p, 'peer:disconnect')
  await leaving.close()
  await left
  first.resolve()
  t.same((await one.answered).bodies, ['slow'])
  t.same((await three.answered).bodies, ['staying'])
  t.same(asked, ['slow', 'staying'])
})

t.test('a client who asks on while too many wait is told so', async (t) => {
  const gate = Promise.withResolvers<void>()
  const turns = new Turns({ atOnce: 1, waiting: 1 })
  const { server, metrics } = await served(t, { turns, answer: (body) => gate.promise.then(() => body) })
  const peer = await connection(t, server)
  const ask = async () => {
    const stream = await peer.newStream(protocol)
    const answered = outcome(stream)
    stream.send(frame(Buffer.from('hello')))
    return answered
  }
  const [first, second, third] = [ask(), ask(), ask()]
  const refused = await Promise.race([first, second, third])
  t.same(refused.bodies, ['wire/rate-limited 5'])
  gate.resolve()
  const bodies = (await Promise.all([first, second, third])).flatMap((one) => one.bodies)
  t.same(bodies.sort(), ['hello', 'hello', 'wire/rate-limited 5'])
  t.equal(await count(metrics, 'waku_service_requests_total', 'rejected'), 1)
})

t.test('a fault of the service is told as one, and one without words resets the stream', async (t) => {
  const fault = (): never => {
    throw new TypeError('ours')
  }
  const rows = [
    { id: 'answer throws', options: { answer: fault }, bodies: ['internal/bug 1'], end: 'closed' },
    { id: 'nothing to say', options: { answer: fault, refuse: () => undefined }, bodies: [], end: 'reset' },
    { id: 'refuse throws', options: { answer: fault, refuse: fault }, bodies: [], end: 'reset' },
  ]
  for (const { id, options, bodies, end } of rows) {
    const { server, metrics } = await served(t, options)
    const stream = await (await connection(t, server)).newStream(protocol)
    const ended = outcome(stream)
    stream.send(frame(Buffer.from('x')))
    await stream.close()
    t.same(await ended, { bodies, end }, id)
    t.ok(await count(metrics, 'waypost_service_errors_total', 'internal'), id)
  }
})

t.test('a connection has as many streams of a protocol as its limit says', async (t) => {
  const { server } = await served(t, { limits: { inboundStreams: 3 } })
  const peer = await connection(t, server)
  const streams = await Promise.all(Array.from({ length: 3 }, () => peer.newStream(protocol)))
  const answers = streams.map(outcome)
  const refused = outcome(await peer.newStream(protocol))
  t.same(await refused, { bodies: [], end: 'reset' }, 'the one above')
  for (const stream of streams) stream.send(frame(Buffer.from('x')))
  t.same(
    (await Promise.all(answers)).map(({ bodies }) => bodies),
    [['x'], ['x'], ['x']],
  )
})

t.test('a service that is disposed of is not spoken any more', async (t) => {
  const [client, server] = await pair(t)
  const rate = { volume: 10, period: 1000 }
  const quota = new Quota({ perPeer: rate, total: rate })
  const parts = { libp2p: server.libp2p, quota, metrics: createMetrics(), log: silentLog() }
  const ask = (): Promise<Uint8Array> =>
    request(client.libp2p, server.libp2p.peerId, protocol, text(5), { responseBytes: answerBytes, timeout })
  {
    await using _ = await serveExchange(echo({}), parts)
    t.equal((await ask()).length, 5)
  }
  await t.rejects(ask(), { name: 'UnsupportedProtocolError' })
})

/** A server whose every stream is handled by `serve`, and what a request of ours to it comes to. */
async function asked(
  t: Test,
  serve: (stream: Stream) => void,
  options: { responseBytes?: number; timeout?: number; signal?: AbortSignal } = {},
  server?: Awaited<ReturnType<typeof host>>,
): Promise<{ answer: Promise<Uint8Array>; streams: Stream[] }> {
  const streams: Stream[] = []
  const client = await host(t)
  server ??= await host(t)
  await connect(client, server)
  await server.libp2p.handle(protocol, (stream) => {
    streams.push(stream)
    serve(stream)
  })
  const answer = request(client.libp2p, server.libp2p.peerId, protocol, text(5), {
    responseBytes: answerBytes,
    timeout,
    ...options,
  })
  return { answer, streams }
}

t.test('our request', async (t) => {
  t.test('takes the first frame of an answer, in pieces or followed by more', async (t) => {
    const { answer } = await asked(t, (stream) => {
      for (const byte of frame(Buffer.from('first'))) stream.send(Uint8Array.of(byte))
      for (let index = 0; index < 100; index += 1) stream.send(frame(text(1000)))
    })
    t.equal(Buffer.from(await answer).toString(), 'first')
  })

  t.test('takes an answer whose last data and end come in one frame', async (t) => {
    // The stock muxer can be made to send one.
    const server = await host(t, { stock: new Set(['muxer']) })
    const serve = (stream: Stream): void => {
      const body = frame(Buffer.from('hello'))
      const inside = stream as Stream & { streamId: number; sendFrame(header: object, data: Uint8Array): void }
      const send = () => inside.sendFrame({ type: 0, flag: 4, streamID: inside.streamId, length: body.length }, body)
      if (stream.readableEnded) send()
      else stream.addEventListener('end', send)
      stream.addEventListener('message', () => {})
    }
    const { answer } = await asked(t, serve, {}, server)
    t.equal(Buffer.from(await answer).toString(), 'hello')
  })

  t.test('takes an answer of the limit and no longer one', async (t) => {
    for (const length of [answerBytes - 1, answerBytes]) {
      const { answer } = await asked(t, (stream) => stream.send(frame(text(length))))
      t.equal((await answer).length, length)
    }
    const { answer } = await asked(t, (stream) => stream.send(frame(text(answerBytes + 1)).subarray(0, 3)))
    await t.rejects(answer, { code: 'wire/too-large' })
  })

  t.test('ends when the answer does not', async (t) => {
    const silent = await asked(t, () => {}, { timeout: 50 })
    await t.rejects(silent.answer, { code: 'wire/timed-out', data: { protocol, limit: 50 } })
    const closed = await asked(t, (stream) => void stream.close())
    await t.rejects(closed.answer, { code: 'wire/closed-early', data: { received: 0 } })
    const half = await asked(t, (stream) => {
      stream.send(frame(text(100)).subarray(0, 40))
      void stream.close()
    })
    await t.rejects(half.answer, { code: 'wire/closed-early', data: { received: 40 } })
    const reset = await asked(t, (stream) => stream.addEventListener('message', () => stream.abort(new Error('no'))))
    await t.rejects(reset.answer, { name: 'StreamResetError' })
  })

  t.test('ends when its caller says so', async (t) => {
    const abort = new AbortController()
    const { answer } = await asked(t, () => abort.abort(new Error('enough')), { signal: abort.signal })
    await t.rejects(answer, { message: 'enough' })
  })

  t.test('resets a stream that its server keeps open after the answer', async (t) => {
    const closed = Promise.withResolvers<unknown>()
    const { answer } = await asked(
      t,
      (stream) => {
        stream.addEventListener('close', ({ error }) => closed.resolve(error))
        stream.send(frame(Buffer.from('answer')))
      },
      { timeout: 2000 },
    )
    t.equal((await answer).length, 6)
    t.match(await closed.promise, { name: 'StreamResetError' })
  })
})

t.test('nothing of the above was left unhandled', async (t) => {
  await new Promise(setImmediate)
  t.same(unhandled, [])
})
