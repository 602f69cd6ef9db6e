/**
 * The pieces of the stack, ours beside the stock ones, by themselves: what a byte and a message cost.
 *
 * `npm run bench:stack`. Both ends are in this process, over a socket on loopback, and take turns by rounds, so that what
 * else the machine does falls on all alike: the ratios count.
 */
import { once } from 'node:events'
import type { MessageStream, StreamMuxer } from '@libp2p/interface'
import { hostLimits, KiB, MiB } from '../../src/net/limits.ts'
import { openStack } from '../../src/net/stack/stack.ts'
import { type Kind as Channel, secured } from '../kit/secured.ts'
import { Bench, machine } from './kit/bench.ts'
import { median } from './kit/statistics.ts'
import { figure, printTable } from './kit/table.ts'

/** Two ends of something that carries bytes. */
interface Ends {
  readonly from: Pick<MessageStream, 'send' | 'addEventListener' | 'removeEventListener'>
  readonly to: MessageStream
}

/** Ours, the stock one, and the stock one with what a tick sends joined before it comes to it. */
const kinds = ['ours', 'stock', 'stock, joined above'] as const
type Kind = (typeof kinds)[number]

/** A piece of the stack, and what is sent through it. */
interface Subject {
  readonly piece: string
  readonly messageBytes: number
  /** Messages of one tick: what a node at work sends together, and what an idle one sends alone. */
  readonly perTick: number
  /** Messages of one round. */
  readonly messages: number
  readonly kinds: readonly Kind[]
  /** A message in the pieces in which it is sent. */
  readonly parts: (bytes: number) => readonly Uint8Array[]
  readonly open: (bench: Bench, kind: Kind) => Promise<Ends>
}

async function channel(bench: Bench, kind: Kind): Promise<Ends> {
  const end = kind === 'ours' ? 'ours' : 'stock'
  const { dialler, listener } = await secured(bench, [end, end])
  const from = kind === 'stock, joined above' ? joined(dialler.connection) : dialler.connection
  return { from, to: listener.connection }
}

/** A stream of a muxer over a secure channel that is the same for both. */
function muxer(over: Channel): Subject['open'] {
  return async (bench, kind) => {
    const { dialler, listener } = await secured(bench, [over, over])
    const [one, other] = [dialler, listener].map(({ connection }) => muxed(connection, kind))
    if (one === undefined || other === undefined) throw new Error('two ends have two muxers')
    const opened = once(other, 'stream')
    const from = await one.createStream()
    const [{ detail: to }] = await opened
    for (const stream of [from, to]) stream.protocol = '/bench/1.0.0'
    return { from, to }
  }
}

function muxed(connection: MessageStream, kind: Kind): StreamMuxer {
  const { muxers } = openStack({ limits: hostLimits(150 * KiB) }, new Set(kind === 'ours' ? [] : ['muxer']))
  const [make] = muxers
  if (make === undefined) throw new Error('a stack has muxers')
  // Muxers take nothing of a node.
  return make({} as never).createStreamMuxer(connection)
}

/** Sends what is given to it within a tick as one buffer. */
function joined(stream: MessageStream): Ends['from'] {
  let pieces: Uint8Array[] = []
  const flush = (): void => {
    const whole = Buffer.concat(pieces)
    pieces = []
    stream.send(whole)
  }
  return {
    send(data) {
      if (pieces.push(data.subarray()) === 1) setImmediate(flush)
      return !stream.writableNeedsDrain
    },
    addEventListener: stream.addEventListener.bind(stream),
    removeEventListener: stream.removeEventListener.bind(stream),
  }
}

const sizes = [
  { messageBytes: KiB, perTick: 1, messages: 2000 },
  { messageBytes: KiB, perTick: 10, messages: 5000 },
  { messageBytes: KiB, perTick: 50, messages: 20_000 },
  { messageBytes: 64 * KiB, perTick: 1, messages: 1000 },
  { messageBytes: 64 * KiB, perTick: 8, messages: 2000 },
] as const

