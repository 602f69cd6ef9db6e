/**
 * One yamux session over one connection: its frames, its streams, and when it ends.
 * https://github.com/hashicorp/yamux/blob/master/spec.md
 * https://github.com/libp2p/specs/blob/master/yamux/README.md
 *
 * What a peer may do is judged at the header of its frame, before a byte of the body: whoever breaks the protocol is
 * parted from. The word that says so is given to the connection first, which may drop it: our secure channel does, with all that
 * waits for the end of the tick, and a reset of the socket would overtake it.
 */
import {
  type AbortOptions,
  type EventHandler,
  type Logger,
  type MessageStream,
  MuxerClosedError,
  type StreamMuxer,
  type StreamMuxerEvents,
  type StreamMuxerStatus,
  TooManyOutboundProtocolStreamsError,
  TypedEventEmitter,
} from '@libp2p/interface'
import type { HostLimits } from '../../limits.ts'
import { Pace } from '../../pace.ts'
import { lent } from '../lent.ts'
import { controlFrames, Flag, FrameType, firstWindow, frameVersion, GoAway, type Header } from './frame.ts'
import { FrameReader } from './frame-reader.ts'
import {
  ackBacklog,
  idleFramesPerSecond,
  outboundStreams,
  partingTimeout,
  pingInterval,
  pingsPerSecond,
} from './limits.ts'
import { Outlet } from './outlet.ts'
import { YamuxStream } from './stream.ts'
import { StreamIds } from './stream-ids.ts'
import { unlessAborted } from './unless-aborted.ts'

export const yamuxProtocol = '/yamux/1.0.0'

/** Why a peer is parted from: frames against the protocol or too many, streams that come too fast. */
export type YamuxRefusal = 'frame' | 'streams'

export type YamuxLimits = Pick<HostLimits, 'streams' | 'streamsPerSecond' | 'streamReadBytes' | 'streamWriteBytes'>

export interface YamuxSessionOptions {
  readonly limits: YamuxLimits
  readonly refused: (why: YamuxRefusal) => void
  /** Made from the connection's direction unless given. */
  readonly ids?: StreamIds
}

