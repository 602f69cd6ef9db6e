/**
 * One peer that frames are exchanged with for as long as it is connected: a stream of ours to write on, which is opened
 * again when it is lost, and streams of the peer to read from.
 */
import type { Connection, Stream } from '@libp2p/interface'
import { messageOf } from '../../core/errors.ts'
import type { Milliseconds } from '../../core/time.ts'
import { hostOf } from '../addresses.ts'
import { backoff } from '../backoff.ts'
import { isRelayed } from '../circuit/address.ts'
import { FrameCutter, type TakeFrame } from '../frame-cutter.ts'
import type { Chunk } from '../frames.ts'
import { countHeld } from '../guards/held.ts'
import { lent } from '../stack/lent.ts'
import { onEnd } from '../stream-end.ts'
import { Outgoing, type OutgoingLimits, type Rank } from './outgoing.ts'
import type { Turn } from './turn.ts'

export interface LinkLimits {
  /** Bytes of one frame's body, in either direction. */
  readonly frameBytes: number
  /** Streams that one connection of the peer may open. */
  readonly inboundStreams: number
  /** What waits for the peer in each rank. */
  readonly waiting: OutgoingLimits
  /**
   * How long a peer may take nothing of what waits, or leave a frame unfinished, before the stream is reset; and how long
   * our stream may be missing before that is told.
   */
  readonly patience: Milliseconds
}

/** Whoever the frames are for. */
export interface LinkUser {
  /** Frames of the peer, as they come. What it throws resets the stream they came on. */
  readonly take: TakeFrame
  /** Our stream is open. The frame that this returns goes out first. */
  opened(): Uint8Array | undefined
  /** What came was no frame, or not what a frame may be; the stream is reset. */
  violated(error: unknown): void
  /** Frames for the peer were dropped. */
  dropped(frames: number): void
  /** Our stream has been missing for as long as a peer is waited for. Comes once until it is open again. */
  unreachable(): void
}

export interface LinkParts {
  /** The newest open connection to the peer. */
  readonly connection: () => Connection | undefined
  /** The ids that we speak, the preferred one first. */
  readonly protocols: readonly string[]
  readonly limits: LinkLimits
  readonly turn: Turn
}

/** From a stream that was lost to the next try. */
const reopening = { first: 1000, most: 60_000 }

/** A stream that is open for so long was good: what was lost before it counts no more. */
export const settled: Milliseconds = 30_000

/** For the opening of a stream. */
const openTimeout: Milliseconds = 10_000

/** A stream of the peer, and since when it holds an unfinished frame. */
interface Inbound {
  readonly stream: Stream
  readonly cutter: FrameCutter
  unfinishedSince: Milliseconds | undefined
}

export class Link {
  /** The full id of the peer. */
  readonly peer: string
  /** True when we dialled it. */
  readonly dialled: boolean
  /** Its IP address, as far as we see it. */
  readonly ip: string | undefined
  readonly #parts: LinkParts
  readonly #outgoing: Outgoing
  readonly #inbound = new Set<Inbound>()
  #user: LinkUser | undefined
  #stream: Stream | undefined
  /** Since when `look` has seen our stream open. */
  #openSince: Milliseconds | undefined
  /** Since when `look` has seen it missing and not open again, and whether that was told since it was open. */
  #missingSince: Milliseconds | undefined
  #toldMissing = false
  #opening = false
  /** Streams that were lost, or not to be had, since one was good. */
  #failures = 0
  /** When to open our stream again. */
  #reopenAt: Milliseconds = 0
  #gone = false

