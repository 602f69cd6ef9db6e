/**
 * One stream of a yamux session, as libp2p and its protocols use streams: what comes is dispatched at once, as views of
 * what the connection delivered; what is sent goes out at once, as views of what was given. Only a paused reader and a
 * peer whose window is used up make it hold bytes.
 */
import {
  type AbortOptions,
  type EventHandler,
  type Logger,
  type MessageStreamEvents,
  type MessageStreamReadStatus,
  type MessageStreamStatus,
  type MessageStreamTimeline,
  type MessageStreamWriteStatus,
  type Stream,
  StreamAbortEvent,
  StreamBufferError,
  StreamCloseEvent,
  StreamMessageEvent,
  StreamResetError,
  StreamResetEvent,
  StreamStateError,
  TypedEventEmitter,
} from '@libp2p/interface'
import type { Uint8ArrayList } from 'uint8arraylist'
import { kept, lent } from '../lent.ts'
import { controlFrames } from './frame.ts'
import { dataFrameBytes, maxSendWindow, usedFirstWindow } from './limits.ts'
import type { Outlet, Sender } from './outlet.ts'
import { ReadBuffer } from './read-buffer.ts'
import { readStream } from './read-stream.ts'
import { ReceiveWindow } from './receive-window.ts'
import { unlessAborted } from './unless-aborted.ts'
import { dataFrame, WriteQueue } from './write-queue.ts'

export interface YamuxStreamOptions {
  readonly number: number
  readonly direction: 'inbound' | 'outbound'
  readonly log: Logger
  readonly outlet: Outlet
  /** Bytes to hold for a paused reader, and the largest window. */
  readonly readBytes: number
  /** Bytes to hold for a peer that takes none. */
  readonly writeBytes: number
  /** Called once, when the session has nothing more to do with this stream. */
  readonly gone: (stream: YamuxStream) => void
}

export class YamuxStream extends TypedEventEmitter<MessageStreamEvents> implements Stream, Sender {
  readonly number: number
  readonly id: string
  readonly direction: 'inbound' | 'outbound'
  readonly log: Logger
  readonly timeline: MessageStreamTimeline = { open: Date.now() }
  /** Idle streams are kept: their protocols know how long. */
  readonly inactivityTimeout = Number.POSITIVE_INFINITY
  status: MessageStreamStatus = 'open'
  readStatus: MessageStreamReadStatus = 'readable'
  writeStatus: MessageStreamWriteStatus = 'writable'
  remoteReadStatus: MessageStreamReadStatus = 'readable'
  remoteWriteStatus: MessageStreamWriteStatus = 'writable'
  maxReadBufferLength: number
  maxWriteBufferLength: number
  /** The peer knows of this stream, or it is the peer's. */
  acknowledged: boolean
  readonly #outlet: Outlet
  readonly #gone: (stream: YamuxStream) => void
  readonly #received = new ReadBuffer()
  readonly #window: ReceiveWindow
  readonly #unsent = new WriteQueue()
  #protocol = ''
  #sendWindow = usedFirstWindow
  /** Something left since waiting writers were told last. */
  #moved = false
  #ended = false
  #closing: PromiseWithResolvers<void> | undefined
  #drain: PromiseWithResolvers<void> | undefined

  constructor({ number, direction, log, outlet, readBytes, writeBytes, gone }: YamuxStreamOptions) {
    super()
    this.number = number
    this.id = String(number)
    this.direction = direction
    this.acknowledged = direction === 'inbound'
    this.log = log
    this.#outlet = outlet
    this.#gone = gone
    this.#window = new ReceiveWindow(readBytes)
    this.maxReadBufferLength = readBytes
    this.maxWriteBufferLength = writeBytes
  }

  /** Empty until it is agreed on. */
  get protocol(): string {
    return this.#protocol
  }

  set protocol(agreed: string) {
    this.#protocol = agreed
    this.#grant()
  }

  get readBufferLength(): number {
    return this.#received.byteLength
  }

  get writeBufferLength(): number {
    return this.#unsent.byteLength
  }

  get readableEnded(): boolean {
    return this.#ended
  }

  get writableNeedsDrain(): boolean {
    return this.#unsent.byteLength > 0 || this.#outlet.full
  }

  // What the application does.

