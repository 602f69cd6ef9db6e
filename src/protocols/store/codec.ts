/**
 * Store query 3.0.0: a client asks a node for the messages that it missed, 13/WAKU2-STORE,
 * https://github.com/vacp2p/rfc-index/blob/155c310d7bfa/docs/messaging/standards/core/13/store.md
 *
 * A response carries the bytes of each message as they were stored: they are spliced in, never encoded again.
 */
import { WaypostError } from '../../core/errors.ts'
import { hashBytes, hashFromBytes, hashToBytes } from '../../core/hash.ts'
import { lengthOfBytes, ProtobufReader, ProtobufWriter } from '../../core/protobuf.ts'
import type { Page, StoredMessage } from '../../core/query.ts'
import type { Nanoseconds } from '../../core/time.ts'

export const storeProtocol = '/vac/waku/store-query/3.0.0'

/** Status codes of ours. nwaku also answers 300 (BAD_RESPONSE), for whatever its archive does not like. */
export const Status = {
  success: 200,
  badRequest: 400,
  requestTooLarge: 413,
  tooManyRequests: 429,
  internalError: 500,
  serviceUnavailable: 503,
} as const

/** A query as it stands on the wire: nothing of it is judged yet. */
export interface StoreRequest {
  readonly requestId: string
  readonly includeData: boolean
  readonly pubsubTopic?: string
  readonly contentTopics: readonly string[]
  readonly start?: Nanoseconds
  readonly end?: Nanoseconds
  readonly hashes: readonly Uint8Array[]
  readonly cursor?: Uint8Array
  readonly forward: boolean
  readonly limit?: bigint
}

/** A page, or the reason why there is none. */
export interface StoreResponse extends Page {
  readonly requestId: string
  readonly status: number
  readonly reason: string
}

const RequestField = {
  requestId: 1,
  includeData: 2,
  pubsubTopic: 10,
  contentTopics: 11,
  start: 12,
  end: 13,
  hashes: 20,
  cursor: 51,
  forward: 52,
  limit: 53,
} as const
const ResponseField = { requestId: 1, status: 10, reason: 11, messages: 20, cursor: 51 } as const
const MessageField = { hash: 1, message: 2, pubsubTopic: 3 } as const

/** Bytes beside the texts and messages in a request, a response or one of its messages: tags, lengths, hashes, an id. */
const overheadBytes = 256

/** Reads a request; a missing field has the default of its type. Throws `wire/malformed`. */
export function decodeStoreRequest(body: Uint8Array): StoreRequest {
  const reader = new ProtobufReader(body, 'store request')
  let requestId = ''
  let includeData = false
  let pubsubTopic: string | undefined
  const contentTopics: string[] = []
  let start: Nanoseconds | undefined
  let end: Nanoseconds | undefined
  const hashes: Uint8Array[] = []
  let cursor: Uint8Array | undefined
  let forward = false
  let limit: bigint | undefined
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    switch (field) {
      case RequestField.requestId:
        requestId = reader.string()
        break
      case RequestField.includeData:
        includeData = reader.bool()
        break
      case RequestField.pubsubTopic:
        pubsubTopic = reader.string()
        break
      case RequestField.contentTopics:
        contentTopics.push(reader.string())
        break
      case RequestField.start:
        start = reader.sint64()
        break
      case RequestField.end:
        end = reader.sint64()
        break
      case RequestField.hashes:
        hashes.push(reader.bytes())
        break
      case RequestField.cursor:
        cursor = reader.bytes()
        break
      case RequestField.forward:
        forward = reader.bool()
        break
      case RequestField.limit:
        limit = reader.uint64()
        break
      default:
        reader.skip()
    }
  }
  return { requestId, includeData, pubsubTopic, contentTopics, start, end, hashes, cursor, forward, limit }
}

