/**
 * What is followed, at several nodes at once: what one loses another brings. Says when messages may have been missed.
 */
import type { Envelope } from '../core/envelope.ts'
import type { MessageHash } from '../core/hash.ts'
import { RecentSet } from '../core/recent-set.ts'
import type { Clock, Milliseconds, Schedule } from '../core/time.ts'
import type { Carried, Topics } from '../messaging/network.ts'
import type { FilterClient } from '../protocols/filter/client.ts'
import type { Log } from '../telemetry/log.ts'
import { Follower } from './follower.ts'
import type { Nodes } from './nodes.ts'
import { areSame, noTopics, type TopicSets, topicSets } from './topic-sets.ts'

/** Nodes that push to us at the same time: one may fail unseen, and each more costs the same traffic again. */
const mostFollowed = 3

/** How long a message that a second node pushes is known for the same, and how many are remembered: 1.5 MB. */
const remembered: { readonly lifetime: Milliseconds; readonly most: number } = { lifetime: 600_000, most: 10_000 }

/** For a node to take what was wanted last, before history is asked for all the same. */
const forceTimeout: Milliseconds = 5000

/** For our goodbye to each node at the end. */
const goodbyeTimeout: Milliseconds = 1000

export interface FollowingParts {
  readonly client: Pick<FilterClient, 'subscribe' | 'unsubscribe' | 'unsubscribeAll' | 'ping'>
  readonly nodes: Pick<Nodes, 'reached' | 'serving' | 'onChange'>
  readonly schedule: Schedule
  /** A monotonic clock. */
  readonly clock: Clock
  readonly log: Log
  /** Takes a message that is followed. */
  readonly message: (carried: Carried) => void
  /** A node can be asked again, or follows again for us: what came meanwhile was missed. */
  readonly online: () => void
}

/** `whole`: some node pushes all that we follow. */
type Reach = 'none' | 'reachable' | 'whole'

export class Following implements AsyncDisposable {
  readonly #parts: FollowingParts
  readonly #followers = new Map<string, Follower>()
  #wanted: TopicSets = noTopics
  #seen: RecentSet<MessageHash>
  #reach: Reach = 'none'
  readonly #waiting = new Set<() => void>()

  constructor(parts: FollowingParts) {
    this.#parts = parts
    this.#seen = this.#nothingSeen()
    parts.nodes.onChange(() => this.#choose())
  }

  /** True when a node can be asked. */
  get isOnline(): boolean {
    return this.#reach !== 'none'
  }

  /** From now on exactly these. */
  follow(topics: readonly Topics[]): void {
    const wanted = topicSets(topics)
    if (areSame(wanted, this.#wanted)) return
    this.#wanted = wanted
    this.#choose()
  }

  /** Settles when a node pushes what is followed now, or none takes it, or after some seconds. */
  inForce(): Promise<void> {
    const timed = AbortSignal.timeout(forceTimeout)
    return new Promise((resolve) => {
      const look = (): void => {
        if (!timed.aborted && !this.#isInForce()) return
        this.#waiting.delete(look)
        timed.removeEventListener('abort', look)
        resolve()
      }
      this.#waiting.add(look)
      timed.addEventListener('abort', look)
      look()
    })
  }

  /** Somebody else listens: nothing has been told to him yet. */
  forget(): void {
    this.#seen = this.#nothingSeen()
  }

  /** Takes what a node pushed. */
  receive({ pubsubTopic, message, hash }: Envelope): void {
    // A node may still push what we follow no more.
    if (this.#wanted.get(pubsubTopic)?.has(message.contentTopic) !== true) return
    if (this.#seen.add(hash)) this.#parts.message({ pubsubTopic, message })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const signal = AbortSignal.timeout(goodbyeTimeout)
    const left = this.#parts.nodes.serving('filter').filter((peer) => this.#followers.has(peer.toString()))
    for (const follower of this.#followers.values()) follower.lose()
    this.#followers.clear()
    for (const look of [...this.#waiting]) look()
    // Who does not take it forgets us in time.
    await Promise.allSettled(left.map((peer) => this.#parts.client.unsubscribeAll(peer, { signal })))
  }

  #nothingSeen(): RecentSet<MessageHash> {
    return new RecentSet({ ...remembered, clock: this.#parts.clock })
  }

  /** Of the nodes that are reached, the first push to us; the others stand by. */
  #choose(): void {
    const { client, nodes, schedule, log } = this.#parts
    const serving = nodes.serving('filter')
    const present = new Set(serving.map(String))
    for (const [id, follower] of this.#followers) if (!present.has(id)) follower.lose()
    for (const [index, peer] of serving.entries()) {
      const settled = (): void => this.#tell()
      const known = this.#followers.get(peer.toString())
      const follower = known ?? new Follower({ peer, client, schedule, log, settled })
      this.#followers.set(peer.toString(), follower)
      follower.want(index < mostFollowed ? this.#wanted : noTopics)
    }
    this.#tell()
  }

  /** Told once the first attempt to follow has ended: what is pushed from then on is not missing in what stores are asked for. */
  #tell(): void {
    const reach = this.#reachNow()
    const isNews = reach !== undefined && reach !== this.#reach
    const isBetter = this.#reach === 'none' || reach === 'whole'
    this.#reach = reach ?? this.#reach
    if (isNews) this.#parts.log.info({ reach }, 'reach of the nodes changed')
    for (const look of [...this.#waiting]) look()
    if (isNews && isBetter) this.#parts.online()
  }

  /** Undefined while it is not known yet. */
  #reachNow(): Reach | undefined {
    if (!this.#parts.nodes.reached) return 'none'
    const states = this.#chosen().map(({ state }) => state)
    if (states.includes('whole')) return 'whole'
    if (this.#reach === 'none' && states.includes('untried')) return undefined
    return 'reachable'
  }

  #isInForce(): boolean {
    const chosen = this.#chosen()
    return chosen.some((one) => one.state === 'whole' && one.isCurrent) || chosen.every((one) => one.isCurrent)
  }

  #chosen(): Follower[] {
    const chosen = this.#parts.nodes.serving('filter').slice(0, mostFollowed)
    return chosen.map((peer) => this.#followers.get(peer.toString())).filter((follower) => follower !== undefined)
  }
}
