/**
 * Light push version 3: a client without relay hands us a message to publish,
 * https://github.com/waku-org/specs/blob/c5fe03e5166e/standards/core/lightpush.md
 *
 * The message is never decoded here: a request holds the bytes as they came, and a response none.
 */
import { WaypostError } from '../../core/errors.ts'
import { ProtobufReader, ProtobufWriter } from '../../core/protobuf.ts'

export const lightPushProtocol = '/vac/waku/lightpush/3.0.0'

/**
 * Status codes, by nwaku's names. The specification says 503 where nwaku says 505 (no peers to relay to), and has no
 * 420 and 504 (https://github.com/waku-org/nwaku/blob/7d1c6abaacba/waku/waku_lightpush/common.nim).
 */
export const Status = {
  success: 200,
  badRequest: 400,
  payloadTooLarge: 413,
  invalidMessage: 420,
  unsupportedTopic: 421,
  tooManyRequests: 429,
  internalError: 500,
  serviceNotAvailable: 503,
  outOfRlnProof: 504,
  noPeersToRelay: 505,
} as const

export interface PushRequest {
  readonly requestId: string
  /** Absent: the shard follows from the content topic. */
  readonly pubsubTopic?: string
  /** An encoded WakuMessage: decoded from a request, a view of the request's bytes. */
  readonly message: Uint8Array
}

export interface PushResponse {
  readonly requestId: string
  readonly status: number
  /** Why it failed. Success has none. */
  readonly reason?: string
  /** Relay peers that have the message. Only success has it. */
  readonly relayPeers?: number
}

const RequestField = { requestId: 1, pubsubTopic: 20, message: 21 } as const
const ResponseField = { requestId: 1, status: 10, reason: 11, relayPeers: 12 } as const

/** Bytes beside message and topics in a request or response: tags, lengths, an id. */
const overheadBytes = 128

/** Reads a request. Request id and message must be on the wire, as nwaku demands. Throws `wire/malformed`. */
export function decodePushRequest(body: Uint8Array): PushRequest {
  const reader = new ProtobufReader(body, 'light push request')
  let requestId: string | undefined
  let pubsubTopic: string | undefined
  let message: Uint8Array | undefined
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    switch (field) {
      case RequestField.requestId:
        requestId = reader.string()
        break
      case RequestField.pubsubTopic:
        pubsubTopic = reader.string()
        break
      case RequestField.message:
        message = reader.bytes()
        break
      default:
        reader.skip()
    }
  }
  if (requestId === undefined) throw missing('light push request', 'request_id')
  if (message === undefined) throw missing('light push request', 'message')
  return { requestId, pubsubTopic, message }
}

export function encodePushRequest({ requestId, pubsubTopic, message }: PushRequest): Uint8Array {
  const writer = new ProtobufWriter(message.length + overheadBytes).string(RequestField.requestId, requestId)
  if (pubsubTopic !== undefined) writer.string(RequestField.pubsubTopic, pubsubTopic)
  return writer.bytes(RequestField.message, message).finish()
}

/** Reads a response. A request id or status that is absent reads as empty or 0. Throws `wire/malformed`. */
export function decodePushResponse(body: Uint8Array): PushResponse {
  const reader = new ProtobufReader(body, 'light push response')
  let requestId = ''
  let status = 0
  let reason: string | undefined
  let relayPeers: number | undefined
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
      case ResponseField.relayPeers:
        relayPeers = reader.uint32()
        break
      default:
        reader.skip()
    }
  }
  return { requestId, status, reason, relayPeers }
}

/** Writes a response: request id and status always, since nwaku's decoder looks for them. */
export function encodePushResponse({ requestId, status, reason, relayPeers }: PushResponse): Uint8Array {
  const writer = new ProtobufWriter(overheadBytes + (reason?.length ?? 0))
  writer.string(ResponseField.requestId, requestId).uint32(ResponseField.status, status)
  if (reason !== undefined) writer.string(ResponseField.reason, reason)
  if (relayPeers !== undefined) writer.uint32(ResponseField.relayPeers, relayPeers)
  return writer.finish()
}

/** What a required field's absence is, in either version. */
export function missing(what: string, field: string): WaypostError {
  return new WaypostError('wire/malformed', { what, why: `${field} is missing` })
}
