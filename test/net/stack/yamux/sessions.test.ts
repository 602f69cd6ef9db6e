/** Sessions between ours and ours, ours and the stock muxer, with somebody in between who knows the protocol. */
import { setImmediate } from 'node:timers/promises'
import type { Stream, StreamMuxer } from '@libp2p/interface'
import { yamux as stockYamux } from '@libp2p/yamux'
import fc from 'fast-check'
import t from 'tap'
import { hostLimits, MiB } from '../../../../src/net/limits.ts'
import { YamuxSession } from '../../../../src/net/stack/yamux/session.ts'
import { asConnection, type WireEnd, wire } from '../../../kit/wire.ts'
import { YamuxWatch } from '../../../kit/yamux.ts'

const limits = { ...hostLimits(150 * 1024), streamWriteBytes: 64 * MiB }

type Make = (end: WireEnd) => StreamMuxer

const ours: Make = (end) =>
  new YamuxSession(asConnection(end), {
    limits,
    refused: (why) => {
      throw new Error(`an honest peer was refused: ${why}`)
    },
  })

const stock: Make = (end) =>
  stockYamux({
    streamOptions: { maxReadBufferLength: limits.streamReadBytes, maxStreamWindowSize: limits.streamReadBytes },
  })().createStreamMuxer(asConnection(end))

/** Which side is whose: side 0 has dialled. `ours`: the sides that are held to the protocol. */
const pairings = [
  { id: 'ours to ours', makes: [ours, ours], ours: [0, 1] },
  { id: 'ours to stock', makes: [ours, stock], ours: [0] },
  { id: 'stock to ours', makes: [stock, ours], ours: [1] },
] as const

type Pairing = (typeof pairings)[number]

interface Session {
  readonly muxers: readonly [StreamMuxer, StreamMuxer]
  readonly ends: readonly [WireEnd, WireEnd]
  readonly watch: YamuxWatch
}

function session({ makes }: Pairing, options: { cut?: () => number; capacity?: number } = {}): Session {
  const watch = new YamuxWatch()
  const ends = wire({ ...options, see: watch.see })
  return { muxers: [makes[0](ends[0]), makes[1](ends[1])], ends, watch }
}

/** Byte `index` of what `side` says on stream `id`. */
function spoken(side: number, id: number, from: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let index = 0; index < length; index += 1) bytes[index] = ((from + index) * 31 + id * 7 + side) % 251
  return bytes
}

/** One side of a stream, with what it has said and heard. */
class Speaker {
  readonly stream: Stream
  readonly side: number
  said = 0
  heard = 0
  wrong = 0
  ended = false

  constructor(stream: Stream, side: number) {
    this.stream = stream
    this.side = side
    stream.protocol = '/test/1.0.0'
    stream.addEventListener('message', ({ data }) => this.#hear(data.subarray()))
    stream.addEventListener('end', () => {
      this.ended = true
    })
  }

  say(length: number): void {
    if (this.stream.writeStatus !== 'writable') return
    this.stream.send(spoken(this.side, Number(this.stream.id), this.said, length))
    this.said += length
  }

  #hear(bytes: Uint8Array): void {
    if (!spoken(1 - this.side, Number(this.stream.id), this.heard, bytes.length).equals(bytes)) this.wrong += 1
    this.heard += bytes.length
  }
}

/** All sides of all streams of a session, by side and id. */
class Talk {
  readonly session: Session
  readonly speakers: [Speaker[], Speaker[]] = [[], []]

  constructor(session: Session) {
    this.session = session
    for (const side of [0, 1] as const)
      session.muxers[side].addEventListener('stream', ({ detail }) => this.#join(detail, side))
  }

  async open(side: 0 | 1): Promise<void> {
    if (this.speakers[side].length < 20) this.#join(await this.session.muxers[side].createStream(), side)
  }

  /** The other side of the same stream, once it is there. */
  otherOf({ stream, side }: Speaker): Speaker | undefined {
    return this.speakers[side === 0 ? 1 : 0].find((speaker) => speaker.stream.id === stream.id)
  }

  #join(stream: Stream, side: 0 | 1): void {
    this.speakers[side].push(new Speaker(stream, side))
  }
}

const step = fc.record({
  what: fc.constantFrom('open', 'send', 'send', 'send', 'send', 'pause', 'resume', 'close', 'reset', 'wait', 'wait'),
  side: fc.constantFrom(0 as const, 1 as const),
  stream: fc.nat(100),
  length: fc.oneof({ weight: 8, arbitrary: fc.nat(3000) }, { weight: 2, arbitrary: fc.nat(400_000) }),
})

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

