/**
 * Relay: what comes by gossip is judged once, decoded once, hashed once, handed on and delivered; what we publish goes
 * the same way. The router itself (mesh, scores, gossip) is a libp2p service behind the interface `Router`.
 */
import { type Message, TopicValidatorResult } from '@libp2p/gossipsub'
import { type Envelope, openEnvelope } from '../../core/envelope.ts'
import { isWaypostError, messageOf, WaypostError } from '../../core/errors.ts'
import type { Clock } from '../../core/time.ts'
import { judge, judgeSize, reject, type Validator, type Verdict } from '../../core/validator.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import type { Router } from './router.ts'

export interface RelayParts {
  readonly router: Router
  /** Every topic that the router was made for. */
  readonly allowedTopics: ReadonlySet<string>
  readonly maxMessageBytes: number
  /** Asked in order, after size and decoding. */
  readonly validators: readonly Validator[]
  /** Takes each accepted message from gossip; must return at once and not throw. `from` is the peer that sent it. */
  readonly deliver: (envelope: Envelope, from: string) => void
  readonly clock: Clock
  readonly metrics: Metrics
  readonly log: Log
}

/** Relay as the rest of the node sees it. */
export interface Relay extends Disposable {
  /** The pubsub topics followed now. */
  readonly topics: ReadonlySet<string>
  /** Tells `listener` whenever `topics` has changed. */
  onTopics(listener: () => void): Disposable
  /** Follows a topic. Throws `relay/topic-not-allowed` for one that this node was not set up for. */
  subscribe(pubsubTopic: string): void
  unsubscribe(pubsubTopic: string): void
  /** What the validators say of a message of our own clients, whose size was judged before. */
  judge(envelope: Envelope): Verdict | Promise<Verdict>
  /**
   * Hands a judged message to the network and returns how many peers got it, or have it already when it is known.
   * The caller delivers it locally.
   */
  publish(envelope: Envelope): Promise<number>
  /** Full peer ids in the mesh of a topic. */
  meshPeers(pubsubTopic: string): readonly string[]
  /** Full peer ids of those who follow a topic. */
  subscribers(pubsubTopic: string): readonly string[]
}

const answers: Record<Verdict['result'], TopicValidatorResult> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
}

/** The same verdicts under the names of nim-libp2p. */
const validations = {
  accept: 'libp2p_pubsub_validation_success_total',
  ignore: 'libp2p_pubsub_validation_ignore_total',
  reject: 'libp2p_pubsub_validation_failure_total',
} as const

/** What the router says when a message was published or received before. */
const duplicate = 'PublishError.Duplicate'

export class GossipRelay implements Relay {
  readonly #parts: RelayParts
  readonly #topics = new Set<string>()
  readonly #listeners = new Set<() => void>()
  /** The envelope that validation made of a message, until delivery picks it up: the router hands both the same object. */
  readonly #validated = new WeakMap<Message, Envelope>()
  /** What was delivered last, until it was forwarded. */
  #last: Envelope | undefined
  readonly #onMessage: (event: CustomEvent<{ propagationSource: { toString(): string }; msg: Message }>) => void

