/** Answers store queries: judges what is asked, asks history, and tells why where there is no answer. */
import { isWaypostError, messageOf, WaypostError, wireStatus } from '../../core/errors.ts'
import { hashBytes, hashFromBytes, type MessageHash } from '../../core/hash.ts'
import { maxQueryHashes, maxQueryTopics, type Page, pageLimit, type Query } from '../../core/query.ts'
import type { Turns } from '../../core/turns.ts'
import type { ExchangeLimits, ExchangeService } from '../../net/exchange.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { requestIdOf } from '../request-id.ts'
import { decodeStoreRequest, encodeStoreResponse, Status, type StoreRequest, storeProtocol } from './codec.ts'
import { storeLimits } from './limits.ts'

/** Where the messages are. */
export interface History {
  /** The page that `query` asks for. Throws `archive/unknown-cursor` and `archive/unavailable`. */
  query(query: Query): Promise<Page>
}

export interface StoreParts {
  readonly history: History
  readonly metrics: Metrics
  readonly limits?: ExchangeLimits
  /** In which queries are answered; all at once if absent. */
  readonly turns?: Turns
}

/** The store as an exchange serves it. */
export function storeService({
  history,
  metrics,
  limits = storeLimits,
  turns,
}: StoreParts): ExchangeService<StoreRequest> {
  return {
    protocol: storeProtocol,
    name: 'storev3',
    limits,
    turns,
    decode: decodeStoreRequest,
    async answer(request) {
      metrics.waku_store_queries_total.inc()
      const started = performance.now()
      const page = await askHistory(history, queryOf(request))
      metrics.waku_store_time_seconds.set({ phase: 'query-db-time' }, (performance.now() - started) / 1000)
      return encodeStoreResponse({ requestId: request.requestId, status: Status.success, reason: 'OK', ...page })
    },
    taken: (elapsed) => metrics.waku_store_time_seconds.set({ phase: 'send-store-resp-time' }, elapsed / 1000),
    refuse(error, request) {
      const status = wireStatus(error)
      metrics.waku_store_errors_total.inc({ type: kindOf(error, status) })
      return encodeStoreResponse({
        requestId: requestIdOf(request),
        status,
        reason: reasonOf(error, status),
        messages: [],
      })
    },
  }
}

/**
 * The query that a request asks for; all criteria in it are combined (decision 0005, 2: the specification allows hashes
 * only alone, and topics only together; clients in the field mix them). Throws `store/bad-query`.
 */
export function queryOf(request: StoreRequest): Query {
  const { requestId, contentTopics, start, end, hashes, cursor, includeData, forward, limit } = request
  if (requestId === '') throw bad('request_id is missing')
  checkTopics(contentTopics)
  if (hashes.length > maxQueryHashes) throw bad(`${hashes.length} message hashes, the limit is ${maxQueryHashes}`)
  if (start !== undefined && end !== undefined && start > end) throw bad(`time_start ${start} is after time_end ${end}`)
  return {
    // An empty topic names none: it is how encoders without field presence write that there is none.
    pubsubTopic: request.pubsubTopic || undefined,
    contentTopics,
    start,
    end,
    hashes: hashes.map((hash) => hashOf(hash, 'message hash')),
    cursor: cursor && cursorOf(cursor),
    direction: forward ? 'forward' : 'backward',
    limit: pageLimit(limit),
    includeData,
  }
}

/** Throws `store/bad-query` when these are more content topics than one query may have. */
export function checkTopics(topics: readonly string[]): void {
  if (topics.length > maxQueryTopics) throw bad(`${topics.length} content topics, the limit is ${maxQueryTopics}`)
}

/** nwaku pads a short cursor, cuts a long one, and refuses one of zeros only; ours must name a message. */
function cursorOf(bytes: Uint8Array): MessageHash {
  const cursor = hashOf(bytes, 'cursor')
  if (bytes.every((byte) => byte === 0)) throw bad('all zeroes cursor hash')
  return cursor
}

function hashOf(bytes: Uint8Array, name: string): MessageHash {
  if (bytes.length !== hashBytes) throw bad(`a ${name} of ${bytes.length} bytes, it has ${hashBytes}`)
  return hashFromBytes(bytes)
}

function bad(why: string): WaypostError {
  return new WaypostError('store/bad-query', { why })
}

/** The page, with hashes only where no data was asked for. What history throws that is no error of ours is a failure of it. */
export async function askHistory(history: History, query: Query): Promise<Page> {
  try {
    const page = await history.query(query)
    return query.includeData ? page : { ...page, messages: page.messages.map(({ hash }) => ({ hash })) }
  } catch (error) {
    if (isWaypostError(error)) throw error
    throw new WaypostError('archive/unavailable', { why: messageOf(error) }, { cause: error })
  }
}

type Kind = 'decode_rpc_failure' | 'bad_request' | 'unavailable' | 'rate_limit'

/** How a refusal is counted. */
export function kindOf(error: WaypostError, status: number): Kind {
  if (error.code === 'wire/malformed' || error.code === 'wire/too-large') return 'decode_rpc_failure'
  if (status === Status.tooManyRequests) return 'rate_limit'
  return status < 500 ? 'bad_request' : 'unavailable'
}

/** nwaku's name of the status, and the reason. A fault of ours is not told in detail: it may name files or hosts. */
function reasonOf(error: WaypostError, status: number): string {
  switch (status) {
    case Status.requestTooLarge:
      return `PAYLOAD_TOO_LARGE: ${error.message}`
    case Status.tooManyRequests:
      return 'TOO_MANY_REQUESTS'
    case Status.serviceUnavailable:
      return 'SERVICE_UNAVAILABLE: the archive cannot be read now'
    case Status.internalError:
      return 'INTERNAL_SERVER_ERROR'
    default:
      return `BAD_REQUEST: ${error.message}`
  }
}
