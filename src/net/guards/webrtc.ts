/**
 * What @libp2p/webrtc leaves open: who may begin a connection by a packet of UDP, how many at a time, for how long, and
 * what is kept of messages that do not end.
 *
 * A packet may bear anybody's address, so those who come by WebRTC have a gate of their own: whoever writes packets in
 * the names of others shuts out nobody who comes by TCP.
 */
import { EventEmitter } from 'node:events'
import type { Listener, MessageStream, Upgrader } from '@libp2p/interface'
import { WaypostError } from '../../core/errors.ts'
import { KiB } from '../limits.ts'
import { canonical, ownerOf } from '../networks.ts'
import { Quota } from '../quota.ts'
import type { Stack } from '../stack/stack.ts'
import type { GateLimits, Newcomer } from './gate.ts'
import { LengthFrames } from './length-frames.ts'
import { guardMuxers, type MuxerGuard } from './muxer.ts'
import type { Counted } from './traffic.ts'
import { boundedUpgrader, type TransportGuard } from './transport.ts'

/** Beginnings of a connection: each costs threads and memory of the native code before it proves anything. */
const beginnings = { perPeer: { volume: 10, period: 1000 }, total: { volume: 40, period: 1000 } }

/** Of the connections of the node, those that may come by WebRTC, and those of them without an identity. */
const share = 1 / 4
const mostPending = 32

/** Of one message: the specification has 16 KiB. */
const messageBytes = 64 * KiB

export type WebRtcGuard = TransportGuard & MuxerGuard

/** The limits of the gate for WebRTC, by those of the node. */
export function webRtcLimits(limits: GateLimits): GateLimits {
  const connections = Math.ceil(limits.connections * share)
  const pendingConnections = Math.min(mostPending, limits.pendingConnections)
  return { ...limits, connections, pendingConnections, reservedConnections: 0 }
}

/** The transport that `factory` makes, guarded, which listens and does not dial. */
export function guardWebRtc(factory: Stack['tcp'], guard: WebRtcGuard): Stack['tcp'] {
  return (components) => {
    const transport = factory(components)
    const createListener = transport.createListener.bind(transport)
    transport.dialFilter = () => []
    transport.createListener = (options) => {
      const listener = createListener({ ...options, upgrader: muxed(boundedUpgrader(options.upgrader, guard), guard) })
      standBefore(insideOf(listener), guard)
      return listener
    }
    return transport
  }
}

/** The muxer of WebRTC is a part of its connection, not of the stack. */
function muxed(upgrader: Upgrader, guard: WebRtcGuard): Upgrader {
  const upgradeInbound: Upgrader['upgradeInbound'] = (connection, options) => {
    const { muxerFactory } = options
    if (muxerFactory === undefined) throw new WaypostError('internal/bug', { why: 'WebRTC without a muxer' })
    guardMuxers(muxerFactory, guard, (muxer) => boundMessages(muxer as object as MuxerInside, connection, guard))
    return upgrader.upgradeInbound(connection, options)
  }
  return Object.assign(Object.create(upgrader) as Upgrader, { upgradeInbound })
}

type Message = { readonly data: unknown }
type OnMessage = ((event: Message) => unknown) | null

interface Channel {
  onmessage: OnMessage
}

/** What the library keeps to itself of a muxer. */
interface MuxerInside {
  onDataChannel(channel: Channel, early?: readonly Message[]): void
  readonly peerConnection: { createDataChannel(...args: readonly unknown[]): Channel }
}

/** To be called before the muxer has a stream. */
function boundMessages(muxer: MuxerInside, connection: MessageStream, { refused }: WebRtcGuard): void {
  const end = (): void => {
    if (connection.status === 'open') refused('frame')
    connection.abort(new Error('a message above the limit of WebRTC'))
  }
  const onDataChannel = muxer.onDataChannel.bind(muxer)
  muxer.onDataChannel = (channel, early) => {
    boundChannel(channel, end)
    onDataChannel(channel, early)
  }
  const create = muxer.peerConnection.createDataChannel.bind(muxer.peerConnection)
  muxer.peerConnection.createDataChannel = (...args) => boundChannel(create(...args), end)
}

