/**
 * The way to the server as the driver has it, but that binary rows come as bytes: the driver reads every column as text,
 * and as text a message is hexadecimal, twice as long and decoded twice. All else that the server says goes to the driver.
 *
 * (PostgreSQL manual: 55.7 Message Formats, DataRow and RowDescription)
 */
import { EventEmitter } from 'node:events'
import pg from 'pg'

/** A column of a row, in PostgreSQL's binary form; null is none. */
export type Column = Buffer | null

export type Columns = readonly Column[]

/** A message is a letter, its length without the letter, and the rest. */
const letterBytes = 1
const headBytes = 5
const dataRow = 0x44
const rowDescription = 0x54

/** What the driver's connection does, and its types do not say. */
interface Reading extends pg.Connection {
  /** Reads the messages of `stream`, and tells each as an event of its name. */
  attachListeners(stream: EventEmitter): void
}

const DriverConnection = pg.Connection as unknown as new (config: pg.ConnectionConfig) => Reading

export class RowConnection extends DriverConnection {
  /** Whether the rows that come now were asked for as bytes. */
  #areBinary = false

  override attachListeners(stream: EventEmitter): void {
    const others = new EventEmitter()
    super.attachListeners(others)
    const cutter = new Cutter()
    stream.on('data', (chunk: Buffer) => {
      try {
        for (const message of cutter.cut(chunk)) this.#tell(message, others)
      } catch (error) {
        // Not PostgreSQL, or not any more.
        this.stream.destroy(new Error('the server sent what is no answer', { cause: error }))
      }
    })
  }

  #tell(message: Buffer, others: EventEmitter): void {
    if (message[0] === rowDescription) this.#areBinary = endsBinary(message)
    if (message[0] === dataRow && this.#areBinary) this.emit('dataRow', { fields: columnsOf(message) })
    else others.emit('data', message)
  }
}

/** Whether the last column of a RowDescription is, by its last two bytes. We ask for all or none. */
function endsBinary(message: Buffer): boolean {
  return message.readInt16BE(message.length - 2) === 1
}

/** Cuts what comes from a server into its messages. */
export class Cutter {
  /** The begin of a message, in the pieces that it came in. */
  #pieces: Buffer[] = []
  #held = 0
  /** Bytes below which there is no whole message. */
  #wanted = headBytes

  /** The messages that end in `chunk`. */
  cut(chunk: Buffer): Buffer[] {
    this.#pieces.push(chunk)
    this.#held += chunk.length
    if (this.#held < this.#wanted) return []
    const bytes = this.#pieces.length === 1 ? chunk : Buffer.concat(this.#pieces)
    const messages: Buffer[] = []
    let at = 0
    for (;;) {
      this.#wanted = lengthAt(bytes, at)
      if (at + this.#wanted > bytes.length) break
      messages.push(bytes.subarray(at, at + this.#wanted))
      at += this.#wanted
    }
    const rest = bytes.subarray(at)
    this.#pieces = rest.length === 0 ? [] : [rest]
    this.#held = rest.length
    return messages
  }
}

/** Of the message at `at`; of its head, as long as that is not there. */
function lengthAt(bytes: Buffer, at: number): number {
  if (at + headBytes > bytes.length) return headBytes
  const length = letterBytes + bytes.readUInt32BE(at + letterBytes)
  if (length < headBytes) throw new RangeError(`a message of ${length} bytes`)
  return length
}

/** The columns of a DataRow: how many, and each with its length, which is -1 where there is none. */
export function columnsOf(message: Buffer): Columns {
  const columns: Column[] = new Array(message.readInt16BE(headBytes))
  let at = headBytes + 2
  for (let index = 0; index < columns.length; index++) {
    const length = message.readInt32BE(at)
    at += 4
    columns[index] = length < 0 ? null : message.subarray(at, at + length)
    at += Math.max(0, length)
  }
  return columns
}