async function take(talk: Talk, { what, side, stream, length }: Step): Promise<void> {
  const speakers = talk.speakers[side]
  const speaker = speakers[stream % Math.max(1, speakers.length)]
  if (what === 'open') await talk.open(side)
  if (what === 'wait') for (let turn = 0; turn < 1 + (length % 5); turn += 1) await setImmediate()
  if (speaker === undefined) return
  const { readStatus } = speaker.stream
  if (what === 'send') speaker.say(length)
  if (what === 'pause' && readStatus === 'readable') speaker.stream.pause()
  if (what === 'resume' && readStatus === 'paused') speaker.stream.resume()
  if (what === 'close') speaker.stream.close().catch(() => {})
  if (what === 'reset' && stream % 4 === 0) speaker.stream.abort(new Error('enough'))
}

/** Has all that was said be heard, and all streams end. */
async function finish(talk: Talk): Promise<void> {
  const all = talk.speakers.flat()
  for (const { stream } of all) if (stream.readStatus === 'paused') stream.resume()
  for (const { stream } of all) stream.close().catch(() => {})
  for (let turn = 0; turn < 20_000; turn += 1) {
    if (talk.speakers.flat().every(({ stream }) => stream.status !== 'open')) return
    for (const { stream } of talk.speakers.flat()) if (stream.writeStatus === 'writable') stream.close().catch(() => {})
    await setImmediate()
  }
  throw new Error('streams did not end')
}

const schedule = fc.record({
  /** Bytes of the pieces in which the wire delivers, in turn; 0 is all that is there. */
  cuts: fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 100_000 })), {
    minLength: 1,
    maxLength: 20,
  }),
  capacity: fc.integer({ min: 1, max: 200_000 }),
  steps: fc.array(step, { minLength: 20, maxLength: 120 }),
})

type Schedule = typeof schedule extends fc.Arbitrary<infer Value> ? Value : never

/** The bytes that were heard, and what was wrong. */
async function play(
  pairing: Pairing,
  { cuts, capacity, steps }: Schedule,
): Promise<{ heard: number; faults: string[] }> {
  let delivered = 0
  const cut = (): number => {
    delivered += 1
    // Every third piece is whatever is there, else large sends in small pieces would take for ever.
    return (delivered % 3 === 0 ? 0 : cuts[delivered % cuts.length]) || Number.POSITIVE_INFINITY
  }
  const talk = new Talk(session(pairing, { cut, capacity }))
  try {
    await talk.open(0)
    for (const one of steps) await take(talk, one)
    await finish(talk)
  } finally {
    for (const muxer of talk.session.muxers) muxer.abort(new Error('the talk is over'))
  }
  const heard = talk.speakers.flat().reduce((sum, speaker) => sum + speaker.heard, 0)
  return { heard, faults: [...faultsOfTalk(talk), ...faultsOnTheWire(talk.session.watch, pairing)] }
}

function faultsOfTalk(talk: Talk): string[] {
  const faults: string[] = []
  for (const speaker of talk.speakers.flat()) {
    const { stream, side, said, heard, wrong } = speaker
    const name = `stream ${stream.id} of side ${side}`
    if (wrong > 0) faults.push(`${name} heard what was not said`)
    const other = talk.otherOf(speaker)
    if (stream.status !== 'closed' || other?.stream.status !== 'closed') continue
    if (other.said !== heard) faults.push(`${name} heard ${heard} bytes of ${other.said}`)
    if (!speaker.ended) faults.push(`${name} did not hear the end`)
    if (said > 0 && stream.writeBufferLength > 0) faults.push(`${name} kept what it had to say`)
  }
  return faults
}

/** Of our sides. The stock one is not ours to judge. */
function faultsOnTheWire(watch: YamuxWatch, { ours: sides }: Pairing): string[] {
  return sides.flatMap((side) => [
    ...watch.faults[side],
    ...(watch.windows[side] > limits.streamReadBytes ? [`a window of ${watch.windows[side]} was granted`] : []),
    ...(watch.ungranted[side] > 256_000 ? [`${watch.ungranted[side]} bytes of a first window were used`] : []),
  ])
}

for (const pairing of pairings)
  t.test(`every byte arrives once and in order, and no window is exceeded: ${pairing.id}`, async (t) => {
    let bytes = 0
    const property = fc.asyncProperty(schedule, async (values) => {
      const { heard, faults } = await play(pairing, values)
      bytes += heard
      if (faults.length > 0) throw new Error(faults.join('; '))
    })
    await fc.assert(property, { numRuns: 60 })
    t.ok(bytes > 4 * MiB, `${bytes} bytes`)
  })
