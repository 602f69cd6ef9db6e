/**
 * Messages that wait to be fetched by REST, with nwaku's rules
 * (https://github.com/waku-org/nwaku/blob/7d1c6abaacba/waku/waku_api/message_cache.nim):
 *
 * - A message is taken when its pubsub topic or its content topic is subscribed, and then counts as subscribed by both.
 * - It is told once, by whichever of the two is asked first.
 * - At the capacity, which is of all topics together, the one with the lowest timestamp makes room.
 * - A message that is held already, equal in all fields, is not taken again; once told, it is.
 */
import type { Envelope } from '../core/envelope.ts'
import type { WakuMessage } from '../core/message.ts'

/**
 * Content topics that count as subscribed only because a message of theirs came, at the most, and their characters.
 * nwaku has no such bound, and its peers can grow it.
 */
const maxArrivedTopics = 1000
const maxArrivedCharacters = 512 * 1024

interface Held {
  readonly envelope: Envelope
  /** Counts up: messages are told as they came. */
  readonly arrival: number
  /** By which of its topics it can be fetched. */
  byPubsubTopic: boolean
  byContentTopic: boolean
}

export class MessageCache {
  readonly #capacity: number
  readonly #pubsubTopics = new Set<string>()
  readonly #contentTopics = new Set<string>()
  /** Subscribed by arrival, the oldest first. */
  readonly #arrivedTopics = new Set<string>()
  #arrivedCharacters = 0
  /** By timestamp; of equal ones the latest to come is first, since it goes first. */
  #held: Held[] = []
  #arrivals = 0

  /** `capacity`: messages of all topics together. */
  constructor(capacity: number) {
    this.#capacity = capacity
  }

  subscribePubsubTopic(topic: string): void {
    this.#pubsubTopics.add(topic)
  }

  subscribeContentTopic(topic: string): void {
    this.#contentTopics.add(topic)
  }

  hasPubsubTopic(topic: string): boolean {
    return this.#pubsubTopics.has(topic)
  }

  hasContentTopic(topic: string): boolean {
    return this.#contentTopics.has(topic) || this.#arrivedTopics.has(topic)
  }

  /** True when somebody asked for this content topic; one that only came does not count. */
  wantsContentTopic(topic: string): boolean {
    return this.#contentTopics.has(topic)
  }

