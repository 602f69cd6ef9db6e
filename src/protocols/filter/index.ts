/**
 * Filter (12/WAKU2-FILTER): messages are pushed to light clients that subscribed to their topics. A slow client delays
 * nobody: each has a bounded queue and a stream of its own.
 */

import type { Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Envelope } from '../../core/envelope.ts'
import { isWaypostError } from '../../core/errors.ts'
import type { Clock } from '../../core/time.ts'
import { type Switch, serveExchange } from '../../net/exchange.ts'
import { Outbox, type PushReport } from '../../net/push.ts'
import { Quota } from '../../net/quota.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { decodeFilterRequest, encodeFilterResponse, filterPushProtocol, filterSubscribeProtocol } from './codec.ts'
import { type FilterSettings, filterLimits, filterPushLimits, filterRates, sweepInterval } from './limits.ts'
import { type ChangeableLimits, FilterService, type FilterStats } from './service.ts'
import type { Subscription } from './subscriptions.ts'

export interface FilterOptions {
  readonly libp2p: Switch & Pick<Libp2p, 'getConnections'>
  readonly settings: FilterSettings
  readonly metrics: Metrics
  readonly log: Log
  /** How often clients may ask; unless given, as often as `filterRates` says. */
  readonly quota?: Quota
  /** A monotonic clock, in milliseconds. */
  readonly clock?: Clock
}

/** A served filter. */
export interface Filter extends AsyncDisposable {
  /** Queues a message for those who subscribed to it. Waits for nobody, and does not throw. */
  deliver(envelope: Envelope): void
  stats(): FilterStats
  subscriptions(): Iterable<Subscription>
  /** Ends subscriptions that have been silent for too long; done every minute. */
  sweep(): void
  /** Other limits from now on; who is subscribed stays. */
  change(limits: ChangeableLimits): void
}

/** Serves filter to the peers of `libp2p` until it is disposed of. */
export async function filter(options: FilterOptions): Promise<Filter> {
  const { libp2p, settings, metrics, log, quota = new Quota(filterRates), clock = () => performance.now() } = options
  await using mounted = new AsyncDisposableStack()
  const limits = filterPushLimits(settings)
  const reportOn = pushReports(metrics, log)
  const openOutbox = (peer: string): Outbox => {
    const report = reportOn(peer)
    return new Outbox(peerIdFromString(peer), { libp2p, protocol: filterPushProtocol, limits, report })
  }
  const service = mounted.use(new FilterService({ settings, openOutbox, metrics, clock }))
  mounted.use(await serveRequests(service, { libp2p, quota, metrics, log }))
  const sweeping = setInterval(() => service.sweep(), sweepInterval).unref()
  mounted.defer(() => clearInterval(sweeping))
  const owned = mounted.move()
  return {
    deliver: (envelope) => service.deliver(envelope),
    stats: () => service.stats(),
    subscriptions: () => service.subscriptions(),
    sweep: () => service.sweep(),
    change: (limits) => service.change(limits),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function serveRequests(service: FilterService, parts: Parameters<typeof serveExchange>[1]): Promise<AsyncDisposable> {
  return serveExchange(
    {
      protocol: filterSubscribeProtocol,
      name: 'filter',
      limits: filterLimits,
      decode: decodeFilterRequest,
      answer: (request, from) => encodeFilterResponse(service.answer(request, from)),
      refuse: (error, request) => {
        const response = service.refuse(error, request)
        return response && encodeFilterResponse(response)
      },
    },
    parts,
  )
}

/** Counts what becomes of the pushes to a peer; to be called once, then for each peer. */
function pushReports(metrics: Metrics, log: Log): (peer: string) => PushReport {
  const pushes = metrics.waypost_filter_pushes_total.tally()
  const bytesOut = metrics.waku_service_network_bytes_total.tally({ service: filterPushProtocol, direction: 'out' })
  return (peer) => ({
    sent(frames, bytes) {
      pushes.add(frames)
      bytesOut.add(bytes)
    },
    dropped: (frames) => metrics.waypost_filter_dropped_total.inc(frames),
    failed(error) {
      const type = isWaypostError(error, 'wire/timed-out') ? 'push_timeout_failure' : 'push_failure'
      metrics.waku_filter_errors_total.inc({ type })
      log.debug({ peer, code: error.code, reason: error.message }, 'filter push failed')
    },
  })
}