  constructor(parts: RelayParts) {
    this.#parts = parts
    const { router, allowedTopics } = parts
    for (const topic of allowedTopics) router.topicValidators.set(topic, (_, message) => this.#validate(message))
    this.#onMessage = ({ detail }) => this.#deliver(detail.msg, detail.propagationSource.toString())
    router.addEventListener('gossipsub:message', this.#onMessage)
    router.onForward = (peers) => this.#forwarded(peers)
  }

  get topics(): ReadonlySet<string> {
    return this.#topics
  }

  subscribe(pubsubTopic: string): void {
    if (!this.#parts.allowedTopics.has(pubsubTopic))
      throw new WaypostError('relay/topic-not-allowed', { topic: pubsubTopic })
    if (this.#topics.has(pubsubTopic)) return
    this.#topics.add(pubsubTopic)
    this.#parts.router.subscribe(pubsubTopic)
    this.#parts.metrics.libp2p_pubsub_subscriptions_total.inc()
    this.#changed()
  }

  unsubscribe(pubsubTopic: string): void {
    if (!this.#topics.delete(pubsubTopic)) return
    this.#parts.router.unsubscribe(pubsubTopic)
    this.#parts.metrics.libp2p_pubsub_unsubscriptions_total.inc()
    this.#changed()
  }

  onTopics(listener: () => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) }
  }

  judge(envelope: Envelope): Verdict | Promise<Verdict> {
    return judge(this.#parts.validators, envelope)
  }

  async publish({ pubsubTopic, bytes }: Envelope): Promise<number> {
    const sent = await this.#send(pubsubTopic, bytes)
    // Known already: those who follow the topic got it by gossip.
    if (sent === undefined) return this.subscribers(pubsubTopic).length
    this.#countOut({ pubsubTopic, bytes }, sent)
    return sent
  }

  meshPeers(pubsubTopic: string): readonly string[] {
    return this.#parts.router.getMeshPeers(pubsubTopic)
  }

  subscribers(pubsubTopic: string): readonly string[] {
    return this.#parts.router.getSubscribers(pubsubTopic).map(String)
  }

  [Symbol.dispose](): void {
    const { router, allowedTopics } = this.#parts
    router.removeEventListener('gossipsub:message', this.#onMessage)
    router.onForward = undefined
    for (const topic of [...this.#topics]) this.unsubscribe(topic)
    for (const topic of allowedTopics) router.topicValidators.delete(topic)
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }

  /** How many peers a message was sent to; undefined when it has passed here before. */
  async #send(pubsubTopic: string, bytes: Uint8Array): Promise<number | undefined> {
    try {
      const { recipients } = await this.#parts.router.publish(pubsubTopic, bytes)
      return recipients.length
    } catch (error) {
      if (messageOf(error) === duplicate) return undefined
      throw error
    }
  }

  /** The router forwards a message in the same turn in which it delivered it. */
  #forwarded(peers: number): void {
    if (this.#last !== undefined) this.#countOut(this.#last, peers)
    this.#last = undefined
  }

  #countOut({ pubsubTopic, bytes }: Pick<Envelope, 'pubsubTopic' | 'bytes'>, peers: number): void {
    const label = { topic: pubsubTopic, type: 'net', direction: 'out' } as const
    this.#parts.metrics.waku_relay_network_bytes_total.inc(label, peers * (bytes.length + pubsubTopic.length))
  }

  /** The router's question. It is answered at once unless a validator must wait. */
  #validate(message: Message): TopicValidatorResult | Promise<TopicValidatorResult> {
    // Only what we follow is anybody's business of ours: no blame, no delivery, no forwarding.
    if (!this.#topics.has(message.topic)) return this.#judged({ result: 'ignore', reason: 'not subscribed' })
    const opened = this.#open(message)
    if ('result' in opened) return this.#judged(opened)
    const verdict = judge(this.#parts.validators, opened)
    if (verdict instanceof Promise) return verdict.then((late) => this.#judged(late, message, opened))
    return this.#judged(verdict, message, opened)
  }

  #open({ topic, data }: Message): Envelope | Verdict {
    const size = judgeSize(data.length, this.#parts.maxMessageBytes)
    if (size.result !== 'accept') return size
    try {
      return openEnvelope(topic, data, this.#parts.clock())
    } catch (error) {
      if (isWaypostError(error, 'message/malformed')) return reject(error.message)
      throw error
    }
  }

  #judged(verdict: Verdict, message?: Message, envelope?: Envelope): TopicValidatorResult {
    const { metrics, log } = this.#parts
    metrics.waypost_relay_verdicts_total.inc({ result: verdict.result })
    metrics[validations[verdict.result]].inc()
    if (verdict.result !== 'accept') log.debug({ reason: verdict.reason }, 'message not relayed')
    else if (message !== undefined && envelope !== undefined) this.#validated.set(message, envelope)
    return answers[verdict.result]
  }

  #deliver(message: Message, from: string): void {
    const envelope = this.#validated.get(message)
    this.#last = envelope
    // A message of our own: who published it has delivered it.
    if (envelope === undefined) return
    const { deliver, metrics, log } = this.#parts
    metrics.waku_relay_network_bytes_total.inc(
      { topic: envelope.pubsubTopic, type: 'net', direction: 'in' },
      envelope.bytes.length + envelope.pubsubTopic.length,
    )
    try {
      deliver(envelope, from)
    } catch (error) {
      metrics.waku_node_errors_total.inc({ type: 'delivery' })
      log.error({ reason: messageOf(error) }, 'delivery failed')
    }
  }
}
