/**
 * Our subscriptions at one node, brought to what is wanted and kept alive (12/WAKU2-FILTER). What the node may still hold is
 * remembered while it is away, so that what is wanted no more can be taken back.
 */
import type { PeerId } from '@libp2p/interface'
import { isWaypostError, messageOf } from '../core/errors.ts'
import type { Milliseconds, Schedule } from '../core/time.ts'
import type { Topics } from '../messaging/network.ts'
import { type Backoff, backoff } from '../net/backoff.ts'
import type { FilterClient } from '../protocols/filter/client.ts'
import { maxContentTopicsPerRequest } from '../protocols/filter/limits.ts'
import type { Log } from '../telemetry/log.ts'
import { isBusy } from './busy.ts'
import { noTopics, type TopicSets, without } from './topic-sets.ts'

/** How often the node is asked whether it still knows us: 12/WAKU2-FILTER, once a minute. */
export const pingInterval: Milliseconds = 60_000

/** Between two attempts at a node that does not take our subscriptions. */
const waits: Backoff = { first: 1000, most: 60_000 }

export interface FollowerParts {
  readonly peer: PeerId
  readonly client: Pick<FilterClient, 'subscribe' | 'unsubscribe' | 'ping'>
  readonly schedule: Schedule
  readonly log: Log
  /** Told when an attempt has ended, well or not. */
  readonly settled: () => void
}

/** `untried`: no attempt has ended since it was reached. `whole`: it has what we wanted, and what changed since is under way. */
export type FollowerState = 'away' | 'untried' | 'whole' | 'broken'

export class Follower {
  readonly #parts: FollowerParts
  #state: FollowerState = 'away'
  #wanted: TopicSets = noTopics
  /** What the node may hold. */
  readonly #held = new Map<string, Set<string>>()
  /** Of that, what it has taken since we were last in doubt about all of it. */
  readonly #taken = new Map<string, Set<string>>()
  /** Aborted when the node is lost. */
  #reached = new AbortController()
  #isWorking = false
  /** An attempt for what was wanted last has not ended. */
  #isBehind = false
  /** There is something to do when what is under way has ended. */
  #due = false
  #failures = 0
  #cancel: () => void = () => {}

  constructor(parts: FollowerParts) {
    this.#parts = parts
  }

  get state(): FollowerState {
    return this.#state
  }

  /** False while what is wanted is still to be asked for. */
  get isCurrent(): boolean {
    return this.#state === 'away' || !this.#isBehind
  }

  /** The node can be asked and is to hold exactly these. */
  want(wanted: TopicSets): void {
    const isNew = this.#state === 'away'
    if (!isNew && wanted === this.#wanted) return
    this.#wanted = wanted
    this.#isBehind = true
    if (isNew) this.#begin()
    this.#wake()
  }

  /** The node has gone. */
  lose(): void {
    this.#state = 'away'
    this.#cancel()
    this.#reached.abort()
  }

  #begin(): void {
    this.#state = 'untried'
    this.#taken.clear()
    this.#failures = 0
    this.#reached = new AbortController()
  }

  #wake(): void {
    this.#cancel()
    this.#due = true
    if (!this.#isWorking) void this.#work()
  }

  /** One request at a time, so that the last word is the last that is wanted. */
  async #work(): Promise<void> {
    this.#isWorking = true
    while (this.#due && this.#state !== 'away') {
      this.#due = false
      await this.#attempt()
    }
    this.#isWorking = false
  }

  async #attempt(): Promise<void> {
    const { signal } = this.#reached
    const before = this.#missing().length
    try {
      await this.#bring(signal)
      if (signal.aborted) return
      this.#failures = 0
      this.#ended('whole', pingInterval)
    } catch (error) {
      if (signal.aborted) return
      const { peer, log } = this.#parts
      log.debug({ peer: peer.toString(), reason: messageOf(error) }, 'node does not take our subscriptions')
      this.#doubt(error, before)
      const isWhole = isBusy(error) && this.#missing().length === 0
      this.#ended(isWhole ? 'whole' : 'broken', backoff(this.#failures++, waits))
    }
  }

  /** One that was asked too often has not forgotten what it took, and is asked soon for what is left of `before` pieces. */
  #doubt(error: unknown, before: number): void {
    if (!isBusy(error)) this.#taken.clear()
    else if (this.#missing().length < before) this.#failures = 0
  }

  #ended(state: FollowerState, next: Milliseconds): void {
    this.#state = state
    if (!this.#due) {
      this.#isBehind = false
      this.#cancel = this.#parts.schedule(() => this.#wake(), next)
    }
    this.#parts.settled()
  }

  /** Takes back what is too much, asks for what is missing; a ping where there is neither. */
  async #bring(signal: AbortSignal): Promise<void> {
    const { peer, client } = this.#parts
    const wanted = this.#wanted
    const surplus = [...without(this.#held, wanted, maxContentTopicsPerRequest)]
    const missing = this.#missing()
    if (surplus.length + missing.length === 0 && wanted.size > 0) return await client.ping(peer, { signal })
    for (const topics of surplus) await this.#unsubscribe(topics, signal)
    await this.#subscribe(missing, signal)
  }

  /** What is wanted and was not taken, in pieces that requests carry. */
  #missing(): readonly Topics[] {
    return [...without(this.#wanted, this.#taken, maxContentTopicsPerRequest)]
  }

  /** Where the node refuses some, the others are asked for all the same, unless it was asked too often. */
  async #subscribe(pieces: readonly Topics[], signal: AbortSignal): Promise<void> {
    const { peer, client } = this.#parts
    let refused: unknown
    for (const piece of pieces) {
      add(this.#held, piece)
      try {
        await client.subscribe(peer, piece.pubsubTopic, piece.contentTopics, { signal })
        add(this.#taken, piece)
      } catch (error) {
        if (!isWaypostError(error, 'client/refused') || isBusy(error)) throw error
        refused ??= error
      }
    }
    if (refused !== undefined) throw refused
  }

  /** A node that refuses does not know of it: it has forgotten us. One that was asked too often is asked again. */
  async #unsubscribe(piece: Topics, signal: AbortSignal): Promise<void> {
    remove(this.#taken, piece)
    try {
      await this.#parts.client.unsubscribe(this.#parts.peer, piece.pubsubTopic, piece.contentTopics, { signal })
    } catch (error) {
      if (!isWaypostError(error, 'client/refused') || isBusy(error)) throw error
    }
    remove(this.#held, piece)
  }
}

function add(sets: Map<string, Set<string>>, { pubsubTopic, contentTopics }: Topics): void {
  const set = sets.get(pubsubTopic) ?? new Set()
  for (const topic of contentTopics) set.add(topic)
  sets.set(pubsubTopic, set)
}

function remove(sets: Map<string, Set<string>>, { pubsubTopic, contentTopics }: Topics): void {
  const set = sets.get(pubsubTopic)
  for (const topic of contentTopics) set?.delete(topic)
  if (set?.size === 0) sets.delete(pubsubTopic)
}
