/** What bounds filter: the service, its pushes, and what we take as a client. */
import type { Milliseconds } from '../../core/time.ts'
import type { ExchangeLimits, RequestOptions } from '../../net/exchange.ts'
import { KiB, MiB } from '../../net/limits.ts'
import type { PushLimits } from '../../net/push.ts'
import type { Rate } from '../../net/quota.ts'
import type { PushReceiver } from '../../net/receive-pushes.ts'

const second: Milliseconds = 1000
const minute = 60 * second

/** Content topics of one request: 12/WAKU2-FILTER, nwaku and go-waku. */
export const maxContentTopicsPerRequest = 100

/** What the operator sets. */
export interface FilterSettings {
  /** Bytes of one message: `max-msg-size`. */
  readonly maxMessageBytes: number
  /** Peers with a subscription: `filter-max-peers-to-serve`, nwaku's default. */
  readonly maxSubscribers: number
  /** Pairs of pubsub and content topic of one peer: `filter-max-criteria`, nwaku's default. */
  readonly maxCriteria: number
  /** How long a peer may be silent and keep its subscription: `filter-subscription-timeout`, nwaku's default. */
  readonly subscriptionTimeout: Milliseconds
  /** Messages that wait for one subscriber: `filter-queue-messages`. */
  readonly queueMessages: number
}

export const defaultFilterSettings: FilterSettings = {
  maxMessageBytes: 150 * KiB,
  maxSubscribers: 1000,
  maxCriteria: 1000,
  subscriptionTimeout: 5 * minute,
  queueMessages: 1000,
}

/**
 * Characters of topics in the subscription of a peer with `maxCriteria` criteria: 256 for each, where clients use some
 * 60. Without it a peer could have us keep 1,000 topics of 60 KB, and a thousand peers 60 GB. With 1,000 peers of
 * 1,000 different topics of 40 characters the table takes 260 MB (measured).
 */
export function maxCriteriaCharacters(maxCriteria: number): number {
  return maxCriteria * 256
}

/** Between two sweeps for silent subscribers: nwaku. */
export const sweepInterval: Milliseconds = minute

/** How long the same message is not pushed again, and how many are remembered: nwaku's cache, 400 messages a second. */
export const pushedLifetime: Milliseconds = 2 * minute
export const maxPushedHashes = 50_000

/**
 * Bounds of one request. 64 KiB hold 100 content topics of 600 bytes. 32 streams are js-libp2p's own default: a client
 * opens one more, idle, each time it learns something about us.
 */
export const filterLimits: ExchangeLimits = {
  requestBytes: 64 * KiB,
  requestTimeout: 10 * second,
  answerTimeout: 10 * second,
  inboundStreams: 32,
}

/** Bounds of a request of ours: an answer is a code and a sentence. nwaku reads 64 KiB too. */
export const filterAnswerLimits: Pick<RequestOptions, 'responseBytes' | 'timeout'> = {
  responseBytes: 64 * KiB,
  timeout: 10 * second,
}

/** Requests of one peer, ten times nwaku's 30 since a busy client asks for each content topic apart, and of all. */
export const filterRates: { readonly perPeer: Rate; readonly total: Rate } = {
  perPeer: { volume: 300, period: minute },
  total: { volume: 3000, period: minute },
}

/** Bytes of a pushed frame: the message, and room for its topics. */
export function maxPushBytes(maxMessageBytes: number): number {
  return maxMessageBytes + 64 * KiB
}

/**
 * Pushes to one subscriber. Beside the messages, 4 MiB or four of the largest wait: what a phone on a poor line takes
 * within the 20 s after which nwaku gives a push up. All subscribers of a message share its bytes, so all queues
 * together hold at most what arrives in those 20 s.
 */
export function filterPushLimits({
  maxMessageBytes,
  queueMessages,
}: Pick<FilterSettings, 'maxMessageBytes' | 'queueMessages'>): PushLimits {
  return {
    queue: { messages: queueMessages, bytes: Math.max(4 * MiB, 4 * maxPushBytes(maxMessageBytes)) },
    timeout: 20 * second,
  }
}

/**
 * Pushes to us. A service node opens one stream for all it pushes, go-waku one for each message; @waku/sdk lets it open
 * 100 on a connection.
 */
export function filterReceiveLimits(
  maxMessageBytes: number,
): Pick<PushReceiver, 'frameBytes' | 'frameTimeout' | 'inboundStreams'> {
  return { frameBytes: maxPushBytes(maxMessageBytes), frameTimeout: 20 * second, inboundStreams: 100 }
}
