/**
 * Store version 2 (2.0.0-beta4), which version 3 replaced: the codec of nwaku,
 * https://github.com/waku-org/nwaku/blob/7d1c6abaacba/waku/waku_store_legacy/rpc_codec.nim
 *
 * One message, HistoryRPC, carries the query one way and the response the other.
 */
import { WaypostError } from '../../core/errors.ts'
import { givenDigest, type LegacyCursor, type LegacyPage, type LegacyQuery } from '../../core/legacy-query.ts'
import { ProtobufReader, ProtobufWriter } from '../../core/protobuf.ts'
import { pageLimit } from '../../core/query.ts'
import type { Nanoseconds } from '../../core/time.ts'
import { readLegacyRpc } from '../legacy-rpc.ts'

export const legacyStoreProtocol = '/vac/waku/store/2.0.0-beta4'

/** All that version 2 can say of a failure. `invalidCursor` stands for every request that is not answered. */
export const LegacyError = { none: 0, invalidCursor: 1, tooManyRequests: 429, serviceUnavailable: 503 } as const

export interface LegacyStoreRequest {
  readonly requestId: string
  /** Absent when a peer sends an RPC without a query in it. */
  readonly query?: LegacyQuery
}

export interface LegacyStoreResponse extends LegacyPage {
  readonly requestId: string
  /** One of `LegacyError`, or what else a node may say. */
  readonly error: number
}

const RpcField = { requestId: 1, query: 2, response: 3 } as const
const QueryField = { pubsubTopic: 2, contentFilter: 3, paging: 4, start: 5, end: 6 } as const
const FilterField = { contentTopic: 1 } as const
const PagingField = { pageSize: 1, cursor: 2, direction: 3 } as const
const IndexField = { digest: 1, receiverTime: 2, senderTime: 3, pubsubTopic: 4 } as const
const ResponseField = { messages: 2, paging: 3, error: 4 } as const

const Direction = { backward: 0, forward: 1 } as const

const what = 'store version 2 RPC'

/** Reads a request; a missing field has the default of its type, so without a direction it is backward. Throws `wire/malformed`. */
export function decodeLegacyRequest(body: Uint8Array): LegacyStoreRequest {
  const { requestId = '', request } = readLegacyRpc(body, what)
  return { requestId, query: request && readQuery(request) }
}

/** Reads a response. Its messages are views of `body`. Throws `wire/malformed`, also when there is no response in it. */
export function decodeLegacyResponse(body: Uint8Array): LegacyStoreResponse {
  const { requestId = '', response } = readLegacyRpc(body, what)
  if (response === undefined) throw new WaypostError('wire/malformed', { what, why: 'response is missing' })
  return { requestId, ...readResponse(response) }
}

export function encodeLegacyRequest({ requestId, query }: LegacyStoreRequest): Uint8Array {
  const writer = new ProtobufWriter().string(RpcField.requestId, requestId)
  if (query !== undefined) writer.bytes(RpcField.query, writeQuery(query))
  return writer.finish()
}

/** Writes a response. The error is written also when there is none: nwaku's decoder looks for it. */
export function encodeLegacyResponse({ requestId, messages, cursor, error }: LegacyStoreResponse): Uint8Array {
  const bytes = messages.reduce((sum, message) => sum + message.length + 8, 512)
  const response = new ProtobufWriter(bytes)
  for (const message of messages) response.bytes(ResponseField.messages, message)
  // As nwaku, without a size: a client that sees a smaller one than it asked for takes it for the end.
  if (cursor !== undefined)
    response.bytes(ResponseField.paging, new ProtobufWriter().bytes(PagingField.cursor, writeIndex(cursor)).finish())
  const inner = response.uint32(ResponseField.error, error).finish()
  return new ProtobufWriter(inner.length + 512)
    .string(RpcField.requestId, requestId)
    .bytes(RpcField.response, inner)
    .finish()
}

