/**
 * Light push version 2 (19/WAKU2-LIGHTPUSH),
 * https://github.com/vacp2p/rfc-index/blob/155c310d7bfa/docs/messaging/standards/core/19/lightpush.md
 *
 * One message, PushRPC, carries the request one way and the response the other.
 */
import { ProtobufReader, ProtobufWriter } from '../../core/protobuf.ts'
import { readLegacyRpc } from '../legacy-rpc.ts'
import { missing } from './codec.ts'

export const legacyLightPushProtocol = '/vac/waku/lightpush/2.0.0-beta1'

export interface LegacyPush {
  readonly pubsubTopic: string
  /** An encoded WakuMessage: decoded from a request, a view of the request's bytes. */
  readonly message: Uint8Array
}

export interface LegacyPushRequest {
  readonly requestId: string
  /** Absent when a peer sends an RPC without a request in it, which has an answer of its own. */
  readonly push?: LegacyPush
}

export interface LegacyPushResponse {
  readonly requestId: string
  readonly isSuccess: boolean
  /** `OK`, or why it failed. */
  readonly info?: string
}

/** What nwaku says in `info`, word for word: it is all that version 2 has for a status. */
export const Info = {
  ok: 'OK',
  emptyRequest: 'empty_request_body_failure',
  notPublished: 'not_published_to_any_peer',
  noRelay: 'no waku relay found',
  tooManyRequests: 'TOO_MANY_REQUESTS',
} as const

const what = 'light push RPC'

const RpcField = { requestId: 1, request: 2, response: 3 } as const
const RequestField = { pubsubTopic: 1, message: 2 } as const
const ResponseField = { isSuccess: 1, info: 2 } as const

/** Reads a request. Request id, pubsub topic and message must be on the wire, as nwaku demands. Throws `wire/malformed`. */
export function decodeLegacyRequest(body: Uint8Array): LegacyPushRequest {
  const { requestId, request } = readLegacyRpc(body, what)
  if (requestId === undefined) throw missing(what, 'request_id')
  return { requestId, push: request && readPush(request) }
}

/** Reads a response. An absent request id reads as empty. Throws `wire/malformed`, also when there is no response in it. */
export function decodeLegacyResponse(body: Uint8Array): LegacyPushResponse {
  const { requestId = '', response } = readLegacyRpc(body, what)
  if (response === undefined) throw missing(what, 'response')
  return { requestId, ...readResponse(response) }
}

export function encodeLegacyRequest({
  requestId,
  pubsubTopic,
  message,
}: LegacyPush & { requestId: string }): Uint8Array {
  const push = new ProtobufWriter(message.length + pubsubTopic.length * 3 + 32)
    .string(RequestField.pubsubTopic, pubsubTopic)
    .bytes(RequestField.message, message)
    .finish()
  return new ProtobufWriter(push.length + 64)
    .string(RpcField.requestId, requestId)
    .bytes(RpcField.request, push)
    .finish()
}

/** Writes a response. `is_success` is written also when it is false: nwaku's decoder looks for it. */
export function encodeLegacyResponse({ requestId, isSuccess, info }: LegacyPushResponse): Uint8Array {
  const response = new ProtobufWriter().bool(ResponseField.isSuccess, isSuccess)
  if (info !== undefined) response.string(ResponseField.info, info)
  return new ProtobufWriter().string(RpcField.requestId, requestId).bytes(RpcField.response, response.finish()).finish()
}

function readPush(body: Uint8Array): LegacyPush {
  const reader = new ProtobufReader(body, 'light push request')
  let pubsubTopic: string | undefined
  let message: Uint8Array | undefined
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    switch (field) {
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
  if (pubsubTopic === undefined) throw missing('light push request', 'pubsub_topic')
  if (message === undefined) throw missing('light push request', 'message')
  return { pubsubTopic, message }
}

function readResponse(body: Uint8Array): Pick<LegacyPushResponse, 'isSuccess' | 'info'> {
  const reader = new ProtobufReader(body, 'light push response')
  let isSuccess = false
  let info: string | undefined
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    switch (field) {
      case ResponseField.isSuccess:
        isSuccess = reader.bool()
        break
      case ResponseField.info:
        info = reader.string()
        break
      default:
        reader.skip()
    }
  }
  return { isSuccess, info }
}
