/** Answers light push version 3: reads a push, hands it to the publisher, tells what became of it. */
import type { Publisher } from '../../core/publisher.ts'
import type { ExchangeService } from '../../net/exchange.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { requestIdOf } from '../request-id.ts'
import { decodePushRequest, encodePushResponse, lightPushProtocol, type PushRequest, Status } from './codec.ts'
import { lightPushLimits } from './limits.ts'
import { emptyTopic, isEmptyTopic, type PushResult, resultOf, resultOfError } from './result.ts'

export interface LightPushParts {
  readonly publisher: Publisher
  /** M: bytes of the largest encoded message that this network allows. */
  readonly maxMessageBytes: number
  readonly metrics: Metrics
}

export function lightPushService({
  publisher,
  maxMessageBytes,
  metrics,
}: LightPushParts): ExchangeService<PushRequest> {
  const respond = (requestId: string, result: PushResult): Uint8Array => {
    if (result.status !== Status.success) metrics.waku_lightpush_v3_errors_total.inc({ type: String(result.status) })
    return encodePushResponse({ requestId, ...result })
  }
  return {
    protocol: lightPushProtocol,
    name: 'lightpushv3',
    limits: lightPushLimits(maxMessageBytes),
    decode: decodePushRequest,
    async answer({ requestId, pubsubTopic, message }) {
      if (isEmptyTopic(pubsubTopic)) return respond(requestId, emptyTopic)
      metrics.waku_lightpush_v3_messages_total.inc({ type: 'PushRequest' })
      return respond(requestId, resultOf(await publisher.publish(message, pubsubTopic, 'lightpush')))
    },
    refuse: (error, request) => respond(requestIdOf(request), resultOfError(error, maxMessageBytes)),
  }
}