/** As muxers send it: a header of 12 bytes, and the rest. */
function framed(bytes: number): readonly Uint8Array[] {
  return [Buffer.alloc(12), Buffer.alloc(bytes - 12)]
}

function whole(bytes: number): readonly Uint8Array[] {
  return [Buffer.alloc(bytes)]
}

const pieces: readonly Pick<Subject, 'piece' | 'kinds' | 'parts' | 'open'>[] = [
  { piece: 'secure channel', kinds, parts: framed, open: channel },
  { piece: 'muxer, over our channel', kinds: ['ours', 'stock'], parts: whole, open: muxer('ours') },
  { piece: 'muxer, over the stock channel', kinds: ['ours', 'stock'], parts: whole, open: muxer('stock') },
]

const subjects: readonly Subject[] = pieces.flatMap((piece) => sizes.map((size) => ({ ...piece, ...size })))

const rounds = 7

interface Round {
  readonly seconds: number
  /** Of both ends. */
  readonly cpuSeconds: number
}

async function send({ from, to }: Ends, { messageBytes, perTick, messages, parts }: Subject): Promise<Round> {
  const message = parts(messageBytes)
  const arrived = bytesAt(to, messageBytes * messages)
  const [start, cpu] = [performance.now(), process.cpuUsage()]
  for (let sent = 0; sent < messages; sent += perTick) {
    let hasRoom = true
    for (let index = 0; index < perTick; index += 1) for (const part of message) hasRoom = from.send(part)
    if (hasRoom) await new Promise((resolve) => setImmediate(resolve))
    else await drained(from)
  }
  await arrived
  const { user, system } = process.cpuUsage(cpu)
  return { seconds: (performance.now() - start) / 1000, cpuSeconds: (user + system) / 1e6 }
}

function bytesAt(to: MessageStream, length: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  let sum = 0
  const count = ({ data }: { data: { byteLength: number } }): void => {
    sum += data.byteLength
    if (sum < length) return
    to.removeEventListener('message', count)
    resolve()
  }
  to.addEventListener('message', count)
  return promise
}

function drained(from: Ends['from']): Promise<void> {
  return new Promise((resolve) => from.addEventListener('drain', () => resolve(), { once: true }))
}

/** The median of each kind, after a round to get warm. */
async function compare(bench: Bench, subject: Subject): Promise<Partial<Record<Kind, Round>>> {
  const ends = await Promise.all(
    subject.kinds.map(async (kind) => ({ kind, ends: await subject.open(bench, kind), times: [] as Round[] })),
  )
  for (const { ends: warm } of ends) await send(warm, subject)
  for (let round = 0; round < rounds; round += 1)
    for (const { ends: both, times } of ends) times.push(await send(both, subject))
  return Object.fromEntries(ends.map(({ kind, times }) => [kind, middle(times)]))
}

function middle(times: readonly Round[]): Round {
  return {
    seconds: median(times.map(({ seconds }) => seconds)),
    cpuSeconds: median(times.map(({ cpuSeconds }) => cpuSeconds)),
  }
}

async function row(bench: Bench, subject: Subject): Promise<Record<string, string>> {
  const { piece, messageBytes, perTick, messages } = subject
  const times = await compare(bench, subject)
  const rate = (kind: Kind): string => figure((messageBytes * messages) / MiB / (times[kind]?.seconds ?? Number.NaN))
  const cpu = (kind: Kind): string => figure(((times[kind]?.cpuSeconds ?? Number.NaN) / messages) * 1e6)
  return {
    piece,
    message: `${messageBytes / KiB} KiB, ${perTick} a tick`,
    ...Object.fromEntries(kinds.map((kind) => [`${kind}: MiB/s`, rate(kind)])),
    ...Object.fromEntries(kinds.map((kind) => [`${kind}: us of CPU`, cpu(kind)])),
    'CPU, stock to ours': figure((times.stock?.cpuSeconds ?? Number.NaN) / (times.ours?.cpuSeconds ?? Number.NaN)),
  }
}

await using bench = new Bench()
console.log(machine())
const rows: Record<string, string>[] = []
for (const subject of subjects) rows.push(await row(bench, subject))
printTable('A message through both ends, in one process', rows)