function readQuery(bytes: Uint8Array): LegacyQuery {
  const reader = new ProtobufReader(bytes, what)
  let pubsubTopic: string | undefined
  const contentTopics: string[] = []
  let paging: Paging = {}
  let start: Nanoseconds | undefined
  let end: Nanoseconds | undefined
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    switch (field) {
      case QueryField.pubsubTopic:
        pubsubTopic = reader.string()
        break
      case QueryField.contentFilter:
        contentTopics.push(readFilter(reader.bytes()))
        break
      case QueryField.paging:
        paging = readPaging(reader.bytes())
        break
      case QueryField.start:
        start = reader.sint64()
        break
      case QueryField.end:
        end = reader.sint64()
        break
      default:
        reader.skip()
    }
  }
  const direction = paging.direction === Direction.forward ? 'forward' : 'backward'
  return { pubsubTopic, contentTopics, start, end, cursor: paging.cursor, direction, limit: pageLimit(paging.pageSize) }
}

function readFilter(bytes: Uint8Array): string {
  const reader = new ProtobufReader(bytes, what)
  let contentTopic = ''
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === FilterField.contentTopic) contentTopic = reader.string()
    else reader.skip()
  }
  return contentTopic
}

interface Paging {
  readonly pageSize?: bigint
  readonly cursor?: LegacyCursor
  readonly direction?: number
}

function readPaging(bytes: Uint8Array): Paging {
  const reader = new ProtobufReader(bytes, what)
  let pageSize: bigint | undefined
  let cursor: LegacyCursor | undefined
  let direction: number | undefined
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    switch (field) {
      case PagingField.pageSize:
        pageSize = reader.uint64()
        break
      case PagingField.cursor:
        cursor = readIndex(reader.bytes())
        break
      case PagingField.direction:
        direction = reader.uint32()
        break
      default:
        reader.skip()
    }
  }
  return { pageSize, cursor, direction }
}

function readIndex(bytes: Uint8Array): LegacyCursor {
  const reader = new ProtobufReader(bytes, what)
  let digest = new Uint8Array()
  let storeTime: Nanoseconds = 0n
  let senderTime: Nanoseconds = 0n
  let pubsubTopic = ''
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    switch (field) {
      case IndexField.digest:
        digest = new Uint8Array(reader.bytes())
        break
      case IndexField.receiverTime:
        storeTime = reader.sint64()
        break
      case IndexField.senderTime:
        senderTime = reader.sint64()
        break
      case IndexField.pubsubTopic:
        pubsubTopic = reader.string()
        break
      default:
        reader.skip()
    }
  }
  return { pubsubTopic, senderTime, storeTime, digest: givenDigest(digest) }
}

function readResponse(bytes: Uint8Array): Omit<LegacyStoreResponse, 'requestId'> {
  const reader = new ProtobufReader(bytes, what)
  const messages: Uint8Array[] = []
  let cursor: LegacyCursor | undefined
  let error = 0
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    switch (field) {
      case ResponseField.messages:
        messages.push(reader.bytes())
        break
      case ResponseField.paging:
        cursor = readPaging(reader.bytes()).cursor
        break
      case ResponseField.error:
        error = reader.uint32()
        break
      default:
        reader.skip()
    }
  }
  return { messages, cursor, error }
}

function writeQuery({ pubsubTopic, contentTopics = [], start, end, ...paging }: LegacyQuery): Uint8Array {
  const writer = new ProtobufWriter()
  if (pubsubTopic !== undefined) writer.string(QueryField.pubsubTopic, pubsubTopic)
  for (const topic of contentTopics)
    writer.bytes(QueryField.contentFilter, new ProtobufWriter().string(FilterField.contentTopic, topic).finish())
  writer.bytes(QueryField.paging, writePaging(paging))
  if (start !== undefined) writer.sint64(QueryField.start, start)
  if (end !== undefined) writer.sint64(QueryField.end, end)
  return writer.finish()
}

function writePaging({ limit, cursor, direction }: Pick<LegacyQuery, 'limit' | 'cursor' | 'direction'>): Uint8Array {
  const writer = new ProtobufWriter().uint64(PagingField.pageSize, BigInt(limit))
  if (cursor !== undefined) writer.bytes(PagingField.cursor, writeIndex(cursor))
  return writer.uint32(PagingField.direction, Direction[direction]).finish()
}

/** All four fields, which nwaku's decoder demands. */
function writeIndex({ digest, storeTime, senderTime, pubsubTopic }: LegacyCursor): Uint8Array {
  return new ProtobufWriter()
    .bytes(IndexField.digest, digest)
    .sint64(IndexField.receiverTime, storeTime)
    .sint64(IndexField.senderTime, senderTime)
    .string(IndexField.pubsubTopic, pubsubTopic)
    .finish()
}