  /** The content topics that somebody asked for. */
  wantedContentTopics(): readonly string[] {
    return [...this.#contentTopics]
  }

  /** Messages that can be fetched by this topic alone go with it. */
  unsubscribePubsubTopic(topic: string): void {
    this.#pubsubTopics.delete(topic)
    for (const held of this.#held) if (held.envelope.pubsubTopic === topic) held.byPubsubTopic = false
    this.#drop(isLost)
  }

  /** As `unsubscribePubsubTopic`. */
  unsubscribeContentTopic(topic: string): void {
    this.#contentTopics.delete(topic)
    this.#forgetArrived(topic)
    for (const held of this.#held) if (contentTopicOf(held) === topic) held.byContentTopic = false
    this.#drop(isLost)
  }

  /** Forgets messages and subscriptions. */
  reset(): void {
    this.#pubsubTopics.clear()
    this.#contentTopics.clear()
    this.#arrivedTopics.clear()
    this.#arrivedCharacters = 0
    this.#held = []
  }

  /** Takes a message if anybody may want it. */
  add(envelope: Envelope): void {
    const { pubsubTopic, message } = envelope
    if (!this.hasPubsubTopic(pubsubTopic) && !this.hasContentTopic(message.contentTopic)) return
    if (this.#capacity === 0 || !this.#insert(envelope)) return
    this.#pubsubTopics.add(pubsubTopic)
    if (!this.#contentTopics.has(message.contentTopic)) this.#noteArrived(message.contentTopic)
  }

  /** What came for a pubsub topic since it was last asked for; undefined when it is not subscribed. */
  takeByPubsubTopic(topic: string): readonly Envelope[] | undefined {
    if (!this.hasPubsubTopic(topic)) return undefined
    return this.#drop((held) => held.byPubsubTopic && held.envelope.pubsubTopic === topic)
  }

  /** As `takeByPubsubTopic`. */
  takeByContentTopic(topic: string): readonly Envelope[] | undefined {
    if (!this.hasContentTopic(topic)) return undefined
    return this.#drop((held) => held.byContentTopic && contentTopicOf(held) === topic)
  }

  /** Removes the messages that `goes` names, and returns them as they came. */
  #drop(goes: (held: Held) => boolean): readonly Envelope[] {
    const gone = this.#held.filter(goes)
    if (gone.length > 0) this.#held = this.#held.filter((held) => !goes(held))
    return gone.sort((one, other) => one.arrival - other.arrival).map(({ envelope }) => envelope)
  }

  /** False when an equal message is held. Room is made before: a message older than all others is kept, for now. */
  #insert(envelope: Envelope): boolean {
    if (this.#holds(envelope)) return false
    if (this.#held.length >= this.#capacity) this.#held.shift()
    const held = { envelope, arrival: this.#arrivals++, byPubsubTopic: true, byContentTopic: true }
    this.#held.splice(this.#placeOf(timestampOf(envelope)), 0, held)
    return true
  }

  #holds(envelope: Envelope): boolean {
    const timestamp = timestampOf(envelope)
    for (let index = this.#placeOf(timestamp); index < this.#held.length; index += 1) {
      const other = this.#held[index]?.envelope
      if (other === undefined || timestampOf(other) !== timestamp) return false
      if (mayBeEqual(other, envelope) && isEqual(other.message, envelope.message)) return true
    }
    return false
  }

  /** The index of the first message that is not older. */
  #placeOf(timestamp: bigint): number {
    let low = 0
    let high = this.#held.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const held = this.#held[middle]
      if (held !== undefined && timestampOf(held.envelope) < timestamp) low = middle + 1
      else high = middle
    }
    return low
  }

  #noteArrived(topic: string): void {
    this.#forgetArrived(topic)
    this.#arrivedTopics.add(topic)
    this.#arrivedCharacters += topic.length
    for (const oldest of this.#arrivedTopics) {
      if (this.#arrivedTopics.size <= maxArrivedTopics && this.#arrivedCharacters <= maxArrivedCharacters) return
      this.#forgetArrived(oldest)
    }
  }

  #forgetArrived(topic: string): void {
    if (this.#arrivedTopics.delete(topic)) this.#arrivedCharacters -= topic.length
  }
}

function isLost({ byPubsubTopic, byContentTopic }: Held): boolean {
  return !byPubsubTopic && !byContentTopic
}

function contentTopicOf({ envelope }: Held): string {
  return envelope.message.contentTopic
}

function timestampOf({ message }: Envelope): bigint {
  return message.timestamp ?? 0n
}

/** Messages of one topic that begin otherwise, or have other hashes, differ: most need no closer look. */
function mayBeEqual(one: Envelope, other: Envelope): boolean {
  if (one.pubsubTopic !== other.pubsubTopic) return true
  return beginAlike(one.message.payload, other.message.payload) && one.hash === other.hash
}

/** A hash takes as long as a look at all bytes, and is made once; most payloads are random from the first byte on. */
function beginAlike(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one[0] === other[0] && one[1] === other[1] && one[2] === other[2]
}

function isEqual(one: WakuMessage, other: WakuMessage): boolean {
  return (
    one.contentTopic === other.contentTopic &&
    one.version === other.version &&
    one.ephemeral === other.ephemeral &&
    sameBytes(one.payload, other.payload) &&
    sameBytes(one.meta, other.meta) &&
    sameBytes(one.rateLimitProof, other.rateLimitProof)
  )
}

const none = new Uint8Array()

function sameBytes(one: Uint8Array = none, other: Uint8Array = none): boolean {
  return Buffer.compare(one, other) === 0
}
