/** Answers store version 2 from the same history: the same messages, named by cursors of its own. */
import { WaypostError, wireStatus } from '../../core/errors.ts'
import type { LegacyQuery } from '../../core/legacy-query.ts'
import type { ExchangeService } from '../../net/exchange.ts'
import { requestIdOf } from '../request-id.ts'
import { Status } from './codec.ts'
import {
  decodeLegacyRequest,
  encodeLegacyResponse,
  LegacyError,
  type LegacyStoreRequest,
  legacyStoreProtocol,
} from './legacy-codec.ts'
import { LegacyHistory } from './legacy-history.ts'
import { storeLimits } from './limits.ts'
import { askHistory, checkTopics, kindOf, type StoreParts } from './service.ts'

/** What version 2 says for a status of version 3; every other refusal is an invalid cursor, as in nwaku. */
const errors: Readonly<Record<number, number>> = {
  [Status.tooManyRequests]: LegacyError.tooManyRequests,
  [Status.internalError]: LegacyError.serviceUnavailable,
  [Status.serviceUnavailable]: LegacyError.serviceUnavailable,
}

/**
 * Version 2 as an exchange serves it. To a request that does not decode nwaku answers with an empty frame, which its
 * own client cannot read; ours is told, with its id, that the request is bad.
 */
export function legacyStoreService({
  history,
  metrics,
  limits = storeLimits,
  turns,
}: StoreParts): ExchangeService<LegacyStoreRequest> {
  const legacy = new LegacyHistory({ query: (query) => askHistory(history, query) })
  return {
    protocol: legacyStoreProtocol,
    name: 'storev2',
    limits,
    turns,
    decode: decodeLegacyRequest,
    async answer(request) {
      metrics.waku_legacy_store_queries_total.inc()
      const page = await legacy.query(queryOf(request))
      return encodeLegacyResponse({ requestId: request.requestId, error: LegacyError.none, ...page })
    },
    refuse(error, request) {
      const status = wireStatus(error)
      metrics.waku_legacy_store_errors_total.inc({ type: `${kindOf(error, status)}_legacy` })
      const code = errors[status] ?? LegacyError.invalidCursor
      return encodeLegacyResponse({ requestId: requestIdOf(request), error: code, messages: [] })
    },
  }
}

/** Throws `store/bad-query`. */
function queryOf({ requestId, query }: LegacyStoreRequest): LegacyQuery {
  if (requestId === '') throw new WaypostError('store/bad-query', { why: 'request_id is missing' })
  if (query === undefined) throw new WaypostError('store/bad-query', { why: 'query is missing' })
  checkTopics(query.contentTopics ?? [])
  return { ...query, pubsubTopic: query.pubsubTopic || undefined }
}
