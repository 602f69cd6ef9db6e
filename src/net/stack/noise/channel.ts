/**
 * The connection as its muxer sees it: plaintext in both directions.
 *
 * What is sent waits for the end of the tick, and goes down as one buffer: full records, one write to the socket. The
 * stock channel encrypts and writes each frame of the muxer by itself, and what that costs is mostly the same for a byte
 * as for a kilobyte (docs/decisions/0037-the-secure-channel.md).
 */
import { type AbortOptions, type MessageStream, type StreamCloseEvent, StreamStateError } from '@libp2p/interface'
import { AbstractMessageStream, type SendResult } from '@libp2p/utils'
import type { Uint8ArrayList } from 'uint8arraylist'
import { Pace } from '../../pace.ts'
import { giveBack, isLarge, lent } from '../lent.ts'
import type { Cipher } from './cipher.ts'
import type { Ciphers } from './handshake.ts'
import { maxPlaintextBytes, RecordReader, sealRecords } from './records.ts'
import { atEndOfRound } from './round.ts'

/** Bytes that do not wait for the end of the tick. Above that a buffer is no cheaper for being larger. */
const burstBytes = 4 * maxPlaintextBytes

/** Records without a byte in them, in a second: nobody needs any, and each costs as much to open as a kilobyte. */
const emptyRecordsPerSecond = 100

type Plaintext = Parameters<MessageStream['send']>[0]

export class Channel extends AbstractMessageStream {
  readonly #connection: MessageStream
  readonly #send: Cipher
  readonly #receive: Cipher
  readonly #records = new RecordReader()
  readonly #emptyRecords = new Pace(emptyRecordsPerSecond)
  #flushing = false
  /** Large plaintexts of which the reader has not been given all yet. */
  #opened: Uint8Array[] = []

  constructor(connection: MessageStream, { send, receive }: Ciphers) {
    super({
      log: connection.log,
      inactivityTimeout: connection.inactivityTimeout,
      maxReadBufferLength: connection.maxReadBufferLength,
      direction: connection.direction,
    })
    this.#connection = connection
    lent.given.add(connection)
    this.#send = send
    this.#receive = receive
    connection.addEventListener('message', ({ data }) => this.#received(data))
    connection.addEventListener('close', (event) => this.#connectionClosed(event))
    connection.addEventListener('drain', () => this.safeDispatchEvent('drain'))
    connection.addEventListener('remoteCloseWrite', () => this.onRemoteCloseWrite())
    this.#flushBeforeClose()
  }

  /** False when the connection is full: then what is sent waits for it to drain, and is bounded. */
  override send(data: Plaintext): boolean {
    if (this.writeStatus !== 'writable')
      throw new StreamStateError(`a stream that is ${this.writeStatus} sends nothing`)
    this.writeBuffer.append(data)
    if (this.writableNeedsDrain || this.writeBuffer.byteLength >= burstBytes) return this.processSendQueue()
    this.#flushSoon()
    return true
  }

  close(options?: AbortOptions): Promise<void> {
    return this.#connection.close(options)
  }

  sendData(data: Uint8ArrayList): SendResult {
    return { sentBytes: data.byteLength, canSendMore: this.#connection.send(sealRecords(this.#send, data)) }
  }

  sendReset(error: Error): void {
    this.#connection.abort(error)
  }

  sendPause(): void {
    this.#connection.pause()
  }

  sendResume(): void {
    this.#connection.resume()
  }

  /** After all that other sockets brought in this turn of the event loop: what they cause is sent together. */
  #flushSoon(): void {
    if (this.#flushing) return
    this.#flushing = true
    atEndOfRound(this.#flush)
  }

  readonly #flush = (): void => {
    this.#flushing = false
    try {
      this.processSendQueue()
    } catch {
      // The base class has aborted with the error, which whoever listens hears of.
    }
  }

  /** libp2p closes the connection beneath, not this one, after the muxer has said its last. */
  #flushBeforeClose(): void {
    const close = this.#connection.close.bind(this.#connection)
    this.#connection.close = (options) => {
      // Full or not: a connection that closes sends what it was given first.
      this.writableNeedsDrain = false
      this.#flush()
      // Who sends from now on hears of it, and does not reset what is still on its way.
      if (this.writeStatus === 'writable') this.writeStatus = 'closing'
      return close(options)
    }
  }

  #received(data: Plaintext): void {
    try {
      for (const chunk of data instanceof Uint8Array ? [data] : data) {
        this.#open(chunk)
        if (lent.delivered.has(this.#connection)) giveBack(chunk)
      }
      this.dispatchReadBuffer()
    } catch (error) {
      // What came before the record that is none was sent by the peer.
      this.dispatchReadBuffer()
      this.abort(error instanceof Error ? error : new Error('a record that is none'))
    }
  }

  #open(chunk: Uint8Array): void {
    this.#records.add(chunk)
    for (let record = this.#records.next(); record !== undefined; record = this.#records.next()) {
      const plaintext = this.#receive.open(record)
      if (plaintext.length === 0) {
        if (!this.#emptyRecords.keeps()) throw new Error('records of nothing')
        continue
      }
      // A muxer counts on no more at once than a record holds (`muxerBytes`).
      if (this.readBuffer.byteLength + plaintext.length > maxPlaintextBytes) this.dispatchReadBuffer()
      if (this.readStatus === 'closed' || this.readStatus === 'closing') return
      this.readBuffer.append(plaintext)
      if (isLarge(plaintext)) this.#opened.push(plaintext)
    }
  }

  /** A reader that says that it keeps nothing is lent the plaintexts: all of them, since what is left is dispatched again. */
  override dispatchReadBuffer(): void {
    const opened = this.#opened
    this.#opened = []
    super.dispatchReadBuffer()
    if (this.readBuffer.byteLength > 0) this.#opened.unshift(...opened)
    else if (lent.borrowed.has(this)) for (const plaintext of opened) giveBack(plaintext)
  }

  #connectionClosed({ error, local }: StreamCloseEvent): void {
    if (error === undefined) this.onTransportClosed()
    else if (local === true) this.abort(error)
    else this.onRemoteReset()
  }
}