/** Whoever listens to `channel` gets messages of bytes only, none of which is too long. */
function boundChannel(channel: Channel, end: () => void): Channel {
  const frames = new LengthFrames(messageBytes)
  let listener: OnMessage = null
  const listen = (event: Message): void => {
    const { data } = event
    if (data instanceof ArrayBuffer && frames.accept(new Uint8Array(data))) listener?.(event)
    else end()
  }
  channel.onmessage = listen
  return Object.defineProperty(channel, 'onmessage', {
    get: () => listen,
    set(given: OnMessage) {
      listener = given
    },
  })
}

/** A connection as the native code has it, in the words of browsers. */
interface PeerConnection {
  readonly connectionState: string
  readonly peerConnection: { bytesSent(): number; bytesReceived(): number }
  close(): void
  addEventListener(type: 'connectionstatechange', listener: () => void): void
}

/** What the library keeps to itself of a listener. */
interface ListenerInside {
  incomingConnection(ufrag: string, host: string, port: number, signal: AbortSignal): Promise<void>
  readonly connections: Map<string, PeerConnection>
  readonly shutdownController: AbortController
}

function standBefore(inside: ListenerInside, { gate, traffic, limits }: WebRtcGuard): void {
  const quota = new Quota(beginnings)
  const opening = new Map<string, UdpPeer>()
  /** The ports from which somebody is inside: the gate tells newcomers by them, and no two connections share one. */
  const taken = new Set<string>()
  const accept = inside.incomingConnection.bind(inside)
  const keep = inside.connections.set.bind(inside.connections)
  inside.connections.set = (key, connection) => {
    opening.get(key)?.attach(connection)
    return keep(key, connection)
  }
  inside.incomingConnection = async (ufrag, host, port) => {
    // In the words of the library, which comes here with each packet until the connection is there.
    const key = `${host}:${port}:${ufrag}`
    const place = `${canonical(host)} ${port}`
    if (taken.has(place) || opening.has(key) || inside.connections.has(key) || !quota.take(ownerOf(host))) return
    const peer = new UdpPeer(host, port)
    if (!gate.admit(peer)) return
    taken.add(place)
    peer.once('close', () => taken.delete(place))
    traffic.watch(peer)
    opening.set(key, peer)
    const limit = AbortSignal.timeout(limits.openTimeout)
    try {
      await accept(ufrag, host, port, AbortSignal.any([limit, peer.signal, inside.shutdownController.signal]))
    } catch {
      gate.failed(host, port, 'handshake')
      peer.destroy()
    } finally {
      opening.delete(key)
    }
  }
}

/** Who comes by UDP: what stands for a socket before the gate. */
class UdpPeer extends EventEmitter implements Newcomer, Counted {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly #ended = new AbortController()
  #connection: PeerConnection | undefined
  #bytes = { read: 0, written: 0 }

  constructor(address: string, port: number) {
    super()
    this.remoteAddress = address
    this.remotePort = port
  }

  get signal(): AbortSignal {
    return this.#ended.signal
  }

  get bytesRead(): number {
    return this.#count().read
  }

  get bytesWritten(): number {
    return this.#count().written
  }

  attach(connection: PeerConnection): void {
    this.#connection = connection
    connection.addEventListener('connectionstatechange', () => {
      if (['closed', 'failed'].includes(connection.connectionState)) this.#end()
    })
    if (this.signal.aborted) connection.close()
  }

  destroy(): void {
    this.#count()
    this.#connection?.close()
    this.#end()
  }

  resetAndDestroy(): void {
    this.destroy()
  }

  /** The native code forgets them with the connection. */
  #count(): { read: number; written: number } {
    try {
      const { peerConnection } = this.#connection ?? {}
      this.#bytes = {
        read: Math.max(this.#bytes.read, peerConnection?.bytesReceived() ?? 0),
        written: Math.max(this.#bytes.written, peerConnection?.bytesSent() ?? 0),
      }
    } catch {
      // It is closed: what was counted last holds.
    }
    return this.#bytes
  }

  #end(): void {
    if (this.signal.aborted) return
    this.#ended.abort()
    this.emit('close')
  }
}

function insideOf(listener: Listener): ListenerInside {
  const inside = listener as object as Partial<ListenerInside>
  if (inside.incomingConnection !== undefined && inside.connections instanceof Map) return inside as ListenerInside
  throw new WaypostError('internal/bug', { why: 'a listener of WebRTC that no guard fits' })
}
