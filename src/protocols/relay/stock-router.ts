/**
 * The router of @libp2p/gossipsub behind our interface: what a fault in the field is compared with. Its types end here.
 */
import {
  type GossipSub,
  type GossipSubComponents,
  type GossipsubOpts,
  gossipsub,
  type Message,
  TopicValidatorResult,
} from '@libp2p/gossipsub'
import type { PeerScoreParams, PeerScoreThresholds, TopicScoreParams } from '@libp2p/gossipsub/score'
import { messageOf } from '../../core/errors.ts'
import type { Verdict } from '../../core/validator.ts'
import { messageId, messageIdText, relayProtocols } from './codec.ts'
import { forwardRegister } from './forwarded.ts'
import { idontwantBytes, inboundStreams, outboundBytes, rpcBytes } from './limits.ts'
import { colocationWeight, mesh, type RouterOptions, scores, topicScores } from './params.ts'
import type { GossipMessage, Router, RouterEvent, RouterHooks } from './router.ts'

/** What the class has beside its interface, and has had since version 1. */
interface Inside extends GossipSub {
  getMeshPeers(topic: string): string[]
  getScore(peer: string): number
  start(): Promise<void>
  stop(): Promise<void>
  readonly score: { readonly params: Partial<PeerScoreParams> }
}

type MessageEvent = CustomEvent<{ propagationSource: { toString(): string }; msg: Message }>

const answers: Record<Verdict['result'], TopicValidatorResult> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
}

const eventNames = {
  heartbeat: 'gossipsub:heartbeat',
  graft: 'gossipsub:graft',
  subscription: 'subscription-change',
} as const satisfies Record<RouterEvent, string>

/** What the library says when a message was published or received before. */
const duplicate = 'PublishError.Duplicate'

export function stockRouter(options: RouterOptions): (components: GossipSubComponents) => Router {
  return (components) => new StockRouter(options, components)
}

class StockRouter implements Router {
  readonly #inside: Inside
  readonly #topics: readonly string[]
  /** The library hands the same object to validation and to delivery. */
  readonly #judged = new WeakMap<Message, GossipMessage>()
  #hooks: RouterHooks | undefined
  /** What was delivered last: the library forwards it in the same turn. */
  #last: GossipMessage | undefined