export class YamuxSession
  extends TypedEventEmitter<StreamMuxerEvents<YamuxStream>>
  implements StreamMuxer<YamuxStream>
{
  readonly protocol = yamuxProtocol
  status: StreamMuxerStatus = 'open'
  readonly log: Logger
  readonly #connection: MessageStream
  readonly #limits: YamuxLimits
  readonly #refused: (why: YamuxRefusal) => void
  readonly #ids: StreamIds
  readonly #outlet: Outlet
  readonly #reader: FrameReader
  readonly #streams = new Map<number, YamuxStream>()
  /** Opened by the peer before anybody listened for streams. */
  #early: YamuxStream[] = []
  #inbound = 0
  #unacknowledged = 0
  /** The peer has said that it ends. */
  #parting = false
  /** Whose body is being read, unless it is thrown away, and whether it ends with it. */
  #receiver: YamuxStream | undefined
  #endsWithBody = false
  readonly #opens: Pace
  readonly #pings = new Pace(pingsPerSecond)
  readonly #idleFrames = new Pace(idleFramesPerSecond)
  readonly #pinging: NodeJS.Timeout
  #lastPing = 0
  #pingPending = false

  constructor(connection: MessageStream, { limits, refused, ids }: YamuxSessionOptions) {
    super()
    this.#connection = connection
    this.#limits = limits
    this.#refused = refused
    this.log = connection.log.newScope('yamux')
    this.#ids = ids ?? new StreamIds(connection.direction === 'outbound')
    this.#opens = new Pace(limits.streamsPerSecond)
    this.#outlet = new Outlet(connection)
    this.#reader = new FrameReader({
      header: (header) => this.#begin(header),
      body: (bytes, last) => this.#body(bytes, last),
    })
    this.#pinging = setInterval(() => this.#ping(), pingInterval).unref()
    lent.borrowed.add(connection)
    connection.addEventListener('message', ({ data }) => this.#received(data))
    connection.addEventListener('drain', () => this.#drained())
    connection.addEventListener('close', () => this.#closed())
  }

  get streams(): YamuxStream[] {
    return [...this.#streams.values()]
  }

  async createStream(): Promise<YamuxStream> {
    if (this.status !== 'open' || this.#parting) throw new MuxerClosedError('the session is closed')
    if (this.#streams.size - this.#inbound >= outboundStreams || this.#unacknowledged >= ackBacklog)
      throw new TooManyOutboundProtocolStreamsError('too many streams to one peer')
    const id = this.#ids.take()
    if (id === undefined) throw new MuxerClosedError('all stream ids of the session are used up')
    const stream = this.#add(id, 'outbound')
    this.#unacknowledged += 1
    this.#outlet.write(controlFrames.open(id))
    return stream
  }

  /** Ends all streams on our side, tells the peer, and opens no more. The connection stays for its owner to close. */
  async close(options: AbortOptions = {}): Promise<void> {
    if (this.status !== 'open') return
    this.status = 'closing'
    const ended = Promise.all(this.streams.map((stream) => stream.close(options)))
    await unlessAborted(ended, options.signal)
    this.#outlet.write(controlFrames.goAway(GoAway.normal))
    this.#stop()
  }

  abort(error: Error): void {
    this.#abort(error, GoAway.internalError)
  }

  override addEventListener<Type extends keyof StreamMuxerEvents<YamuxStream>>(
    type: Type,
    listener: EventHandler<StreamMuxerEvents<YamuxStream>[Type]> | null,
    options?: boolean | AddEventListenerOptions,
  ): void {
    super.addEventListener(type, listener, options)
    if (type === 'stream' && this.#early.length > 0) queueMicrotask(() => this.#announceEarly())
  }

  // The connection.

  #received(data: Uint8Array | Iterable<Uint8Array>): void {
    if (data instanceof Uint8Array) this.#reader.push(data)
    else for (const chunk of data) this.#reader.push(chunk)
  }

  #drained(): void {
    // A secure channel that joins what is sent may fill and drain without anybody having waited.
    if (!this.#outlet.full) return
    this.#outlet.drained(() => {
      for (const stream of this.#streams.values()) stream.drained()
    })
    if (this.#outlet.full) return
    for (const stream of this.#streams.values()) stream.hadTurn()
  }

  #closed(): void {
    if (this.status !== 'closed') this.#stop()
    for (const stream of this.streams) stream.transportClosed()
  }

  #stop(): void {
    this.status = 'closed'
    clearInterval(this.#pinging)
  }

  #abort(error: Error, reason: number): void {
    if (this.status === 'closed') return
    this.#reader.stop()
    this.#stop()
    for (const stream of this.streams) stream.abort(error)
    this.#outlet.write(controlFrames.goAway(reason))
  }

  /** Parts from a peer that broke the protocol. Always false. */
  #refuse(what: string, why: YamuxRefusal = 'frame'): false {
    if (this.#connection.status === 'open') this.#refused(why)
    const error = new Error(what)
    this.#abort(error, GoAway.protocolError)
    this.#connection.abort(error)
    return false
  }

  // Frames.

  /** Judges a frame by its header. False: nothing more is read. */
  #begin(header: Readonly<Header>): boolean {
    if (header.version !== frameVersion) return this.#refuse('a frame of another version')
    switch (header.type) {
      case FrameType.data:
        return this.#beginData(header)
      case FrameType.windowUpdate:
        return this.#update(header)
      case FrameType.ping:
        return this.#pinged(header)
      case FrameType.goAway:
        return this.#goneAway(header)
      default:
        return this.#refuse('a frame of no type')
    }
  }

  #beginData({ flags, id, length }: Readonly<Header>): boolean {
    if ((flags & Flag.syn) !== 0 && !this.#open(id)) return false
    const stream = this.#streams.get(id)
    this.#receiver = stream
    this.#endsWithBody = false
    if (stream === undefined) return this.#idle(id, length)
    if (!stream.announce(length)) return this.#refuse('a yamux frame above the window')
    this.#acknowledge(stream, flags)
    if ((flags & Flag.rst) !== 0) this.#reset(stream)
    else if (length > 0 && stream.remoteWriteStatus === 'closed') this.#reset(stream, 'data behind the end of a stream')
    else if ((flags & Flag.fin) === 0) return length > 0 || flags !== 0 || this.#idle(id, 0)
    else if (length > 0) this.#endsWithBody = true
    else stream.remoteEnded()
    return true
  }

  #body(bytes: Uint8Array, last: boolean): void {
    const stream = this.#receiver
    if (stream === undefined) return
    stream.receive(bytes)
    // nim-libp2p ends a stream with its last data frame when some of it had to wait for room.
    if (last && this.#endsWithBody) stream.remoteEnded()
  }

  #update({ flags, id, length }: Readonly<Header>): boolean {
    if ((flags & Flag.syn) !== 0 && !this.#open(id)) return false
    const stream = this.#streams.get(id)
    if (stream === undefined || (flags === 0 && length === 0)) return this.#idle(id, 0)
    this.#acknowledge(stream, flags)
    if (!stream.granted(length)) return this.#refuse('a yamux window that no one can have')
    if ((flags & Flag.rst) !== 0) stream.remoteReset()
    else if ((flags & Flag.fin) !== 0) stream.remoteEnded()
    return true
  }

  #acknowledge(stream: YamuxStream, flags: number): void {
    if ((flags & Flag.ack) === 0 || stream.acknowledged) return
    stream.acknowledged = true
    this.#unacknowledged -= 1
  }

  /** The peer has reset `stream`, or is at fault with it. What follows of the frame is thrown away. */
  #reset(stream: YamuxStream, fault?: string): void {
    this.#receiver = undefined
    if (fault === undefined) stream.remoteReset()
    else stream.abort(new Error(fault))
  }

  /**
   * A frame that does nothing: most are for a stream that we have reset or that has ended, on their way when it did. A
   * body is thrown away as it comes; it is bounded by the largest window that the peer can have had.
   */
  #idle(id: number, length: number): boolean {
    if (id === 0) return this.#refuse('a frame of a stream for the session')
    if (length > Math.max(this.#limits.streamReadBytes, firstWindow))
      return this.#refuse('a yamux frame above the window')
    return this.#idleFrames.keeps() || this.#refuse('frames that do nothing')
  }

  // Pings.

  #ping(): void {
    this.#pingPending = true
    this.#lastPing = (this.#lastPing + 1) % 2 ** 32
    this.#outlet.write(controlFrames.ping(this.#lastPing))
  }

  #pinged({ flags, id, length }: Readonly<Header>): boolean {
    if (id !== 0) return this.#refuse('a ping of a stream')
    if (flags === Flag.syn) {
      if (!this.#pings.keeps()) return this.#refuse('too many pings')
      this.#outlet.write(controlFrames.pong(length))
      return true
    }
    if (flags !== Flag.ack || !this.#pingPending || length !== this.#lastPing) return this.#refuse('no ping of ours')
    this.#pingPending = false
    return true
  }

  /** The peer ends the session: whole, as all implementations do, and not when its last stream has ended. */
  #goneAway({ id, length: reason }: Readonly<Header>): boolean {
    if (id !== 0) return this.#refuse('an end of the session from a stream')
    this.#parting = true
    if (reason === GoAway.normal) {
      this.#stop()
      for (const stream of this.streams) stream.transportClosed()
      // A peer that reads nothing more would have what was sent to it wait for ever.
      const signal = AbortSignal.timeout(partingTimeout)
      this.#connection.close({ signal }).catch((error) => this.#connection.abort(error))
    } else {
      const error = new Error(`the peer ended the session with reason ${reason}`)
      this.#abort(error, GoAway.normal)
      this.#connection.abort(error)
    }
    return false
  }

  // Streams.

  /** The peer opens a stream. False: nothing more is read; a stream that is refused alone is reset. */
  #open(id: number): boolean {
    if (!this.#ids.areOfPeer(id)) return this.#refuse('a stream with an id of ours')
    if (this.#streams.has(id)) return this.#refuse('a stream that is opened twice')
    if (!this.#opens.keeps()) return this.#refuse('streams opened too fast', 'streams')
    if (this.status === 'open' && this.#inbound < this.#limits.streams) this.#accept(id)
    else this.#outlet.write(controlFrames.reset(id))
    return true
  }

  #accept(id: number): void {
    const stream = this.#add(id, 'inbound')
    this.#inbound += 1
    this.#outlet.write(controlFrames.accept(id))
    if (this.listenerCount('stream') > 0) this.safeDispatchEvent('stream', { detail: stream })
    // No more than the limit of open streams can be here.
    else this.#early.push(stream)
  }

  #announceEarly(): void {
    const early = this.#early
    this.#early = []
    for (const stream of early) this.safeDispatchEvent('stream', { detail: stream })
  }

  #add(number: number, direction: 'inbound' | 'outbound'): YamuxStream {
    const stream = new YamuxStream({
      number,
      direction,
      log: this.log.newScope(`${direction}:${number}`),
      outlet: this.#outlet,
      readBytes: this.#limits.streamReadBytes,
      writeBytes: this.#limits.streamWriteBytes,
      gone: (stream) => this.#remove(stream),
    })
    this.#streams.set(number, stream)
    return stream
  }

  #remove(stream: YamuxStream): void {
    if (!this.#streams.delete(stream.number)) return
    if (stream.direction === 'inbound') this.#inbound -= 1
    else if (!stream.acknowledged) this.#unacknowledged -= 1
  }
}
