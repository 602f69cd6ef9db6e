/**
 * Serves filter: answers the requests of subscribers, and queues each message for those who want it. It sees no stream:
 * an outbox for each subscriber is where its work ends.
 */

import type { Envelope } from '../../core/envelope.ts'
import { isWaypostError, WaypostError, wireStatus } from '../../core/errors.ts'
import type { MessageHash } from '../../core/hash.ts'
import { RecentSet } from '../../core/recent-set.ts'
import type { Clock } from '../../core/time.ts'
import { frame } from '../../net/frames.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { requestIdOf } from '../request-id.ts'
import { encodeMessagePush, type FilterRequest, type FilterRequestKind, type FilterResponse } from './codec.ts'
import {
  type FilterSettings,
  maxContentTopicsPerRequest,
  maxCriteriaCharacters,
  maxPushedHashes,
  pushedLifetime,
} from './limits.ts'
import { type Subscribed, type Subscription, type SubscriptionLimits, Subscriptions } from './subscriptions.ts'

/** Where pushes to one subscriber go. */
export interface SubscriberOutbox extends Disposable {
  put(frame: Uint8Array): void
}

export interface FilterServiceOptions {
  readonly settings: FilterSettings
  /** Makes the outbox of a subscriber when there is first something to push to it. */
  readonly openOutbox: (peer: string) => SubscriberOutbox
  readonly metrics: Metrics
  /** A monotonic clock, in milliseconds. */
  readonly clock: Clock
}

/** Those limits that can change while it serves. */
export type ChangeableLimits = Pick<FilterSettings, 'maxSubscribers' | 'maxCriteria' | 'subscriptionTimeout'>

/** How much is subscribed now. */
export interface FilterStats {
  readonly subscribers: number
  readonly criteria: number
}

/** What nwaku puts before the reason; clients and test suites look for it. */
const prefixes: Readonly<Record<number, string>> = {
  400: 'BAD_REQUEST: ',
  404: 'NOT_FOUND: ',
  503: 'SERVICE_UNAVAILABLE: ',
}

const failureOf = { 400: 'bad_request', 404: 'not_found', 503: 'unavailable' } as const

export class FilterService implements Disposable {
  readonly #options: FilterServiceOptions
  readonly #subscriptions: Subscriptions
  readonly #outboxes = new Map<string, SubscriberOutbox>()
  readonly #pushed: RecentSet<MessageHash>
  #maxSubscribers: number
  readonly #handlers: Record<FilterRequestKind, (request: FilterRequest, from: string) => void> = {
    SUBSCRIBER_PING: (_, from) => found(this.#subscriptions.refresh(from)),
    SUBSCRIBE: (request, from) => this.#subscribe(request, from),
    UNSUBSCRIBE: (request, from) => this.#unsubscribe(request, from),
    UNSUBSCRIBE_ALL: (_, from) => this.#unsubscribeAll(from),
  }

  constructor(options: FilterServiceOptions) {
    const { settings, clock } = options
    this.#options = options
    this.#maxSubscribers = settings.maxSubscribers
    this.#pushed = new RecentSet({ lifetime: pushedLifetime, most: maxPushedHashes, clock })
    this.#subscriptions = new Subscriptions(limitsOf(settings), clock)
  }

  /** Other limits from now on; who is subscribed stays. */
  change(limits: ChangeableLimits): void {
    this.#maxSubscribers = limits.maxSubscribers
    this.#subscriptions.change(limitsOf(limits))
  }

  /** Does what `from` asks. Throws `filter/...` where it cannot. */
  answer(request: FilterRequest, from: string): FilterResponse {
    const { metrics } = this.#options
    metrics.waku_filter_requests_total.inc({ type: request.kind })
    const stop = metrics.waku_filter_request_duration_seconds.startTimer({ type: request.kind })
    try {
      this.#handlers[request.kind](request, from)
    } finally {
      stop()
      this.#gauge()
    }
    return { requestId: request.requestId, status: 200, reason: 'OK' }
  }

  /** What a peer is told whose request failed; undefined where it is better reset. */
  refuse(error: WaypostError, request: Uint8Array | undefined): FilterResponse | undefined {
    // The peer still writes what it announced: there is nothing to answer yet.
    if (isWaypostError(error, 'wire/too-large')) return undefined
    this.#countRefusal(error)
    return { requestId: requestIdOf(request), ...refusalOf(error) }
  }

