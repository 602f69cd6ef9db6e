/**
 * One-way messages to one peer, on one long-lived stream over a connection that the peer keeps open. Nothing is sent
 * back, and nothing here makes the sender wait: frames queue, a full queue drops its oldest, and a peer that does not
 * read is reset after a time.
 *
 * What real readers do, and this obeys: js-waku and nwaku read frame after frame; go-waku reads one frame and closes
 * its side, and loses whatever follows on that stream. So a peer that closes its side gets one frame on each stream
 * from then on.
 */
import type { Connection, Libp2p, PeerId, Stream } from '@libp2p/interface'
import { isWaypostError, messageOf, WaypostError } from '../core/errors.ts'
import type { Milliseconds } from '../core/time.ts'
import { FrameQueue, type QueueBounds } from './frame-queue.ts'

/** Bytes that go out in one send: one record of the secure channel, which is what a coalesced write is sealed into. */
const batchBytes = 64 * 1024

/** Streams that one peer may hold open or half closed: those of a reader that closes after each frame. */
const maxStreams = 8

/** What bounds the pushes to one peer. */
export interface PushLimits {
  /** What waits for a slow peer. Frames are shared by all who get them, so their bytes do not multiply. */
  readonly queue: QueueBounds
  /** How long a peer may take no byte before its stream is reset; also for the opening of a stream. */
  readonly timeout: Milliseconds
}

/** What the owner of an outbox learns. None of it may throw. */
export interface PushReport {
  /** Frames were handed to the stream, in one write. */
  sent(frames: number, bytes: number): void
  /** Frames were dropped: the queue was full, or the peer could not be reached. */
  dropped(frames: number): void
  /** `wire/timed-out`: the peer does not read. `push/unreachable`: it is not connected, or takes no stream. */
  failed(error: WaypostError): void
}

export interface OutboxOptions {
  readonly libp2p: Pick<Libp2p, 'getConnections'>
  readonly protocol: string
  readonly limits: PushLimits
  readonly report: PushReport
}

/** The pushes to one peer. Made once for a peer; it finds the peer's connection anew whenever there is one. */
export class Outbox implements Disposable {
  readonly #peer: PeerId
  readonly #options: OutboxOptions
  readonly #queue: FrameQueue
  #lane: Lane | undefined
  #opening = false
  /** The connection on which the peer reads one frame from a stream and closes. */
  #oneFrameOn: Connection | undefined
  #disposed = false
  #flushing: NodeJS.Immediate | undefined

  constructor(peer: PeerId, options: OutboxOptions) {
    this.#peer = peer
    this.#options = options
    this.#queue = new FrameQueue(options.limits.queue)
  }

  /** Queues `frame` (length and body). The same frame may be given to any number of outboxes: it is never written to. */
  put(frame: Uint8Array): void {
    if (this.#disposed) return
    const dropped = this.#queue.put(frame)
    if (dropped > 0) this.#options.report.dropped(dropped)
    this.#flushSoon()
  }

  /** Drops what waits and closes the stream. */
  [Symbol.dispose](): void {
    this.#disposed = true
    this.#queue.clear()
    clearImmediate(this.#flushing)
    this.#lane?.retire()
  }

  /** After all that is ready now, so that frames which come together leave together. */
  #flushSoon(): void {
    this.#flushing ??= setImmediate(() => {
      this.#flushing = undefined
      this.#flush()
    })
  }

  #flush(): void {
    if (this.#disposed || this.#opening) return
    this.#leaveOldConnection()
    if (this.#lane !== undefined) this.#write(this.#lane)
    else if (this.#queue.length > 0) void this.#open()
  }

  /** A phone that came back has a newer connection than the one our stream is on, which may hang for minutes. */
  #leaveOldConnection(): void {
    if (this.#lane !== undefined && this.#lane.connection !== this.#connection()) this.#lane.retire()
  }

  #connection(): Connection | undefined {
    return this.#options.libp2p.getConnections(this.#peer).findLast(({ status }) => status === 'open')
  }

  async #open(): Promise<void> {
    this.#opening = true
    try {
      this.#lane = await this.#openLane()
    } catch (error) {
      this.#fail(this.#unreachable(error))
    } finally {
      this.#opening = false
    }
    if (this.#disposed) this.#lane?.retire()
    else this.#flush()
  }

  async #openLane(): Promise<Lane> {
    const { protocol, limits } = this.#options
    const connection = this.#connection()
    if (connection === undefined) throw new Error('not connected')
    const stream = await connection.newStream([protocol], {
      signal: AbortSignal.timeout(limits.timeout),
      maxOutboundStreams: maxStreams,
      runOnLimitedConnection: true,
    })
    if (stream.writeStatus !== 'writable') throw new Error('the stream was closed as soon as it was open')
    const lane: Lane = new Lane(stream, connection, limits.timeout, {
      room: () => this.#flushSoon(),
      readerClosed: () => {
        this.#oneFrameOn = connection
      },
      stalled: () => this.#stalled(lane),
      gone: () => this.#forget(lane),
    })
    return lane
  }

  /** Writes while there is room. What then still waits is what the peer has its time for. */
  #write(lane: Lane): void {
    const oneFrame = lane.connection === this.#oneFrameOn
    while (this.#lane === lane && this.#queue.length > 0 && lane.hasRoom) {
      this.#send(this.#queue.take(oneFrame ? 0 : batchBytes), lane)
      if (oneFrame) lane.retire()
    }
    if (this.#queue.length > 0) lane.awaitRoom()
  }

  #send(frames: readonly Uint8Array[], lane: Lane): void {
    const { report } = this.#options
    const batch = joined(frames)
    try {
      lane.send(batch)
      report.sent(frames.length, batch.length)
    } catch (error) {
      lane.retire()
      report.dropped(frames.length)
      this.#fail(this.#unreachable(error))
    }
  }

  #forget(lane: Lane): void {
    if (this.#lane !== lane) return
    this.#lane = undefined
    this.#flushSoon()
  }

  #stalled(lane: Lane): void {
    const { protocol, limits, report } = this.#options
    const error = new WaypostError('wire/timed-out', { protocol, limit: limits.timeout })
    // What waits is not for a stream that was left: the next one has it.
    if (this.#lane === lane) this.#fail(error)
    else report.failed(error)
  }

  #fail(error: WaypostError): void {
    const dropped = this.#queue.clear()
    if (dropped > 0) this.#options.report.dropped(dropped)
    this.#options.report.failed(error)
  }

  #unreachable(cause: unknown): WaypostError {
    if (isWaypostError(cause)) return cause
    return new WaypostError('push/unreachable', { why: messageOf(cause) }, { cause })
  }
}

