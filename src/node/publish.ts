/**
 * What a client hands to this node, by light push or by REST, enters here: its shard is found, a missing time is
 * stamped, the validators judge it, our own takers and the network get it. The answer waits for both.
 */
import { type Envelope, envelopeOf, openEnvelope } from '../core/envelope.ts'
import { isWaypostError, WaypostError } from '../core/errors.ts'
import { type DecodedMessage, decodeMessage, maxMetaBytes, withTimestamp } from '../core/message.ts'
import type { Published, Publisher } from '../core/publisher.ts'
import { pubsubTopicFor, type Sharding } from '../core/sharding.ts'
import { type Clock, toNanoseconds } from '../core/time.ts'
import { judgeSize } from '../core/validator.ts'
import type { Relay } from '../protocols/relay/service.ts'
import type { Intake } from './intake.ts'

export interface PublisherParts {
  /** Absent when this node does not relay. */
  readonly relay?: Pick<Relay, 'topics' | 'judge' | 'publish'>
  readonly intake: Pick<Intake, 'deliverSettled'>
  readonly sharding: Sharding
  /** Bytes of an encoded message at the most. */
  readonly maxMessageBytes: number
  readonly clock: Clock
}

export class NodePublisher implements Publisher {
  readonly #parts: PublisherParts

  constructor(parts: PublisherParts) {
    this.#parts = parts
  }

  async publish(bytes: Uint8Array, pubsubTopic: string | undefined, from: 'lightpush' | 'rest'): Promise<Published> {
    const { relay, intake } = this.#parts
    if (relay === undefined)
      return { outcome: 'no-relay', reason: 'no waku relay found: this node runs with --relay=false' }
    const message = decodeOwn(bytes)
    const topic = pubsubTopic ?? this.#derive(message)
    if (typeof topic !== 'string') return topic
    if (!relay.topics.has(topic)) return unsupported(`this node does not follow pubsub topic ${topic}`)
    const envelope = this.#envelope(topic, message, bytes)
    const size = judgeSize(envelope.bytes.length, this.#parts.maxMessageBytes)
    if (size.result !== 'accept') return { outcome: 'too-large', reason: size.reason }
    const verdict = await relay.judge(envelope)
    if (verdict.result !== 'accept') return { outcome: 'invalid', reason: verdict.reason }
    const [peers] = await Promise.all([relay.publish(envelope), intake.deliverSettled(envelope, from)])
    return peers === 0 ? { outcome: 'no-peers', envelope } : { outcome: 'relayed', peers, envelope }
  }

  #derive({ contentTopic }: DecodedMessage): string | Published {
    try {
      const topic = pubsubTopicFor(contentTopic, this.#parts.sharding)
      return topic ?? noTopic('Pubsub topic must be specified when static sharding is enabled')
    } catch (error) {
      if (isWaypostError(error, 'topic/bad-content-topic')) return noTopic(`Invalid content-topic:${error.data.why}`)
      throw error
    }
  }

  /** A message without a time gets one, since no store would keep it: the only field we ever write. */
  #envelope(topic: string, message: DecodedMessage, bytes: Uint8Array): Envelope {
    const now = this.#parts.clock()
    if (message.timestamp) return envelopeOf(topic, message, bytes, now)
    return openEnvelope(topic, withTimestamp(bytes, toNanoseconds(now)), now)
  }
}

/** Decodes a client's message. To nwaku one with too long a meta does not decode; suites look for its words. */
function decodeOwn(bytes: Uint8Array): DecodedMessage {
  const message = decodeMessage(bytes)
  if (message.meta === undefined || message.meta.length <= maxMetaBytes) return message
  throw new WaypostError('message/malformed', { why: '(kind: InvalidLengthField, field: "meta")' })
}

function noTopic(reason: string): Published {
  return { outcome: 'no-topic', reason }
}

function unsupported(reason: string): Published {
  return { outcome: 'unsupported-topic', reason }
}
