/**
 * A message as it travels: one entry of `publish`, in a frame of its own. What came is passed on in the bytes it came in,
 * copied at most once: the same frame goes to all peers and into the message cache.
 */
import { WaypostError } from '../../../core/errors.ts'
import { FieldCursor } from './field-cursor.ts'
import { frameRoom } from './frame-room.ts'

/** The fields of a message (pubsub, "The Message"). All others than these two are forbidden under StrictNoSign. */
const fields = { from: 1, data: 2, seqno: 3, topic: 4, signature: 5, key: 6 } as const

/** The tag of `publish` in an RPC, of `data` and of `topic` in it: all of one byte. */
const tags = { publish: 0x12, data: 0x12, topic: 0x22 } as const

/** A frame and the place of the message's data in it. */
export interface MessageFrame {
  readonly frame: Uint8Array
  readonly data: Uint8Array
}

/** A buffer that is at most so many times larger than the frame in it may be kept for it. */
const looseness = 2

/** Bytes of a frame below which it is copied in any case: `FrameCutter` does not say that it may be kept. */
const copiedBytes = 4096

const cursor = new FieldCursor('Message')

/** Finds the parts of one entry of `publish`. Used again for the next. */
export class MessageParts {
  dataFrom = 0
  dataTo = 0
  topicFrom = 0
  topicTo = 0
  /** True when it carries what StrictNoSign forbids: author, number, signature or key. */
  isSigned = false
  /** True when it holds data and topic once each and nothing else: then it is passed on as it is. */
  isPlain = false

  /** Reads the entry in `buffer` from `from` to `to`. Throws `wire/malformed`. */
  read(buffer: Uint8Array, from: number, to: number): void {
    this.dataFrom = this.dataTo = this.topicFrom = this.topicTo = from
    this.isSigned = false
    cursor.enter(buffer, from, to)
    for (let field = cursor.next(); field !== 0; field = cursor.next()) this.#keep(field)
    const needed = partBytes(this.dataTo - this.dataFrom) + partBytes(this.topicTo - this.topicFrom)
    // A part in a longer form, a part twice, or one that nobody knows would make it longer.
    this.isPlain = to - from === needed && this.dataFrom !== from && this.topicFrom !== from
  }

  #keep(field: number): void {
    if (field > fields.key) return
    if (!cursor.isBytes)
      throw new WaypostError('wire/malformed', { what: 'Message', why: `field ${field} is a number` })
    // Of a part that comes twice the last counts, as everywhere in protobuf.
    if (field === fields.data) {
      this.dataFrom = cursor.from
      this.dataTo = cursor.to
    } else if (field === fields.topic) {
      this.topicFrom = cursor.from
      this.topicTo = cursor.to
    } else this.isSigned = true
  }

  /**
   * The message in a frame of its own, out of the frame that lies in `buffer` from `begin` to `end`, of which its entry
   * is `from` to `to`. What is not plain is written anew: nobody has us carry bytes around a message.
   */
  frame(buffer: Uint8Array, begin: number, end: number, from: number, to: number): MessageFrame {
    const { dataFrom, dataTo } = this
    if (!this.isPlain) return newFrame(buffer.subarray(this.topicFrom, this.topicTo), buffer.subarray(dataFrom, dataTo))
    const bytes = frameBytes(to - from)
    // The usual frame: this message and nothing else, and no byte too many in front of it.
    if (end - begin !== bytes || to !== end) return entryFrame(buffer, from, to, dataFrom, dataTo)
    const isOwn = bytes >= copiedBytes && buffer.buffer.byteLength <= looseness * bytes
    const frame = isOwn ? buffer.subarray(begin, end) : copied(buffer, begin, end)
    return { frame, data: frame.subarray(dataFrom - begin, dataTo - begin) }
  }
}

/** A message of our own in a frame. */
export function newFrame(topic: Uint8Array, data: Uint8Array): MessageFrame {
  const entryBytes = partBytes(data.length) + partBytes(topic.length)
  const frame = frameRoom(frameBytes(entryBytes))
  let at = writeHead(frame, entryBytes)
  at = writePart(frame, at, tags.data, data)
  const place = frame.subarray(at - data.length, at)
  writePart(frame, at, tags.topic, topic)
  return { frame, data: place }
}

/** One of several entries of a frame, or one behind other things. */
function entryFrame(buffer: Uint8Array, from: number, to: number, dataFrom: number, dataTo: number): MessageFrame {
  const frame = frameRoom(frameBytes(to - from))
  const at = writeHead(frame, to - from)
  frame.set(buffer.subarray(from, to), at)
  return { frame, data: frame.subarray(at + dataFrom - from, at + dataTo - from) }
}

function copied(buffer: Uint8Array, begin: number, end: number): Uint8Array {
  const copy = frameRoom(end - begin)
  copy.set(buffer.subarray(begin, end))
  return copy
}

/** Bytes of a frame with one entry: prefix, tag, length, entry. */
function frameBytes(entryBytes: number): number {
  const body = partBytes(entryBytes)
  return varintBytes(body) + body
}

/** Bytes of a length-delimited field with a small number. */
function partBytes(length: number): number {
  return 1 + varintBytes(length) + length
}

/** Prefix of the frame, tag and length of the entry; returns where the entry begins. */
function writeHead(frame: Uint8Array, entryBytes: number): number {
  const at = writeVarint(frame, 0, partBytes(entryBytes))
  frame[at] = tags.publish
  return writeVarint(frame, at + 1, entryBytes)
}

function writePart(frame: Uint8Array, at: number, tag: number, bytes: Uint8Array): number {
  frame[at] = tag
  const begin = writeVarint(frame, at + 1, bytes.length)
  frame.set(bytes, begin)
  return begin + bytes.length
}

function writeVarint(target: Uint8Array, at: number, value: number): number {
  let [next, rest] = [at, value]
  for (; rest > 0x7f; rest >>>= 7) target[next++] = (rest & 0x7f) | 0x80
  target[next++] = rest
  return next
}

function varintBytes(value: number): number {
  let bytes = 1
  for (let rest = value; rest > 0x7f; rest >>>= 7) bytes += 1
  return bytes
}
