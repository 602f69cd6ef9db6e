/**
 * The messages of 12/WAKU2-FILTER,
 * https://github.com/vacp2p/rfc-index/blob/155c310d7bfa/docs/messaging/standards/core/12/filter.md
 *
 * nwaku refuses a message that lacks a field which proto3 leaves out when it is empty, so request ids, status codes
 * and topics are always written.
 */
import type { Envelope } from '../../core/envelope.ts'
import { WaypostError } from '../../core/errors.ts'
import { ProtobufReader, ProtobufWriter } from '../../core/protobuf.ts'

export const filterSubscribeProtocol = '/vac/waku/filter-subscribe/2.0.0-beta1'
export const filterPushProtocol = '/vac/waku/filter-push/2.0.0-beta1'

/** What a request asks for, in the order of their numbers on the wire. */
export const filterRequestKinds = ['SUBSCRIBER_PING', 'SUBSCRIBE', 'UNSUBSCRIBE', 'UNSUBSCRIBE_ALL'] as const
export type FilterRequestKind = (typeof filterRequestKinds)[number]

export interface FilterRequest {
  readonly requestId: string
  readonly kind: FilterRequestKind
  readonly pubsubTopic?: string
  readonly contentTopics: readonly string[]
}

export interface FilterResponse {
  readonly requestId: string
  /** 200, or why not: 400, 404, 429, 503. */
  readonly status: number
  readonly reason: string
}

/** A message as a service pushes it to its subscriber. */
export interface MessagePush {
  /** An encoded WakuMessage. */
  readonly message: Uint8Array
  readonly pubsubTopic: string
}

const RequestField = { requestId: 1, kind: 2, pubsubTopic: 10, contentTopics: 11 } as const
const ResponseField = { requestId: 1, status: 10, reason: 11 } as const
const PushField = { message: 1, pubsubTopic: 2 } as const

export function encodeFilterRequest({ requestId, kind, pubsubTopic, contentTopics }: FilterRequest): Uint8Array {
  const writer = new ProtobufWriter()
  writer.string(RequestField.requestId, requestId).uint32(RequestField.kind, filterRequestKinds.indexOf(kind))
  if (pubsubTopic !== undefined) writer.string(RequestField.pubsubTopic, pubsubTopic)
  for (const topic of contentTopics) writer.string(RequestField.contentTopics, topic)
  return writer.finish()
}

/** Throws `wire/malformed`, also when there is no request id. Without a kind it is a ping. */
export function decodeFilterRequest(bytes: Uint8Array): FilterRequest {
  const reader = new ProtobufReader(bytes, 'FilterSubscribeRequest')
  let requestId: string | undefined
  let kind = 0
  let pubsubTopic: string | undefined
  const contentTopics: string[] = []
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    switch (field) {
      case RequestField.requestId:
        requestId = reader.string()
        break
      case RequestField.kind:
        kind = reader.uint32()
        break
      case RequestField.pubsubTopic:
        pubsubTopic = reader.string()
        break
      case RequestField.contentTopics:
        contentTopics.push(reader.string())
        break
      default:
        reader.skip()
    }
  }
  if (!requestId) throw malformed('FilterSubscribeRequest', 'request id is missing')
  return { requestId, kind: kindOf(kind), pubsubTopic, contentTopics }
}

function kindOf(number: number): FilterRequestKind {
  const kind = filterRequestKinds[number]
  if (kind === undefined) throw malformed('FilterSubscribeRequest', `request type ${number} is unknown`)
  return kind
}

export function encodeFilterResponse({ requestId, status, reason }: FilterResponse): Uint8Array {
  return new ProtobufWriter()
    .string(ResponseField.requestId, requestId)
    .uint32(ResponseField.status, status)
    .string(ResponseField.reason, reason)
    .finish()
}

/** Throws `wire/malformed`, also when there is no request id or status code. */
export function decodeFilterResponse(bytes: Uint8Array): FilterResponse {
  const reader = new ProtobufReader(bytes, 'FilterSubscribeResponse')
  let requestId: string | undefined
  let status: number | undefined
  let reason = ''
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
      default:
        reader.skip()
    }
  }
  if (requestId === undefined) throw malformed('FilterSubscribeResponse', 'request id is missing')
  if (status === undefined) throw malformed('FilterSubscribeResponse', 'status code is missing')
  return { requestId, status, reason }
}

/** The push of a message: its bytes stand in it as they were received. */
export function encodeMessagePush({ bytes, pubsubTopic }: Pick<Envelope, 'bytes' | 'pubsubTopic'>): Uint8Array {
  return new ProtobufWriter(bytes.length + pubsubTopic.length * 3 + 40)
    .bytes(PushField.message, bytes)
    .string(PushField.pubsubTopic, pubsubTopic)
    .finish()
}

/** Throws `wire/malformed`, also when there is no message or pubsub topic. The message is a view of `bytes`. */
export function decodeMessagePush(bytes: Uint8Array): MessagePush {
  const reader = new ProtobufReader(bytes, 'MessagePush')
  let message: Uint8Array | undefined
  let pubsubTopic: string | undefined
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === PushField.message) message = reader.bytes()
    else if (field === PushField.pubsubTopic) pubsubTopic = reader.string()
    else reader.skip()
  }
  if (message === undefined) throw malformed('MessagePush', 'message is missing')
  if (pubsubTopic === undefined) throw malformed('MessagePush', 'pubsub topic is missing')
  return { message, pubsubTopic }
}

function malformed(what: string, why: string): WaypostError {
  return new WaypostError('wire/malformed', { what, why })
}
