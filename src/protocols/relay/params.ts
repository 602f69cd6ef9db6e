/**
 * The parameters of gossipsub: nwaku's and go-waku's, which agree
 * (https://github.com/waku-org/nwaku/blob/7d1c6abaacba/waku/waku_relay/protocol.nim).
 */
import type { GossipsubOpts } from '@libp2p/gossipsub'
import type { PeerScoreParams, PeerScoreThresholds, TopicScoreParams } from '@libp2p/gossipsub/score'
import { messageId, messageIdText } from './codec.ts'
import { forwardRegister } from './forwarded.ts'
import { idontwantBytes, inboundStreams, outboundBytes, rpcBytes } from './limits.ts'

const second = 1000
const minute = 60 * second

/** P1 time in mesh, P2 first deliveries, P4 invalid messages (squared: one costs 100, two within a decay 400). P3 is off. */
const topicScore: Partial<TopicScoreParams> = {
  topicWeight: 1,
  timeInMeshWeight: 0.01,
  timeInMeshQuantum: second,
  timeInMeshCap: 10,
  firstMessageDeliveriesWeight: 1,
  firstMessageDeliveriesDecay: 0.5,
  firstMessageDeliveriesCap: 10,
  meshMessageDeliveriesWeight: 0,
  meshFailurePenaltyWeight: 0,
  invalidMessageDeliveriesWeight: -100,
  invalidMessageDeliveriesDecay: 0.5,
}

export const scoreThresholds: Partial<PeerScoreThresholds> = {
  gossipThreshold: -100,
  publishThreshold: -1000,
  graylistThreshold: -10_000,
  opportunisticGraftThreshold: 0,
}

export interface RouterOptions {
  /** Every topic that this node may follow; peers' subscriptions to others are not even remembered. */
  readonly topics: Iterable<string>
  readonly maxMessageBytes: number
  /** Connections of one address from which their score falls; 0 turns the rule off (`--ip-colocation-limit`). */
  readonly colocationLimit: number
  /** True for addresses that many peers share for good reason: loopback and trusted proxies. */
  readonly sharedAddress: (ip: string) => boolean
  /** Sees each message before it is judged, duplicates too. */
  readonly onMessage: (topic: string, bytes: number) => void
  /** Told of each message that was passed on, right after it was delivered: to how many peers. */
  readonly onForward?: (peers: number) => void
}

/** What the gossipsub library is made with. */
export function routerOptions(options: RouterOptions): Partial<GossipsubOpts> {
  const topics = new Set(options.topics)
  return {
    D: 6,
    Dlo: 4,
    Dhi: 8,
    Dscore: 6,
    Dout: 3,
    Dlazy: 6,
    gossipFactor: 0.25,
    heartbeatInterval: second,
    mcacheLength: 6,
    mcacheGossip: 3,
    fanoutTTL: minute,
    seenTTL: 2 * minute,
    pruneBackoff: minute,
    unsubcribeBackoff: 5 * second,
    floodPublish: true,
    fallbackToFloodsub: false,
    doPX: false,
    globalSignaturePolicy: 'StrictNoSign',
    msgIdFn: ({ topic, data }) => {
      options.onMessage(topic, data.length)
      return messageId(data)
    },
    msgIdToStrFn: messageIdText,
    allowedTopics: topics,
    allowPublishToZeroTopicPeers: true,
    maxInboundStreams: inboundStreams,
    maxInboundDataLength: rpcBytes(options.maxMessageBytes),
    maxOutboundBufferSize: outboundBytes(options.maxMessageBytes),
    metricsRegister: options.onForward && forwardRegister(options.onForward),
    metricsTopicStrToLabel: new Map(),
    idontwantMinDataSize: idontwantBytes,
    scoreParams: scoreParams(topics, options),
    scoreThresholds,
  }
}

function scoreParams(topics: Set<string>, { colocationLimit, sharedAddress }: RouterOptions): Partial<PeerScoreParams> {
  return {
    // The library types the parameters of a topic as complete, and fills in what is missing.
    topics: Object.fromEntries([...topics].map((topic) => [topic, topicScore as TopicScoreParams])),
    topicScoreCap: 0,
    appSpecificWeight: 0,
    ...colocationParams(colocationLimit),
    IPColocationFactorWhitelist: new AddressRule(sharedAddress),
    behaviourPenaltyWeight: -10,
    behaviourPenaltyDecay: 0.986,
    decayInterval: 12 * second,
    decayToZero: 0.01,
    retainScore: 10 * minute,
  }
}

/** P6: connections of one address above `limit`; 0 turns it off. */
export function colocationParams(limit: number): Partial<PeerScoreParams> {
  return { IPColocationFactorWeight: limit === 0 ? 0 : -50, IPColocationFactorThreshold: Math.max(1, limit) }
}

/** A set of addresses given by a rule: the library only ever asks whether an address is in it. */
class AddressRule extends Set<string> {
  readonly #rule: (ip: string) => boolean

  constructor(rule: (ip: string) => boolean) {
    super()
    this.#rule = rule
  }

  override has(ip: string): boolean {
    return this.#rule(ip)
  }
}
