/**
 * Relay: what comes by gossip is judged once, decoded once, handed on and delivered; what we publish goes
 * the same way. The router itself (mesh, scores, gossip) is a libp2p service behind the interface `Router`.
 */
import { type Envelope, openEnvelope } from '../../core/envelope.ts'
import { isWaypostError, messageOf, WaypostError } from '../../core/errors.ts'
import type { Clock } from '../../core/time.ts'
import { ignore, judge, judgeSize, reject, type Validator, type Verdict } from '../../core/validator.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { NetworkBytes, VerdictCounts } from './counts.ts'
import type { GossipMessage, Router } from './router.ts'

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

const notFollowed = ignore('not subscribed')

export class GossipRelay implements Relay {
  readonly #parts: RelayParts
  readonly #topics = new Set<string>()
  readonly #listeners = new Set<() => void>()
  readonly #attending: Disposable
  readonly #verdicts: VerdictCounts
  readonly #bytesIn: NetworkBytes
  readonly #bytesOut: NetworkBytes

  constructor(parts: RelayParts) {
    this.#parts = parts
    this.#verdicts = new VerdictCounts(parts.metrics)
    this.#bytesIn = new NetworkBytes(parts.metrics, 'net', 'in')
    this.#bytesOut = new NetworkBytes(parts.metrics, 'net', 'out')
    this.#attending = parts.router.attend({
      judge: (message) => this.#validate(message),
      deliver: (message, from) => this.#deliver(message, from),
      forwarded: ({ topic, data }, peers) => this.#bytesOut.add(topic, data.length, peers),
    })
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
    const sent = await this.#parts.router.publish(pubsubTopic, bytes)
    // Known already: those who follow the topic got it by gossip.
    if (sent === undefined) return this.subscribers(pubsubTopic).length
    this.#bytesOut.add(pubsubTopic, bytes.length, sent)
    return sent
  }

  meshPeers(pubsubTopic: string): readonly string[] {
    return this.#parts.router.meshPeers(pubsubTopic)
  }

  subscribers(pubsubTopic: string): readonly string[] {
    return this.#parts.router.subscribers(pubsubTopic)
  }

  [Symbol.dispose](): void {
    this.#attending[Symbol.dispose]()
    for (const topic of [...this.#topics]) this.unsubscribe(topic)
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }

  /** The router's question. It is answered at once unless a validator must wait. */
  #validate(message: GossipMessage): Verdict | Promise<Verdict> {
    // Only what we follow is anybody's business of ours: no blame, no delivery, no forwarding.
    if (!this.#topics.has(message.topic)) return this.#judged(notFollowed)
    const opened = this.#open(message)
    if ('result' in opened) return this.#judged(opened)
    message.envelope = opened
    const verdict = judge(this.#parts.validators, opened)
    if (verdict instanceof Promise) return verdict.then((late) => this.#judged(late))
    return this.#judged(verdict)
  }

  #open({ topic, data }: GossipMessage): Envelope | Verdict {
    const size = judgeSize(data.length, this.#parts.maxMessageBytes)
    if (size.result !== 'accept') return size
    try {
      return openEnvelope(topic, data, this.#parts.clock())
    } catch (error) {
      if (isWaypostError(error, 'message/malformed')) return reject(error.message)
      throw error
    }
  }

  #judged(verdict: Verdict): Verdict {
    this.#verdicts.add(verdict)
    if (verdict.result !== 'accept') this.#parts.log.debug({ reason: verdict.reason }, 'message not relayed')
    return verdict
  }

  #deliver({ envelope }: GossipMessage, from: string): void {
    if (envelope === undefined) return
    const { deliver, metrics, log } = this.#parts
    this.#bytesIn.add(envelope.pubsubTopic, envelope.bytes.length)
    try {
      deliver(envelope, from)
    } catch (error) {
      metrics.waku_node_errors_total.inc({ type: 'delivery' })
      log.error({ reason: messageOf(error) }, 'delivery failed')
    }
  }
}
