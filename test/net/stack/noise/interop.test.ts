/** A host with our secure channel, and peers with the stock one, through all of libp2p. */
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { ConnectionEncrypter, SecureConnectionOptions, Stream } from '@libp2p/interface'
import { mplex } from '@libp2p/mplex'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import { yamux } from '@libp2p/yamux'
import type { Multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2pOptions } from 'libp2p'
import t, { type Test } from 'tap'
import { KiB, MiB } from '../../../../src/net/limits.ts'
import { host } from '../../../kit/host.ts'

const protocol = '/waypost/test/1.0.0'

type Encrypters = NonNullable<Libp2pOptions['connectionEncrypters']>

const muxers = { yamux: yamux(), mplex: mplex() }

interface Way {
  readonly muxer: keyof typeof muxers
  readonly over: 'tcp' | 'ws'
  readonly bytes: number
}

const ways: readonly Way[] = [
  { muxer: 'yamux', over: 'tcp', bytes: 50 * MiB },
  { muxer: 'mplex', over: 'tcp', bytes: 50 * MiB },
  { muxer: 'yamux', over: 'ws', bytes: 4 * MiB },
  { muxer: 'mplex', over: 'ws', bytes: 4 * MiB },
]

for (const { muxer, over, bytes } of ways) {
  const names = `${muxer} over ${over}`

  t.test(`a stock peer dials us and ${bytes / MiB} MiB go both ways, ${names}`, async (t) => {
    const theirs = await stock(t, { muxer, over })
    const ours = await host(t, { listen: listen(over), stock: otherPieces, mount: serve(bytes) })
    const stream = await theirs.dialProtocol(firstOf(ours.addresses(), over), protocol)
    t.same(await exchange(stream, bytes), { intact: true })
  })

  t.test(`we dial a stock peer and ${bytes / MiB} MiB go both ways, ${names}`, async (t) => {
    const theirs = await stock(t, { muxer, over })
    await serve(bytes)({ libp2p: theirs })
    const ours = await host(t, { stock: otherPieces })
    const stream = await ours.libp2p.dialProtocol(firstOf(theirs.getMultiaddrs(), over), protocol)
    t.same(await exchange(stream, bytes), { intact: true })
  })
}

t.test('a muxer is found with a peer that does not negotiate it early', async (t) => {
  const theirs = await stock(t, { muxer: 'yamux', over: 'tcp', encrypter: late })
  await serve(KiB)({ libp2p: theirs })
  const ours = await host(t, { stock: otherPieces, mount: serve(KiB) })
  const there = await ours.libp2p.dialProtocol(firstOf(theirs.getMultiaddrs(), 'tcp'), protocol)
  t.same(await exchange(there, KiB), { intact: true }, 'when we dial')
  const another = await stock(t, { muxer: 'mplex', over: 'tcp', encrypter: late })
  const back = await another.dialProtocol(firstOf(ours.addresses(), 'tcp'), protocol)
  t.same(await exchange(back, KiB), { intact: true }, 'when it dials')
})

t.test('what was said last before a connection is closed arrives', async (t) => {
  const heard = Promise.withResolvers<string>()
  const ours = await host(t, { stock: otherPieces })
  const theirs = await stock(t, { muxer: 'yamux', over: 'tcp' })
  await theirs.handle(protocol, (stream) => {
    stream.addEventListener('message', ({ data }) => heard.resolve(String(Buffer.from(data.subarray()))))
  })
  const connection = await ours.libp2p.dial(firstOf(theirs.getMultiaddrs(), 'tcp'))
  const stream = await connection.newStream(protocol)
  stream.send(Buffer.from('farewell'))
  await connection.close()
  t.equal(await heard.promise, 'farewell')
})

/** All but the secure channel: what is tried here is the channel. */
const otherPieces = new Set(['muxer', 'router'] as const)

interface StockOptions {
  readonly muxer: keyof typeof muxers
  readonly over: 'tcp' | 'ws'
  readonly encrypter?: Encrypters[number]
}

async function stock(t: Test, { muxer, over, encrypter = noise() }: StockOptions) {
  const libp2p = await createLibp2p({
    privateKey: await generateKeyPair('secp256k1'),
    addresses: { listen: [over === 'ws' ? '/ip4/127.0.0.1/tcp/0/ws' : '/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp(), webSockets()],
    connectionEncrypters: [encrypter],
    streamMuxers: [muxers[muxer]],
    connectionGater: { denyDialMultiaddr: () => false },
  })
  t.teardown(() => libp2p.stop())
  return libp2p
}

/** The stock channel without early negotiation of the muxer. */
const late: Encrypters[number] = (components) => {
  const encrypter: ConnectionEncrypter = noise()(components)
  const skip = (options?: SecureConnectionOptions) => ({ ...options, skipStreamMuxerNegotiation: true })
  return {
    protocol: encrypter.protocol,
    secureOutbound: (connection, options) => encrypter.secureOutbound(connection, skip(options)),
    secureInbound: (connection, options) => encrypter.secureInbound(connection, skip(options)),
  }
}

function listen(over: 'tcp' | 'ws') {
  return { address: '127.0.0.1', tcpPort: 0, ...(over === 'ws' && { websocket: { port: 0, secure: false } }) }
}

function firstOf(addresses: readonly Multiaddr[], over: 'tcp' | 'ws'): Multiaddr {
  const found = addresses.find((address) => String(address).includes('/ws') === (over === 'ws'))
  if (found === undefined) throw new Error(`no address over ${over}`)
  return found
}

interface Handles {
  readonly libp2p: { handle(protocol: string, handler: (stream: Stream) => void): Promise<void> }
}

/** Sends `length` bytes to whoever opens a stream, and takes as many, at once; then what came, hashed. */
function serve(length: number) {
  return ({ libp2p }: Handles): Promise<void> =>
    libp2p.handle(protocol, (stream) => {
      answer(stream, length).catch((error: Error) => stream.abort(error))
    })
}

/** The last 32 bytes are the hash of what the other end sent, said after that end closed its side. */
async function answer(stream: Stream, length: number): Promise<void> {
  const bytes = randomBytes(length)
  const [got] = await Promise.all([collect(stream), send(stream, bytes)])
  stream.send(digest(got))
  stream.send(digest(bytes))
  await stream.close()
}

/** Sends, closes its side, and hears the rest. */
async function exchange(stream: Stream, length: number): Promise<{ intact: boolean }> {
  const bytes = randomBytes(length)
  const [got] = await Promise.all([collect(stream), send(stream, bytes).then(() => stream.close())])
  const heard = got.subarray(length)
  const intact = Buffer.concat([digest(bytes), digest(got.subarray(0, length))])
  return { intact: heard.equals(intact) }
}

/** In random pieces, some of which are larger than a record. */
async function send(stream: Stream, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length; ) {
    const piece = bytes.subarray(sent, sent + 1 + Math.floor(Math.random() ** 3 * 200 * KiB))
    sent += piece.length
    if (!stream.send(piece)) await once(stream, 'drain')
  }
}

/** All that comes until the other end closes its side. */
async function collect(stream: Stream): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk.subarray())
  return Buffer.concat(chunks)
}

function digest(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}