  send(data: Uint8Array | Uint8ArrayList): boolean {
    if (this.writeStatus !== 'writable')
      throw new StreamStateError(`cannot write to a stream that is ${this.writeStatus}`)
    const length = data.byteLength
    if (length === 0) return !this.writableNeedsDrain
    if (this.#mayPass(length)) {
      this.#sendWindow -= length
      return this.#outlet.write(dataFrame(this.number, data))
    }
    this.#unsent.append(data)
    if (this.#sendWindow > 0) this.#outlet.enqueue(this)
    if (this.#unsent.byteLength > this.maxWriteBufferLength)
      this.abort(new StreamBufferError(`more than ${this.maxWriteBufferLength} bytes wait for the peer`))
    return this.status === 'open' && !this.writableNeedsDrain
  }

  /** True when `length` bytes may go as one frame, now. */
  #mayPass(length: number): boolean {
    if (length > dataFrameBytes || length > this.#sendWindow) return false
    return this.#unsent.byteLength === 0 && this.#outlet.idle
  }

  async onDrain(options?: AbortOptions): Promise<void> {
    if (!this.writableNeedsDrain) return
    this.#drain ??= Promise.withResolvers()
    await unlessAborted(this.#drain.promise, options?.signal)
  }

  /** Ends our side behind what was sent. Resolves when the connection has all of it. */
  async close(options?: AbortOptions): Promise<void> {
    if (this.writeStatus !== 'writable') return
    this.writeStatus = 'closing'
    const closing = Promise.withResolvers<void>()
    this.#closing = closing
    this.#finish()
    await unlessAborted(closing.promise, options?.signal)
  }

  /** What is unread and what comes is thrown away. The peer does not learn of it: yamux has no word for that. */
  async closeRead(): Promise<void> {
    if (this.readStatus === 'closed') return
    const unread = this.#received.byteLength
    this.#received.clear()
    this.readStatus = 'closed'
    this.#took(unread)
    this.#end()
  }

  abort(error: Error): void {
    if (this.status !== 'open') return
    this.#received.clear()
    this.#leave('aborted')
    this.readStatus = 'closed'
    this.#outlet.write(controlFrames.reset(this.number))
    this.#end()
    this.#settle(error)
    this.dispatchEvent(new StreamAbortEvent(error))
  }

  pause(): void {
    this.#demandReadable('pause')
    this.readStatus = 'paused'
    this.#window.pause()
  }

  resume(): void {
    this.#demandReadable('resume')
    if (this.readStatus === 'readable') return
    this.readStatus = 'readable'
    this.#deliverReceived()
    this.#grant()
  }

  push(data: Uint8Array | Uint8ArrayList): void {
    this.#demandReadable('push to')
    this.#window.putBack(data.byteLength)
    this.#received.append(data.subarray())
    this.#deliverSoon()
  }

  unshift(data: Uint8Array | Uint8ArrayList): void {
    this.#demandReadable('push to')
    if (data.byteLength === 0) return
    this.#window.putBack(data.byteLength)
    this.#received.prepend(data.subarray())
    this.#deliverSoon()
  }

  override addEventListener<Type extends keyof MessageStreamEvents>(
    type: Type,
    listener: EventHandler<MessageStreamEvents[Type]> | null,
    options?: boolean | AddEventListenerOptions,
  ): void {
    super.addEventListener(type, listener, options)
    if (type === 'message' && this.#received.byteLength > 0) this.#deliverSoon()
  }

  [Symbol.asyncIterator](): AsyncGenerator<Uint8Array | Uint8ArrayList> {
    return readStream(this)
  }

  // What the session tells.

  /** A data frame of `length` bytes begins; false when the peer was not granted that many. */
  announce(length: number): boolean {
    return this.#window.announce(length)
  }

  /** Bytes of it, which are lent. */
  receive(bytes: Uint8Array): void {
    if (this.readStatus === 'closed') this.#took(bytes.length)
    else if (this.#received.byteLength === 0 && this.#listening)
      this.#deliver(lent.borrowed.has(this) ? bytes : kept(bytes))
    else {
      this.#received.append(bytes)
      this.#deliverReceived()
    }
  }

  /** The peer grants `length` bytes more; false when that is more than can be. */
  granted(length: number): boolean {
    if (this.#sendWindow + length > maxSendWindow) return false
    this.#sendWindow += length
    if (this.#unsent.byteLength === 0 || length === 0) return true
    this.#outlet.enqueue(this)
    if (this.#moved) this.#tellDrained()
    return true
  }

  /** One frame of what waits: `Sender`, called by the outlet. */
  sendFrame(): boolean {
    const length = Math.min(this.#unsent.byteLength, this.#sendWindow, dataFrameBytes)
    if (length === 0) return false
    this.#sendWindow -= length
    this.#moved = true
    this.#outlet.write(this.#unsent.frame(this.number, length))
    if (this.#unsent.byteLength === 0) this.#sentAll()
    return this.#unsent.byteLength > 0 && this.#sendWindow > 0
  }

  /** The connection takes more: what is written now goes when everybody has been told. */
  drained(): void {
    if (this.#moved || !this.writableNeedsDrain) this.#tellDrained()
  }

  /** Everybody had a turn, and there is room left. */
  hadTurn(): void {
    if (this.#moved) this.#tellDrained()
  }

  /** The peer has ended its side. */
  remoteEnded(): void {
    if (this.remoteWriteStatus === 'closed') return
    this.remoteWriteStatus = 'closed'
    this.safeDispatchEvent('remoteCloseWrite')
    this.#end()
    if (this.writeStatus === 'closed') this.transportClosed()
  }

  /** The peer has reset the stream. What came before may still be read. */
  remoteReset(): void {
    if (this.status !== 'open') return
    this.#leave('reset')
    if (this.#received.byteLength === 0) this.readStatus = 'closed'
    this.#end()
    const error = new StreamResetError()
    this.#settle(error)
    this.dispatchEvent(new StreamResetEvent(error))
  }

  /** Both sides have ended, or the connection has. What came before may still be read. */
  transportClosed(): void {
    if (this.status !== 'open') return
    this.#leave('closed')
    if (this.readStatus === 'readable' && this.#received.byteLength === 0) this.readStatus = 'closed'
    this.#end()
    this.#settle(new StreamStateError('the stream is closed'))
    this.dispatchEvent(new StreamCloseEvent())
  }

  // Receiving.

  get #listening(): boolean {
    return this.readStatus === 'readable' && this.listenerCount('message') > 0
  }

  #deliver(bytes: Uint8Array): void {
    this.dispatchEvent(new StreamMessageEvent(bytes))
    this.#took(bytes.length)
  }

  #deliverReceived(): void {
    while (this.#listening) {
      const bytes = this.#received.take()
      if (bytes === undefined) break
      this.#deliver(bytes)
    }
    if (this.#received.byteLength > 0 || this.remoteWriteStatus !== 'closed' || this.readStatus !== 'readable') return
    this.readStatus = 'closed'
    this.#end()
  }

  /** Who listens in a constructor, or puts bytes back, is not called before it has returned. */
  #deliverSoon(): void {
    if (this.#listening) queueMicrotask(() => this.#deliverReceived())
    else if (this.#received.byteLength > this.maxReadBufferLength)
      this.abort(new StreamBufferError(`more than ${this.maxReadBufferLength} bytes wait for a reader`))
  }

  #took(length: number): void {
    this.#window.take(length)
    this.#grant()
  }

  /** Lets the peer send more, unless the reader is paused or the peer has ended. */
  #grant(): void {
    // Who negotiates holds what comes behind: no more than the first window, until there is somebody who takes it.
    if (this.#protocol === '') return
    if (this.readStatus === 'paused' || this.remoteWriteStatus !== 'writable') return
    const length = this.#window.grant()
    if (length > 0) this.#outlet.write(controlFrames.update(this.number, length))
  }

  /** `end`, once: nothing is there to be read and nothing more will be. */
  #end(): void {
    if (this.#ended || this.#received.byteLength > 0) return
    if (this.remoteWriteStatus !== 'closed' && this.readStatus !== 'closed') return
    this.#ended = true
    this.safeDispatchEvent('end')
  }

  #demandReadable(what: string): void {
    if (this.readStatus === 'closed') throw new StreamStateError(`cannot ${what} a stream that is closed`)
  }

  // Sending.

  #sentAll(): void {
    if (this.listenerCount('idle') > 0) this.safeDispatchEvent('idle')
    this.#finish()
  }

  #tellDrained(): void {
    this.#moved = false
    this.#drain?.resolve()
    this.#drain = undefined
    if (this.listenerCount('drain') > 0) this.safeDispatchEvent('drain')
  }

  /** Ends our side, when that is wanted and all before it is with the connection. */
  #finish(): void {
    // What is with the connection goes before it, full or not.
    if (this.writeStatus !== 'closing' || this.#unsent.byteLength > 0) return
    // A frame of its own: the stock muxer drops data that comes with the end, when its own side is closed.
    this.#outlet.write(controlFrames.end(this.number))
    this.writeStatus = 'closed'
    this.#closing?.resolve()
    this.#closing = undefined
    if (this.remoteWriteStatus === 'closed') this.transportClosed()
  }

  // The end of both.

  #leave(status: MessageStreamStatus): void {
    this.status = status
    this.writeStatus = 'closed'
    this.remoteWriteStatus = 'closed'
    this.remoteReadStatus = 'closed'
    this.timeline.close = Date.now()
    this.#unsent.clear()
    this.#outlet.leave(this)
    this.#gone(this)
  }

  /** Those who wait for what cannot come any more. */
  #settle(error: Error): void {
    this.#closing?.reject(error)
    this.#drain?.reject(error)
    this.#closing = undefined
    this.#drain = undefined
  }
}
