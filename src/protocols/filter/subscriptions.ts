/**
 * Who is subscribed to what: the table of 12/WAKU2-FILTER. A criterion is a pubsub topic and a content topic. A
 * subscription ends when its last criterion is removed or its peer has been silent for too long. Pure.
 */
import type { Clock, Milliseconds } from '../../core/time.ts'

export interface SubscriptionLimits {
  readonly peers: number
  readonly criteriaPerPeer: number
  /** Of all topics of one peer. */
  readonly charactersPerPeer: number
  readonly timeout: Milliseconds
}

/** What became of a wish to subscribe. Only `subscribed` changed anything. */
export type Subscribed = 'subscribed' | 'too-many-peers' | 'too-many-criteria'

export interface Criterion {
  readonly pubsubTopic: string
  readonly contentTopic: string
}

/** A peer and all that it is subscribed to. */
export interface Subscription {
  readonly peer: string
  readonly criteria: readonly Criterion[]
}

interface Subscriber {
  readonly peer: string
  /** Its content topics, by pubsub topic. */
  readonly topics: Map<string, Set<string>>
  criteria: number
  characters: number
  seenAt: Milliseconds
}

export class Subscriptions {
  #limits: SubscriptionLimits
  readonly #clock: Clock
  readonly #subscribers = new Map<string, Subscriber>()
  /** By pubsub topic, then by content topic. */
  readonly #index = new Map<string, Map<string, Set<Subscriber>>>()
  #criteria = 0

  constructor(limits: SubscriptionLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
  }

  /** Other limits from now on; what is subscribed stays. */
  change(limits: SubscriptionLimits): void {
    this.#limits = limits
  }

  /** Peers in the table, silent ones that `expire` has not removed yet included. */
  get peers(): number {
    return this.#subscribers.size
  }

  /** Criteria of all peers together. */
  get criteria(): number {
    return this.#criteria
  }

  /** True when another peer would be refused. */
  get full(): boolean {
    return this.#subscribers.size >= this.#limits.peers
  }