  constructor(options: RouterOptions, components: GossipSubComponents) {
    this.#topics = [...options.topics]
    const onForward = (peers: number): void => this.#forwarded(peers)
    this.#inside = gossipsub(libraryOptions(options, onForward))(components) as Inside
    this.#inside.protocols = [...(options.protocols ?? relayProtocols)]
    this.#inside.addEventListener('gossipsub:message', ({ detail }: MessageEvent) =>
      this.#deliver(detail.msg, detail.propagationSource.toString()),
    )
  }

  /** libp2p starts and stops its services. */
  start(): Promise<void> {
    return this.#inside.start()
  }

  stop(): Promise<void> {
    return this.#inside.stop()
  }

  subscribe(topic: string): void {
    this.#inside.subscribe(topic)
  }

  unsubscribe(topic: string): void {
    this.#inside.unsubscribe(topic)
  }

  async publish(topic: string, data: Uint8Array): Promise<number | undefined> {
    try {
      const { recipients } = await this.#inside.publish(topic, data)
      return recipients.length
    } catch (error) {
      if (messageOf(error) === duplicate) return undefined
      throw error
    }
  }

  peers(): readonly string[] {
    return this.#inside.getPeers().map(String)
  }

  subscribers(topic: string): readonly string[] {
    return this.#inside.getSubscribers(topic).map(String)
  }

  meshPeers(topic: string): readonly string[] {
    return this.#inside.getMeshPeers(topic)
  }

  score(peer: string): number {
    return this.#inside.getScore(peer)
  }

  attend(hooks: RouterHooks): Disposable {
    const { topicValidators } = this.#inside
    this.#hooks = hooks
    for (const topic of this.#topics) topicValidators.set(topic, (_, message) => this.#judge(message))
    return {
      [Symbol.dispose]: () => {
        this.#hooks = undefined
        for (const topic of this.#topics) topicValidators.set(topic, () => TopicValidatorResult.Ignore)
      },
    }
  }

  on(event: RouterEvent, listener: () => void): Disposable {
    const told = (): void => listener()
    this.#inside.addEventListener(eventNames[event], told)
    return { [Symbol.dispose]: () => this.#inside.removeEventListener(eventNames[event], told) }
  }

  changeColocationLimit(limit: number): void {
    Object.assign(this.#inside.score.params, colocationParams(limit))
  }

  #judge(message: Message): TopicValidatorResult | Promise<TopicValidatorResult> {
    const judged: GossipMessage = { topic: message.topic, data: message.data }
    const verdict = this.#hooks?.judge(judged) ?? { result: 'ignore' as const }
    if (verdict instanceof Promise) return verdict.then(({ result }) => this.#answer(result, message, judged))
    return this.#answer(verdict.result, message, judged)
  }

  #answer(result: Verdict['result'], message: Message, judged: GossipMessage): TopicValidatorResult {
    if (result === 'accept') this.#judged.set(message, judged)
    return answers[result]
  }

  #deliver(message: Message, from: string): void {
    this.#last = this.#judged.get(message)
    if (this.#last !== undefined) this.#hooks?.deliver(this.#last, from)
  }

  #forwarded(peers: number): void {
    if (this.#last !== undefined) this.#hooks?.forwarded(this.#last, peers)
    this.#last = undefined
  }
}

/** What the library is made with. */
function libraryOptions(options: RouterOptions, onForward: (peers: number) => void): Partial<GossipsubOpts> {
  const topics = new Set(options.topics)
  return {
    D: mesh.degree,
    Dlo: mesh.low,
    Dhi: mesh.high,
    Dscore: mesh.byScore,
    Dout: mesh.outbound,
    Dlazy: mesh.lazy,
    gossipFactor: mesh.gossipFactor,
    heartbeatInterval: mesh.heartbeat,
    mcacheLength: mesh.history,
    mcacheGossip: mesh.gossipHistory,
    fanoutTTL: mesh.fanoutLifetime,
    seenTTL: mesh.seenLifetime,
    pruneBackoff: mesh.pruneBackoff,
    unsubcribeBackoff: mesh.unsubscribeBackoff,
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
    metricsRegister: forwardRegister(onForward),
    metricsTopicStrToLabel: new Map(),
    idontwantMinDataSize: idontwantBytes,
    scoreParams: scoreParams(topics, options),
    scoreThresholds: libraryThresholds(),
  }
}

function libraryThresholds(): Partial<PeerScoreThresholds> {
  return {
    gossipThreshold: scores.gossipThreshold,
    publishThreshold: scores.publishThreshold,
    graylistThreshold: scores.graylistThreshold,
    opportunisticGraftThreshold: scores.opportunisticGraftThreshold,
  }
}

function scoreParams(topics: Set<string>, { colocationLimit, sharedAddress }: RouterOptions): Partial<PeerScoreParams> {
  return {
    topics: Object.fromEntries([...topics].map((topic) => [topic, topicParams()])),
    topicScoreCap: 0,
    appSpecificWeight: 0,
    ...colocationParams(colocationLimit),
    IPColocationFactorWhitelist: new AddressRule(sharedAddress),
    behaviourPenaltyWeight: scores.behaviourWeight,
    behaviourPenaltyDecay: scores.behaviourDecay,
    decayInterval: scores.decayInterval,
    decayToZero: scores.decayToZero,
    retainScore: scores.retention,
  }
}

/** P3 is off. */
function topicParams(): TopicScoreParams {
  const params: Partial<TopicScoreParams> = {
    topicWeight: 1,
    timeInMeshWeight: topicScores.timeInMeshWeight,
    timeInMeshQuantum: topicScores.timeInMeshQuantum,
    timeInMeshCap: topicScores.timeInMeshCap,
    firstMessageDeliveriesWeight: topicScores.firstDeliveriesWeight,
    firstMessageDeliveriesDecay: topicScores.firstDeliveriesDecay,
    firstMessageDeliveriesCap: topicScores.firstDeliveriesCap,
    meshMessageDeliveriesWeight: 0,
    meshFailurePenaltyWeight: 0,
    invalidMessageDeliveriesWeight: topicScores.invalidWeight,
    invalidMessageDeliveriesDecay: topicScores.invalidDecay,
  }
  // The library types the parameters of a topic as complete, and fills in what is missing.
  return params as TopicScoreParams
}

function colocationParams(limit: number): Partial<PeerScoreParams> {
  return { IPColocationFactorWeight: colocationWeight(limit), IPColocationFactorThreshold: Math.max(1, limit) }
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
