/** Answers light push version 2: the same push, told in yes or no and one line. */
import type { ExchangeService } from '../../net/exchange.ts'
import { requestIdOf } from '../request-id.ts'
import { Status } from './codec.ts'
import {
  decodeLegacyRequest,
  encodeLegacyResponse,
  Info,
  type LegacyPushRequest,
  legacyLightPushProtocol,
} from './legacy-codec.ts'
import { lightPushLimits } from './limits.ts'
import { emptyTopic, isEmptyTopic, type PushResult, resultOf, resultOfError } from './result.ts'
import type { LightPushParts } from './service.ts'

const emptyRequest: PushResult = { status: Status.badRequest, reason: Info.emptyRequest }

/**
 * Results that version 2 has words of its own for; the others give their reason. nwaku says `not_published_to_any_peer`
 * for every push that relay did not take, a topic that is not followed included, and suites look for it.
 */
const infos: Readonly<Record<number, string>> = {
  [Status.success]: Info.ok,
  [Status.noPeersToRelay]: Info.notPublished,
  [Status.unsupportedTopic]: Info.notPublished,
  [Status.tooManyRequests]: Info.tooManyRequests,
}

export function legacyLightPushService(parts: LightPushParts): ExchangeService<LegacyPushRequest> {
  const { publisher, maxMessageBytes, metrics } = parts
  const respond = (requestId: string, result: PushResult): Uint8Array => {
    const isSuccess = result.status === Status.success
    if (!isSuccess) metrics.waku_lightpush_errors_total.inc({ type: errorType(result) })
    return encodeLegacyResponse({ requestId, isSuccess, info: infos[result.status] ?? result.reason })
  }
  return {
    protocol: legacyLightPushProtocol,
    name: 'lightpush',
    limits: lightPushLimits(maxMessageBytes),
    decode: decodeLegacyRequest,
    async answer({ requestId, push }) {
      if (push === undefined) return respond(requestId, emptyRequest)
      if (isEmptyTopic(push.pubsubTopic)) return respond(requestId, emptyTopic)
      metrics.waku_lightpush_messages_total.inc({ type: 'PushRequest' })
      return respond(requestId, resultOf(await publisher.publish(push.message, push.pubsubTopic, 'lightpush')))
    },
    refuse: (error, request) => respond(requestIdOf(request), resultOfError(error, maxMessageBytes)),
  }
}

/** How a failure is counted, by nwaku's kinds. */
function errorType({ status, reason }: PushResult): string {
  if (reason === Info.emptyRequest) return Info.emptyRequest
  if (reason?.startsWith('decode_rpc_failure')) return 'decode_rpc_failure'
  if (status === Status.tooManyRequests) return 'request_limit_reached_failure'
  return infos[status] ?? 'message_push_failure'
}