  /** Adds those criteria that the peer does not have yet, all or none. Only they count against its limits. */
  subscribe(peer: string, pubsubTopic: string, contentTopics: readonly string[]): Subscribed {
    const known = this.#alive(peer)
    if (known === undefined && this.full && !this.#subscribers.has(peer)) return 'too-many-peers'
    const subscriber = known ?? { peer, topics: new Map(), criteria: 0, characters: 0, seenAt: this.#clock() }
    const held = subscriber.topics.get(pubsubTopic)
    const added = [...new Set(contentTopics)].filter((topic) => held?.has(topic) !== true)
    if (!this.#fits(subscriber, pubsubTopic, added)) return 'too-many-criteria'
    if (known === undefined) this.#admit(subscriber)
    for (const topic of added) this.#add(subscriber, pubsubTopic, topic)
    subscriber.seenAt = this.#clock()
    return 'subscribed'
  }

  /** Keeps the subscription of `peer` alive. False when it has none. */
  refresh(peer: string): boolean {
    const subscriber = this.#alive(peer)
    if (subscriber === undefined) return false
    subscriber.seenAt = this.#clock()
    return true
  }

  /** Removes those criteria that the peer has. False when it lacks one of them, or has no subscription. */
  unsubscribe(peer: string, pubsubTopic: string, contentTopics: readonly string[]): boolean {
    const subscriber = this.#alive(peer)
    if (subscriber === undefined) return false
    subscriber.seenAt = this.#clock()
    let all = true
    for (const topic of new Set(contentTopics)) all = this.#remove(subscriber, pubsubTopic, topic) && all
    if (subscriber.criteria === 0) this.#subscribers.delete(peer)
    return all
  }

  /** Ends the subscription of `peer`. False when it has none. */
  unsubscribeAll(peer: string): boolean {
    const alive = this.#alive(peer) !== undefined
    this.#drop(peer)
    return alive
  }

  /** The peers that want a message of these topics. */
  peersFor(pubsubTopic: string, contentTopic: string): readonly string[] {
    const subscribers = this.#index.get(pubsubTopic)?.get(contentTopic)
    if (subscribers === undefined) return []
    const silentSince = this.#clock() - this.#limits.timeout
    const peers: string[] = []
    for (const { peer, seenAt } of subscribers) if (seenAt >= silentSince) peers.push(peer)
    return peers
  }

  /** True when `peer` has a subscription; with topics, when these are part of it. */
  has(peer: string, criterion?: Criterion): boolean {
    const subscriber = this.#alive(peer)
    if (subscriber === undefined || criterion === undefined) return subscriber !== undefined
    return subscriber.topics.get(criterion.pubsubTopic)?.has(criterion.contentTopic) === true
  }

  /** Removes the peers that have been silent for too long, and returns them. */
  expire(): readonly string[] {
    const silent = [...this.#subscribers.keys()].filter((peer) => this.#alive(peer) === undefined)
    for (const peer of silent) this.#drop(peer)
    return silent
  }

  /** All that is subscribed, peer by peer. */
  *[Symbol.iterator](): Generator<Subscription> {
    for (const { peer, topics } of this.#subscribers.values()) {
      const criteria = [...topics].flatMap(([pubsubTopic, contentTopics]) =>
        [...contentTopics].map((contentTopic) => ({ pubsubTopic, contentTopic })),
      )
      yield { peer, criteria }
    }
  }

  #alive(peer: string): Subscriber | undefined {
    const subscriber = this.#subscribers.get(peer)
    return subscriber !== undefined && this.#clock() - subscriber.seenAt <= this.#limits.timeout
      ? subscriber
      : undefined
  }

  #fits({ criteria, characters }: Subscriber, pubsubTopic: string, added: readonly string[]): boolean {
    const { criteriaPerPeer, charactersPerPeer } = this.#limits
    const more = added.reduce((sum, topic) => sum + charactersOf(pubsubTopic, topic), 0)
    return criteria + added.length <= criteriaPerPeer && characters + more <= charactersPerPeer
  }

  /** Takes a new peer in, in place of its own silent subscription if it had one. */
  #admit(subscriber: Subscriber): void {
    this.#drop(subscriber.peer)
    this.#subscribers.set(subscriber.peer, subscriber)
  }

  #drop(peer: string): void {
    const subscriber = this.#subscribers.get(peer)
    if (subscriber === undefined) return
    for (const [pubsubTopic, topics] of subscriber.topics)
      for (const topic of topics) this.#remove(subscriber, pubsubTopic, topic)
    this.#subscribers.delete(peer)
  }

  #add(subscriber: Subscriber, pubsubTopic: string, contentTopic: string): void {
    entry(subscriber.topics, pubsubTopic, () => new Set()).add(contentTopic)
    const topics = entry(this.#index, pubsubTopic, () => new Map<string, Set<Subscriber>>())
    entry(topics, contentTopic, () => new Set()).add(subscriber)
    this.#count(subscriber, 1, charactersOf(pubsubTopic, contentTopic))
  }

  #remove(subscriber: Subscriber, pubsubTopic: string, contentTopic: string): boolean {
    const own = subscriber.topics.get(pubsubTopic)
    if (own === undefined || !own.delete(contentTopic)) return false
    if (own.size === 0) subscriber.topics.delete(pubsubTopic)
    const topics = this.#index.get(pubsubTopic)
    const subscribers = topics?.get(contentTopic)
    subscribers?.delete(subscriber)
    if (subscribers?.size === 0) topics?.delete(contentTopic)
    if (topics?.size === 0) this.#index.delete(pubsubTopic)
    this.#count(subscriber, -1, -charactersOf(pubsubTopic, contentTopic))
    return true
  }

  #count(subscriber: Subscriber, criteria: number, characters: number): void {
    subscriber.criteria += criteria
    subscriber.characters += characters
    this.#criteria += criteria
  }
}

function charactersOf(pubsubTopic: string, contentTopic: string): number {
  return pubsubTopic.length + contentTopic.length
}

/** The value of `key`, made when it is missing. */
function entry<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const value = map.get(key) ?? make()
  if (!map.has(key)) map.set(key, value)
  return value
}
