/** Two ends of a real connection on loopback, and secure channels over it: our own, or the stock one. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type {
  ConnectionEncrypter,
  Listener,
  MessageStream,
  MultiaddrConnection,
  PeerId,
  PrivateKey,
  SecuredConnection,
  StreamMuxerFactory,
  Transport,
  Upgrader,
} from '@libp2p/interface'
import { noise as stockNoise } from '@libp2p/noise'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import { multiaddr } from '@multiformats/multiaddr'
import { Uint8ArrayList } from 'uint8arraylist'
import { libp2pLogger } from '../../src/net/stack/logger.ts'
import type { Cipher } from '../../src/net/stack/noise/cipher.ts'
import { sealRecords } from '../../src/net/stack/noise/records.ts'
import { noise } from '../../src/net/stack/noise/secure-channel.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import type { Owner } from './owner.ts'

export type Kind = 'ours' | 'stock'

const makers = { ours: noise, stock: stockNoise }
const transports = { tcp, ws: webSockets }
const addresses = { tcp: '/ip4/127.0.0.1/tcp/0', ws: '/ip4/127.0.0.1/tcp/0/ws' }
const logger = libp2pLogger(silentLog())

/** A socket that was dialled with a signal ends with it: a time limit would count for the connection too. */
const never = new AbortController().signal

/** An end with an identity. */
export interface End {
  readonly peerId: PeerId
  readonly encrypter: ConnectionEncrypter
}

/** An end that speaks `muxers`, in this order. */
export async function end(kind: Kind, muxers: readonly string[] = [], key?: PrivateKey): Promise<End> {
  const privateKey = key ?? (await generateKeyPair('Ed25519'))
  const peerId = peerIdFromPrivateKey(privateKey)
  const factories = new Map(muxers.map((protocol) => [protocol, { protocol } as StreamMuxerFactory]))
  const upgrader = { getStreamMuxers: () => factories } as Upgrader
  return { peerId, encrypter: makers[kind]()({ privateKey, peerId, logger, upgrader }) }
}

/** How often the socket of `connection` has been written to since, one piece or several at once. */
export function countWrites(connection: MultiaddrConnection): () => number {
  const socket = socketOf(connection)
  let count = 0
  for (const name of ['_write', '_writev'] as const) {
    const write = socket[name]?.bind(socket) as (...args: unknown[]) => void
    socket[name] = (...args: unknown[]) => {
      count += 1
      write(...args)
    }
  }
  return () => count
}

/** `pieces` as records, in one buffer. */
export function recordsOf(cipher: Cipher, ...pieces: readonly Uint8Array[]): Uint8Array {
  return sealRecords(cipher, new Uint8ArrayList(...pieces)).subarray()
}

/** Two ends of a connection: who dialled, and who listened. */
export interface Connected {
  readonly dialled: MultiaddrConnection
  readonly accepted: MultiaddrConnection
}

/** Connects over a transport as it comes, without anything above. */
export async function connected(t: Owner, over: 'tcp' | 'ws' = 'tcp'): Promise<Connected> {
  const { transport, listener, accepted } = await listening(t, over)
  const [address] = listener.getAddrs()
  if (address === undefined) throw new Error('a listener without an address')
  let dialled: MultiaddrConnection | undefined
  const upgradeOutbound = async (connection: MultiaddrConnection): Promise<unknown> => {
    dialled = connection
    return connection
  }
  await transport.dial(address, {
    upgrader: { upgradeOutbound } as unknown as Upgrader,
    signal: never,
  })
  if (dialled === undefined) throw new Error('a dial without a connection')
  t.teardown(() => dialled?.abort(new Error('the test is over')))
  return { dialled, accepted: await accepted }
}

interface Listening {
  readonly transport: Transport
  readonly listener: Listener
  readonly accepted: Promise<MultiaddrConnection>
}

async function listening(t: Owner, over: 'tcp' | 'ws'): Promise<Listening> {
  // A transport takes what it needs of a node: here it needs a log.
  const transport = transports[over]()({ logger, events: new EventTarget() } as never) as Transport
  const { promise, resolve } = Promise.withResolvers<MultiaddrConnection>()
  const upgradeInbound = async (connection: MultiaddrConnection): Promise<void> => {
    t.teardown(() => connection.abort(new Error('the test is over')))
    resolve(connection)
  }
  const listener = transport.createListener({ upgrader: { upgradeInbound } as unknown as Upgrader })
  await listener.listen(multiaddr(addresses[over]))
  t.teardown(() => listener.close())
  return { transport, listener, accepted: promise }
}

/** Both ends of a secured connection, and what is beneath. */
export interface Secured extends Connected {
  readonly dialler: SecuredConnection
  readonly listener: SecuredConnection
}

/** A connection with a handshake done, the kinds being who dials and who listens. */
export async function secured(t: Owner, kinds: readonly [Kind, Kind], over?: 'tcp' | 'ws'): Promise<Secured> {
  const [beneath, one, other] = await Promise.all([connected(t, over), end(kinds[0]), end(kinds[1])])
  const signal = AbortSignal.timeout(20_000)
  const [dialler, listener] = await Promise.all([
    one.encrypter.secureOutbound(beneath.dialled, { signal, remotePeer: other.peerId }),
    other.encrypter.secureInbound(beneath.accepted, { signal }),
  ])
  return { ...beneath, dialler, listener }
}

/** The socket under a connection over TCP. */
export function socketOf(connection: MessageStream): Socket {
  return (connection as unknown as { socket: Socket }).socket
}

/** Everything that comes, to the end of the connection. */
export async function received(connection: MessageStream): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  connection.addEventListener('message', ({ data }) => void chunks.push(data.subarray()))
  if (connection.status === 'open' || connection.status === 'closing') await once(connection, 'close')
  return Buffer.concat(chunks)
}

/** Resolves with all that came when it is `length` bytes. */
export function receivedBytes(connection: MessageStream, length: number): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const chunks: Uint8Array[] = []
  let sum = 0
  connection.addEventListener('message', ({ data }) => {
    chunks.push(data.subarray())
    sum += data.byteLength
    if (sum >= length) resolve(Buffer.concat(chunks))
  })
  connection.addEventListener('close', ({ error }) => reject(error ?? new Error(`closed after ${sum} bytes`)))
  return promise
}
