/**
 * The receiving side of one-way messages: frame after frame until the peer ends its stream. Nothing is sent back.
 * A stream may stay idle for as long as its peer likes; a frame that has begun may not.
 */
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { messageOf, WaypostError } from '../core/errors.ts'
import type { Milliseconds } from '../core/time.ts'
import type { Log } from '../telemetry/log.ts'
import { type Chunk, FrameReader } from './frames.ts'
import { countHeld } from './guards/held.ts'
import { onEnd } from './stream-end.ts'

export interface PushReceiver {
  readonly protocol: string
  /** Bytes of one body. */
  readonly frameBytes: number
  /** From the first byte of a frame to its last. */
  readonly frameTimeout: Milliseconds
  /** Streams that one connection may hold open at once. */
  readonly inboundStreams: number
  /**
   * Takes the body of one frame. What it throws resets the stream. As long as a promise that it returns is pending,
   * nothing more is read of the stream.
   */
  receive(body: Uint8Array, from: string): void | Promise<void>
}

export interface PushReceiverParts {
  readonly libp2p: Pick<Libp2p, 'handle' | 'unhandle'>
  readonly log: Log
}

/** Takes pushes until it is disposed of, which resets the streams that are open. */
export async function receivePushes(
  receiver: PushReceiver,
  { libp2p, log }: PushReceiverParts,
): Promise<AsyncDisposable> {
  const { protocol, inboundStreams } = receiver
  const open = new Set<Stream>()
  const take = (stream: Stream, connection: Connection): void => {
    // It may have ended before its handler ran: then nothing tells of its end any more.
    if (stream.status !== 'open') return
    open.add(stream)
    stream.addEventListener('close', () => open.delete(stream))
    new Intake(receiver, log, stream, connection.remotePeer.toString()).open()
  }
  await libp2p.handle(protocol, take, { maxInboundStreams: inboundStreams, runOnLimitedConnection: true })
  return {
    async [Symbol.asyncDispose]() {
      await libp2p.unhandle(protocol)
      for (const stream of open) stream.abort(new Error('no pushes are taken any more'))
    },
  }
}

/** One inbound stream. */
class Intake {
  readonly #receiver: PushReceiver
  readonly #log: Log
  readonly #stream: Stream
  readonly #peer: string
  readonly #reader: FrameReader
  /** Runs while a frame is incomplete. */
  #timer: NodeJS.Timeout | undefined

  constructor(receiver: PushReceiver, log: Log, stream: Stream, peer: string) {
    this.#receiver = receiver
    this.#log = log
    this.#stream = stream
    this.#peer = peer
    this.#reader = new FrameReader(receiver.frameBytes)
  }

  open(): void {
    countHeld(this.#stream, () => this.#reader.heldBytes)
    this.#stream.addEventListener('close', () => clearTimeout(this.#timer))
    this.#stream.addEventListener('message', ({ data }) => this.#received(data))
    onEnd(this.#stream, () => this.#ended())
  }

  #received(data: Chunk): void {
    // What a reset stream had still to say is not heard.
    if (this.#stream.status !== 'open') return
    const pending: Promise<void>[] = []
    try {
      for (const body of this.#reader.push(data)) {
        this.#stopTimer()
        const taken = this.#receiver.receive(body, this.#peer)
        if (taken !== undefined) pending.push(taken)
      }
      if (this.#reader.incomplete) this.#timer ??= setTimeout(() => this.#timedOut(), this.#receiver.frameTimeout)
    } catch (error) {
      this.#reset(error)
    }
    if (pending.length > 0) void this.#wait(pending)
  }

  /** Reads on when what came is dealt with: the peer waits, and not its messages in our memory. */
  async #wait(pending: readonly Promise<void>[]): Promise<void> {
    const taken = Promise.all(pending)
    // Nobody else hears of it when the chunk that brought them has reset the stream.
    taken.catch(() => {})
    try {
      if (this.#stream.status !== 'open') return
      this.#stream.pause()
      this.#stopTimer()
      await taken
      if (this.#stream.status !== 'open' || this.#stream.readStatus !== 'paused') return
      if (this.#reader.incomplete) this.#timer = setTimeout(() => this.#timedOut(), this.#receiver.frameTimeout)
      this.#stream.resume()
    } catch (error) {
      this.#reset(error)
    }
  }

  #stopTimer(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #timedOut(): void {
    const { protocol, frameTimeout } = this.#receiver
    this.#reset(new WaypostError('wire/timed-out', { protocol, limit: frameTimeout }))
  }

  #ended(): void {
    const { incomplete, heldBytes } = this.#reader
    if (incomplete) this.#reset(new WaypostError('wire/closed-early', { received: heldBytes }))
    else this.#stream.close().catch(() => {})
  }

  #reset(error: unknown): void {
    this.#log.debug({ protocol: this.#receiver.protocol, peer: this.#peer, reason: messageOf(error) }, 'push refused')
    this.#stream.abort(error instanceof Error ? error : new Error(messageOf(error)))
  }
}