  constructor({ remotePeer, direction, remoteAddr }: Connection, parts: LinkParts) {
    this.peer = remotePeer.toString()
    this.dialled = direction === 'outbound'
    this.ip = isRelayed(remoteAddr) ? undefined : hostOf(remoteAddr)
    this.#parts = parts
    this.#outgoing = new Outgoing(parts.limits.waiting, parts.turn, {
      dropped: (frames) => this.#user?.dropped(frames),
      failed: (error) => this.#stream?.abort(asError(error)),
    })
  }

  /** The id that our stream speaks; undefined while it is not open. */
  get protocol(): string | undefined {
    return this.#stream?.protocol
  }

  /** Queues a frame, prefix and body. It may be given to any number of links. */
  send(frame: Uint8Array, rank: Rank): void {
    if (!this.#gone) this.#outgoing.put(frame, rank)
  }

  /** To be called once, before anything comes. */
  use(user: LinkUser): void {
    this.#user = user
  }

  /** Opens our stream unless it is open or being opened. */
  async open(): Promise<void> {
    if (this.#stream !== undefined || this.#opening || this.#gone) return
    this.#opening = true
    let stream: Stream | undefined
    try {
      stream = await this.#newStream()
      this.#opened(stream)
    } catch (error) {
      // Why a peer takes no stream is its own affair; it is asked again.
      stream?.abort(asError(error))
      if (this.#stream === undefined) this.#failed()
    } finally {
      this.#opening = false
    }
  }

  /** Reads a stream that the peer has opened. */
  read(stream: Stream): void {
    // It may have ended before its handler ran: then nothing tells of its end any more.
    if (stream.status !== 'open') return
    const cutter = new FrameCutter(this.#parts.limits.frameBytes, this.#take)
    const inbound: Inbound = { stream, cutter, unfinishedSince: undefined }
    this.#inbound.add(inbound)
    lent.borrowed.add(stream)
    countHeld(stream, () => cutter.heldBytes + this.#waitingBeside(inbound))
    stream.addEventListener('close', () => this.#inbound.delete(inbound))
    stream.addEventListener('message', ({ data }) => this.#received(inbound, data))
    onEnd(stream, () => void stream.close().catch(() => {}))
  }

  /** Looks for streams that stand still, and for ours when it is missing. To be called now and then. */
  look(now: Milliseconds): void {
    const { patience } = this.#parts.limits
    if (this.#outgoing.blockedFor(now) >= patience) this.#stream?.abort(new Error('the peer did not read in time'))
    for (const inbound of this.#inbound) {
      if (inbound.cutter.heldBytes === 0) inbound.unfinishedSince = undefined
      else inbound.unfinishedSince ??= now
      if (inbound.unfinishedSince !== undefined && now - inbound.unfinishedSince >= patience)
        inbound.stream.abort(new Error('a frame that does not end'))
    }
    if (this.#stream !== undefined) this.#stillOpen(now)
    else this.#stillMissing(now)
  }

  /** The peer is gone, or we are. */
  close(reason: Error): void {
    this.#gone = true
    this.#outgoing.detach()
    this.#stream?.abort(reason)
    for (const { stream } of this.#inbound) stream.abort(reason)
  }

  readonly #take: TakeFrame = (buffer, begin, start, end) => this.#user?.take(buffer, begin, start, end)

  #received(inbound: Inbound, data: Chunk): void {
    // What a reset stream had still to say is not heard.
    if (inbound.stream.status !== 'open') return
    try {
      inbound.cutter.push(data.subarray())
      inbound.unfinishedSince = undefined
    } catch (error) {
      inbound.stream.abort(asError(error))
      this.#user?.violated(error)
    }
  }

  #newStream(): Promise<Stream> {
    const connection = this.#parts.connection()
    if (connection === undefined) throw new Error('not connected')
    return connection.newStream([...this.#parts.protocols], { signal: AbortSignal.timeout(openTimeout) })
  }

  #opened(stream: Stream): void {
    if (this.#gone || stream.writeStatus !== 'writable') throw new Error('closed as soon as it was open')
    this.#stream = stream
    this.#toldMissing = false
    countHeld(stream, () => this.#outgoing.ownBytes)
    stream.addEventListener('close', () => this.#lost(stream))
    // Nothing is sent back on it: what comes is discarded, not kept.
    stream.addEventListener('message', () => {})
    this.#outgoing.attach(stream, this.#user?.opened())
  }

  /** While no stream of ours bears what waits, the first of the peer's does. */
  #waitingBeside(inbound: Inbound): number {
    const [first] = this.#inbound
    return this.#stream === undefined && inbound === first ? this.#outgoing.ownBytes : 0
  }

  #lost(stream: Stream): void {
    if (this.#stream !== stream) return
    this.#stream = undefined
    this.#failed()
  }

  #stillMissing(now: Milliseconds): void {
    this.#missingSince ??= now
    if (!this.#toldMissing && now - this.#missingSince >= this.#parts.limits.patience) {
      this.#toldMissing = true
      this.#user?.unreachable()
    }
    if (!this.#opening) this.#openWhenDue(now)
  }

  #stillOpen(now: Milliseconds): void {
    this.#missingSince = undefined
    this.#openSince ??= now
    if (now - this.#openSince >= settled) this.#failures = 0
  }

  #failed(): void {
    this.#outgoing.detach()
    this.#openSince = undefined
    this.#reopenAt = 0
    this.#failures += 1
  }

  #openWhenDue(now: Milliseconds): void {
    if (this.#reopenAt === 0) this.#reopenAt = now + backoff(Math.max(0, this.#failures - 1), reopening)
    else if (now >= this.#reopenAt) void this.open()
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(messageOf(error))
}