interface LaneEvents {
  /** There may be room to write again. */
  room(): void
  /** The peer closed its side. */
  readerClosed(): void
  /** The peer took no byte for too long. */
  stalled(): void
  /** Nothing more is to be written here. Comes once. */
  gone(): void
}

/** One stream to a peer, and the watch over whether the peer reads it. */
class Lane {
  readonly connection: Connection
  readonly #stream: Stream
  readonly #timeout: Milliseconds
  readonly #events: LaneEvents
  #watch: NodeJS.Timeout | undefined
  /** Bytes that the peer had not taken when the watch began. */
  #untaken = 0
  #retired = false

  constructor(stream: Stream, connection: Connection, timeout: Milliseconds, events: LaneEvents) {
    this.connection = connection
    this.#stream = stream
    this.#timeout = timeout
    this.#events = events
    stream.addEventListener('drain', () => this.#moved())
    stream.addEventListener('idle', () => this.#moved())
    stream.addEventListener('remoteCloseWrite', () => this.#readerClosed())
    stream.addEventListener('close', () => this.#closed())
    // Nothing is sent back: what comes is discarded, not kept.
    stream.closeRead().catch(() => {})
    if (stream.remoteWriteStatus !== 'writable') events.readerClosed()
  }

  /** True when the stream holds nothing back. A muxer may ask for more while a stream of its own is out of window. */
  get hasRoom(): boolean {
    return !this.#retired && !this.#stream.writableNeedsDrain && this.#stream.writeBufferLength === 0
  }

  send(bytes: Uint8Array): void {
    this.#stream.send(bytes)
    this.#rewatch()
  }

  /** Gives the peer its time to make room, from now on unless it runs already. */
  awaitRoom(): void {
    if (this.#watch === undefined) this.#rewatch()
  }

  /** Ends our side after what was sent. A peer that does not end its own in time is reset. */
  retire(): void {
    if (this.#retired) return
    this.#retired = true
    this.#rewatch()
    this.#stream.close().catch(() => {})
    this.#events.gone()
  }

  #readerClosed(): void {
    this.#events.readerClosed()
    this.retire()
  }

  #moved(): void {
    if (this.#stream.writeBufferLength < this.#untaken || this.hasRoom) this.#rewatch()
    this.#events.room()
  }

  #closed(): void {
    clearTimeout(this.#watch)
    if (this.#retired) return
    this.#retired = true
    this.#events.gone()
  }

  /** Watches, from now on, for the next byte that the peer takes; for the end of the stream when we are done with it. */
  #rewatch(): void {
    clearTimeout(this.#watch)
    this.#untaken = this.#stream.writeBufferLength
    this.#watch = this.hasRoom ? undefined : setTimeout(() => this.#timedOut(), this.#timeout).unref()
  }

  #timedOut(): void {
    // A retired stream that has nothing left to send only lacks the peer's own end, which it owes nobody.
    if (!this.#retired || this.#stream.writeBufferLength > 0) this.#events.stalled()
    this.#stream.abort(new Error('the peer did not read in time'))
  }
}

/** Frames as one buffer: one of them as it is, several in a copy. */
function joined(frames: readonly Uint8Array[]): Uint8Array {
  const [only] = frames
  return frames.length === 1 && only !== undefined ? only : Buffer.concat(frames)
}
