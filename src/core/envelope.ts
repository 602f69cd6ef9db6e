/** What travels through Waypost: a message, where it was published, its hash, and the bytes it came in. Made once. */
import { type MessageHash, messageHash } from './hash.ts'
import { type DecodedMessage, decodeMessage, encodeMessage, type WakuMessage } from './message.ts'
import type { Milliseconds } from './time.ts'

export interface Envelope {
  readonly pubsubTopic: string
  readonly message: DecodedMessage
  readonly hash: MessageHash
  /** The encoded message as it was received. What we relay, store and serve is these bytes, never an encoding of ours. */
  readonly bytes: Uint8Array
  readonly receivedAt: Milliseconds
}

/** Decodes `bytes`, once for all who come after. Throws `message/malformed`. */
export function openEnvelope(pubsubTopic: string, bytes: Uint8Array, receivedAt: Milliseconds): Envelope {
  return envelopeOf(pubsubTopic, decodeMessage(bytes), bytes, receivedAt)
}

/** The envelope of a message that was decoded from `bytes` already. */
export function envelopeOf(
  pubsubTopic: string,
  message: DecodedMessage,
  bytes: Uint8Array,
  receivedAt: Milliseconds,
): Envelope {
  return new Opened(pubsubTopic, message, bytes, receivedAt)
}

/** Hashed when somebody asks: a relay that keeps nothing and pushes to nobody has no use for it. */
class Opened implements Envelope {
  readonly pubsubTopic: string
  readonly message: DecodedMessage
  readonly bytes: Uint8Array
  readonly receivedAt: Milliseconds
  #hash: MessageHash | undefined

  constructor(pubsubTopic: string, message: DecodedMessage, bytes: Uint8Array, receivedAt: Milliseconds) {
    this.pubsubTopic = pubsubTopic
    this.message = message
    this.bytes = bytes
    this.receivedAt = receivedAt
  }

  get hash(): MessageHash {
    this.#hash ??= messageHash(this.pubsubTopic, this.message)
    return this.#hash
  }
}

/** An envelope of a message of our own. */
export function sealEnvelope(
  pubsubTopic: string,
  message: Partial<WakuMessage> & Pick<WakuMessage, 'payload' | 'contentTopic'>,
  receivedAt: Milliseconds,
): Envelope {
  return openEnvelope(pubsubTopic, encodeMessage(message), receivedAt)
}