  /** Queues a message for all who subscribed to it, in one encoding. Waits for nobody, and does not throw. */
  deliver(envelope: Envelope): void {
    const peers = this.#subscriptions.peersFor(envelope.pubsubTopic, envelope.message.contentTopic)
    if (peers.length === 0 || !this.#pushed.add(envelope.hash)) return
    const started = performance.now()
    const framed = frame(encodeMessagePush(envelope))
    for (const peer of peers) this.#outboxOf(peer).put(framed)
    const elapsed = performance.now() - started
    this.#options.metrics.waku_filter_handle_message_duration_seconds.observe(elapsed / 1000)
  }

  /** Ends the subscriptions of peers that have been silent for too long. */
  sweep(): void {
    for (const peer of this.#subscriptions.expire()) this.#closeOutbox(peer)
    this.#gauge()
  }

  stats(): FilterStats {
    return { subscribers: this.#subscriptions.peers, criteria: this.#subscriptions.criteria }
  }

  /** All that is subscribed, peer by peer. */
  subscriptions(): Iterable<Subscription> {
    return this.#subscriptions
  }

  [Symbol.dispose](): void {
    for (const outbox of this.#outboxes.values()) outbox[Symbol.dispose]()
    this.#outboxes.clear()
  }

  #subscribe(request: FilterRequest, from: string): void {
    const { pubsubTopic, contentTopics } = criteriaOf(request)
    if (this.#subscriptions.full) this.sweep()
    const subscribed = this.#subscriptions.subscribe(from, pubsubTopic, contentTopics)
    if (subscribed !== 'subscribed') throw this.#limitError(subscribed)
  }

  #limitError(reached: Exclude<Subscribed, 'subscribed'>): WaypostError {
    if (reached === 'too-many-criteria') return new WaypostError('filter/too-many-criteria', {})
    return new WaypostError('filter/too-many-subscribers', { limit: this.#maxSubscribers })
  }

  #unsubscribe(request: FilterRequest, from: string): void {
    const { pubsubTopic, contentTopics } = criteriaOf(request)
    const removed = this.#subscriptions.unsubscribe(from, pubsubTopic, contentTopics)
    if (!this.#subscriptions.has(from)) this.#closeOutbox(from)
    // As nwaku: what could be removed is, and one unknown criterion makes it a 404.
    found(removed)
  }

  #unsubscribeAll(from: string): void {
    this.#closeOutbox(from)
    found(this.#subscriptions.unsubscribeAll(from))
  }

  #outboxOf(peer: string): SubscriberOutbox {
    const known = this.#outboxes.get(peer)
    if (known !== undefined) return known
    const made = this.#options.openOutbox(peer)
    this.#outboxes.set(peer, made)
    return made
  }

  #closeOutbox(peer: string): void {
    this.#outboxes.get(peer)?.[Symbol.dispose]()
    this.#outboxes.delete(peer)
  }

  #countRefusal(error: WaypostError): void {
    const status = wireStatus(error)
    const type = error.code === 'wire/malformed' ? 'decode_rpc_failure' : failureOf[status as keyof typeof failureOf]
    if (type !== undefined) this.#options.metrics.waku_filter_errors_total.inc({ type })
  }

  #gauge(): void {
    const { metrics } = this.#options
    metrics.waku_filter_subscriptions.set(this.#subscriptions.peers)
    metrics.waypost_filter_criteria.set(this.#subscriptions.criteria)
  }
}

function limitsOf({ maxSubscribers, maxCriteria, subscriptionTimeout }: ChangeableLimits): SubscriptionLimits {
  return {
    peers: maxSubscribers,
    criteriaPerPeer: maxCriteria,
    charactersPerPeer: maxCriteriaCharacters(maxCriteria),
    timeout: subscriptionTimeout,
  }
}

function found(held: boolean): void {
  if (!held) throw new WaypostError('filter/no-subscription', {})
}

/** The criteria that a request names. An empty topic is as good as none. */
function criteriaOf({ pubsubTopic, contentTopics }: FilterRequest): {
  pubsubTopic: string
  contentTopics: readonly string[]
} {
  if (!pubsubTopic || contentTopics.length === 0 || contentTopics.includes(''))
    throw new WaypostError('filter/criteria-missing', {})
  if (contentTopics.length > maxContentTopicsPerRequest)
    throw new WaypostError('filter/too-many-content-topics', { limit: maxContentTopicsPerRequest })
  return { pubsubTopic, contentTopics }
}

function refusalOf(error: WaypostError): Pick<FilterResponse, 'status' | 'reason'> {
  // nwaku's words, without a prefix.
  if (isWaypostError(error, 'wire/rate-limited'))
    return { status: 429, reason: 'filter request rejected due rate limit exceeded' }
  const status = wireStatus(error)
  // The specification knows no 500, and what went wrong inside stays inside.
  if (status === 500) return { status: 503, reason: 'SERVICE_UNAVAILABLE: internal error' }
  return { status, reason: `${prefixes[status] ?? ''}${error.message}` }
}
