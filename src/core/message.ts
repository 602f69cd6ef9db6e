/**
 * The wire form of a Waku message: 14/WAKU2-MESSAGE,
 * https://github.com/vacp2p/rfc-index/blob/155c310d7bfa/docs/messaging/standards/core/14/message.md
 */
import { messageOf, WaypostError } from './errors.ts'
import { ProtobufReader, ProtobufWriter, utf8 } from './protobuf.ts'
import type { Nanoseconds } from './time.ts'

/** Bytes of `meta` at the most: 14/WAKU2-MESSAGE. */
export const maxMetaBytes = 64

/** Bytes of an encoded message at the most, unless a setting says otherwise: 150 KiB, 64/WAKU2-NETWORK. */
export const defaultMaxMessageBytes = 150 * 1024

const Field = { payload: 1, contentTopic: 2, version: 3, timestamp: 10, meta: 11, proof: 21, ephemeral: 31 } as const

/** A decoded message. The byte fields are views of the bytes that it was decoded from. */
export interface WakuMessage {
  readonly payload: Uint8Array
  readonly contentTopic: string
  /** 0 none or the application's own, 1 26/WAKU2-PAYLOAD, 2 Noise. Absent on the wire reads as 0. */
  readonly version: number
  /** Undefined when it is not on the wire, which the hash tells from 0. */
  readonly timestamp?: Nanoseconds
  readonly meta?: Uint8Array
  /** An encoded RateLimitProof (17/WAKU2-RLN-RELAY), untouched. */
  readonly rateLimitProof?: Uint8Array
  /** True: relayed, never stored. */
  readonly ephemeral: boolean
}

/** A decoded message together with the exact bytes of its content topic, which the hash covers. */
export interface DecodedMessage extends WakuMessage {
  readonly contentTopicBytes: Uint8Array
}

/**
 * Decodes a message. Unknown fields are passed over; of a repeated field the last counts.
 * Throws `message/malformed` also when payload or content topic is not on the wire, as nwaku does.
 */
export function decodeMessage(bytes: Uint8Array): DecodedMessage {
  try {
    return readMessage(new ProtobufReader(bytes, 'WakuMessage'))
  } catch (error) {
    if (error instanceof WaypostError && error.code === 'message/malformed') throw error
    throw new WaypostError('message/malformed', { why: messageOf(error) }, { cause: error })
  }
}

function readMessage(reader: ProtobufReader): DecodedMessage {
  let payload: Uint8Array | undefined
  let contentTopicBytes: Uint8Array | undefined
  let version = 0
  let timestamp: Nanoseconds | undefined
  let meta: Uint8Array | undefined
  let rateLimitProof: Uint8Array | undefined
  let ephemeral = false
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    switch (field) {
      case Field.payload:
        payload = reader.bytes()
        break
      case Field.contentTopic:
        contentTopicBytes = reader.bytes()
        break
      case Field.version:
        version = reader.uint32()
        break
      case Field.timestamp:
        timestamp = reader.sint64()
        break
      case Field.meta:
        meta = reader.bytes()
        break
      case Field.proof:
        rateLimitProof = reader.bytes()
        break
      case Field.ephemeral:
        ephemeral = reader.bool()
        break
      default:
        reader.skip()
    }
  }
  if (payload === undefined) throw new WaypostError('message/malformed', { why: 'payload is missing' })
  if (contentTopicBytes === undefined) throw new WaypostError('message/malformed', { why: 'content topic is missing' })
  const contentTopic = utf8(contentTopicBytes)
  return { payload, contentTopic, contentTopicBytes, version, timestamp, meta, rateLimitProof, ephemeral }
}

/** Encodes a message. Payload and content topic are always written (nwaku demands them); the rest when it says something. */
export function encodeMessage(
  message: Partial<WakuMessage> & Pick<WakuMessage, 'payload' | 'contentTopic'>,
): Uint8Array {
  const writer = new ProtobufWriter(message.payload.length + message.contentTopic.length * 3 + 256)
  writer.bytes(Field.payload, message.payload).string(Field.contentTopic, message.contentTopic)
  if (message.version) writer.uint32(Field.version, message.version)
  if (message.timestamp !== undefined) writer.sint64(Field.timestamp, message.timestamp)
  if (message.meta !== undefined && message.meta.length > 0) writer.bytes(Field.meta, message.meta)
  if (message.rateLimitProof !== undefined) writer.bytes(Field.proof, message.rateLimitProof)
  if (message.ephemeral) writer.bool(Field.ephemeral, true)
  return writer.finish()
}

/**
 * The same encoded message with a timestamp at its end, which overrides one that stands before it.
 * The only case in which Waypost writes into a message that is not its own: a push or publish without a time.
 */
export function withTimestamp(bytes: Uint8Array, timestamp: Nanoseconds): Uint8Array {
  return Buffer.concat([bytes, new ProtobufWriter(16).sint64(Field.timestamp, timestamp).finish()])
}
