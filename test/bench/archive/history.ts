/**
 * A stretch of history in a file: made once for a run, so that making messages is in nobody's time and memory. A slot for
 * each message: its hash, its length, its bytes.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import type { Envelope } from '../../../src/core/envelope.ts'
import { hashBytes, type MessageHash } from '../../../src/core/hash.ts'
import { decodeMessage } from '../../../src/core/message.ts'
import { makeEnvelope, pubsubTopicOf, type Stretch, timeOf } from './messages.ts'

const lengthBytes = 2
const headBytes = hashBytes + lengthBytes
const slotBytes = 1152

/** Messages that are in memory at once while they are stored. */
export const storedAtOnce = 20_000

/** Messages written at once. */
const pieceMessages = 10_000

/** Where a stretch is written. */
export interface HistoryFile {
  readonly file: string
  readonly stretch: Stretch
}

/** Writes the messages of a stretch and `further` ones behind it. */
export function writeHistory({ file, stretch }: HistoryFile, further = 0): void {
  const handle = openSync(file, 'w')
  const all = stretch.messages + further
  for (let first = 0; first < all; first += pieceMessages) {
    const piece = Buffer.alloc(Math.min(pieceMessages, all - first) * slotBytes)
    for (let at = 0; at < piece.length; at += slotBytes)
      fillSlot(piece, at, makeEnvelope(stretch, first + at / slotBytes))
    writeSync(handle, piece)
  }
  closeSync(handle)
}

function fillSlot(piece: Buffer, at: number, { hash, bytes }: Envelope): void {
  piece.write(hash, at, hashBytes, 'hex')
  piece.writeUInt16BE(bytes.length, at + hashBytes)
  piece.set(bytes, at + headBytes)
}

/** Some messages in memory, as bytes: an envelope is made of one when it is wanted, at the price of decoding it. */
export class Piece {
  readonly #bytes: Buffer
  readonly length: number

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.length = bytes.length / slotBytes
  }

  envelope(index: number): Envelope {
    const at = index * slotBytes
    const start = at + headBytes
    const bytes = this.#bytes.subarray(start, start + this.#bytes.readUInt16BE(at + hashBytes))
    const message = decodeMessage(bytes)
    const hash = this.#bytes.toString('hex', at, at + hashBytes)
    return { pubsubTopic: pubsubTopicOf(message.contentTopic), message, hash, bytes, receivedAt: 0 }
  }

  envelopes(): Envelope[] {
    return Array.from({ length: this.length }, (_, index) => this.envelope(index))
  }
}

export class History implements Disposable {
  readonly stretch: Stretch
  readonly #handle: number

  constructor({ file, stretch }: HistoryFile) {
    this.stretch = stretch
    this.#handle = openSync(file, 'r')
  }

  get messages(): number {
    return this.stretch.messages
  }

  /** `count` messages from `first` on; those further than the stretch are there too. */
  piece(first: number, count: number): Piece {
    const bytes = Buffer.allocUnsafeSlow(count * slotBytes)
    return new Piece(bytes.subarray(0, readSync(this.#handle, bytes, { position: first * slotBytes })))
  }

  /** The messages from `first` to `end`, in pieces that fit into memory beside what is measured. */
  *pieces(first: number, end: number): Generator<Piece> {
    for (let at = first; at < end; at += storedAtOnce) yield this.piece(at, Math.min(storedAtOnce, end - at))
  }

  /** Messages in an order of one's own. */
  scattered(indices: readonly number[]): Piece {
    const bytes = Buffer.allocUnsafeSlow(indices.length * slotBytes)
    for (const [at, index] of indices.entries())
      readSync(this.#handle, bytes, at * slotBytes, slotBytes, index * slotBytes)
    return new Piece(bytes)
  }

  someTime(): bigint {
    return timeOf(this.stretch, this.#some())
  }

  someHash(): MessageHash {
    const bytes = Buffer.alloc(hashBytes)
    readSync(this.#handle, bytes, { position: this.#some() * slotBytes })
    return bytes.toString('hex')
  }

  [Symbol.dispose](): void {
    closeSync(this.#handle)
  }

  #some(): number {
    return Math.floor(Math.random() * this.messages)
  }
}