/** Writes a request. The two flags are written also when false, as nwaku does. */
export function encodeStoreRequest(request: StoreRequest): Uint8Array {
  const writer = new ProtobufWriter(overheadBytes)
    .string(RequestField.requestId, request.requestId)
    .bool(RequestField.includeData, request.includeData)
  if (request.pubsubTopic !== undefined) writer.string(RequestField.pubsubTopic, request.pubsubTopic)
  for (const topic of request.contentTopics) writer.string(RequestField.contentTopics, topic)
  if (request.start !== undefined) writer.sint64(RequestField.start, request.start)
  if (request.end !== undefined) writer.sint64(RequestField.end, request.end)
  for (const hash of request.hashes) writer.bytes(RequestField.hashes, hash)
  if (request.cursor !== undefined) writer.bytes(RequestField.cursor, request.cursor)
  writer.bool(RequestField.forward, request.forward)
  if (request.limit !== undefined) writer.uint64(RequestField.limit, request.limit)
  return writer.finish()
}

/**
 * Writes a response. Id, status and reason are always written: nwaku's decoder demands them. Messages are most of it: each
 * is copied once, into a buffer that is long enough.
 */
export function encodeStoreResponse({ requestId, status, reason, messages, cursor }: StoreResponse): Uint8Array {
  const lengths = messages.map(lengthOfStored)
  const bytes = lengths.reduce((sum, length) => sum + length + 8, overheadBytes)
  const writer = new ProtobufWriter(bytes)
    .string(ResponseField.requestId, requestId)
    .uint32(ResponseField.status, status)
    .string(ResponseField.reason, reason)
  for (const [index, message] of messages.entries()) {
    writer.begin(ResponseField.messages, lengths[index]!)
    writeStored(writer, message)
  }
  if (cursor !== undefined) writer.bytes(ResponseField.cursor, hashToBytes(cursor))
  return writer.finish()
}

/** Message and pubsub topic are both written, or neither. */
function writeStored(writer: ProtobufWriter, { hash, data }: StoredMessage): void {
  writer.bytes(MessageField.hash, hashToBytes(hash))
  if (data !== undefined)
    writer.bytes(MessageField.message, data.bytes).string(MessageField.pubsubTopic, data.pubsubTopic)
}

/** Bytes that `writeStored` writes. */
function lengthOfStored({ data }: StoredMessage): number {
  const hash = lengthOfBytes(MessageField.hash, hashBytes)
  if (data === undefined) return hash
  const topic = lengthOfBytes(MessageField.pubsubTopic, Buffer.byteLength(data.pubsubTopic))
  return hash + lengthOfBytes(MessageField.message, data.bytes.length) + topic
}

/** Reads a response. The bytes of its messages are views of `body`. Throws `wire/malformed`. */
export function decodeStoreResponse(body: Uint8Array): StoreResponse {
  const reader = new ProtobufReader(body, 'store response')
  let requestId = ''
  let status = 0
  let reason = ''
  const messages: StoredMessage[] = []
  let cursor: string | undefined
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    switch (field) {
      case ResponseField.requestId:
        requestId = reader.string()
        break
      case ResponseField.status:
        status = reader.uint32()
        break
      case ResponseField.reason:
        reason = reader.string()
        break
      case ResponseField.messages:
        messages.push(decodeStored(reader.bytes()))
        break
      case ResponseField.cursor:
        cursor = hashOf(reader.bytes(), 'cursor')
        break
      default:
        reader.skip()
    }
  }
  return { requestId, status, reason, messages, cursor }
}

/** A message without its pubsub topic, or the other way round, counts as absent, as nwaku has it. */
function decodeStored(bytes: Uint8Array): StoredMessage {
  const reader = new ProtobufReader(bytes, 'store response')
  let hash: string | undefined
  let message: Uint8Array | undefined
  let pubsubTopic: string | undefined
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    switch (field) {
      case MessageField.hash:
        hash = hashOf(reader.bytes(), 'message_hash')
        break
      case MessageField.message:
        message = reader.bytes()
        break
      case MessageField.pubsubTopic:
        pubsubTopic = reader.string()
        break
      default:
        reader.skip()
    }
  }
  if (hash === undefined) throw malformed('message_hash is missing')
  if (message === undefined || pubsubTopic === undefined) return { hash }
  return { hash, data: { pubsubTopic, bytes: message } }
}

function hashOf(bytes: Uint8Array, name: string): string {
  if (bytes.length !== hashBytes) throw malformed(`${name} has ${bytes.length} bytes instead of ${hashBytes}`)
  return hashFromBytes(bytes)
}

function malformed(why: string): WaypostError {
  return new WaypostError('wire/malformed', { what: 'store response', why })
}
