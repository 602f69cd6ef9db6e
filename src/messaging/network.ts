/** What the messaging library needs of a network. `waypost/client` is one over the protocols of Waku; a test's is another. */
import type { WakuMessage } from '../core/message.ts'
import type { Nanoseconds } from '../core/time.ts'

/** Content topics of one pubsub topic. */
export interface Topics {
  readonly pubsubTopic: string
  readonly contentTopics: readonly string[]
}

/** A message as the network handed it over: from anybody, in any order, more than once, or not at all. */
export interface Carried {
  readonly pubsubTopic: string
  readonly message: WakuMessage
}

/** What a network tells of itself. Neither call may throw. */
export interface NetworkEvents {
  /** A message of a topic that is followed. */
  message(carried: Carried): void
  /** It is reachable, for the first time or again: what stores hold from meanwhile is to be asked for. */
  online(): void
}

export interface Network {
  /** Who is told from now on: one at a time. */
  listen(events: NetworkEvents): void

  /** Follows exactly these, in place of what was followed before. A network that cannot be reached goes on trying. */
  follow(topics: readonly Topics[]): void

  /** Hands an encoded message over. Throws `messaging/no-network` when nobody took it: whoever called tries again. */
  publish(pubsubTopic: string, encoded: Uint8Array): Promise<void>

  /**
   * What stores hold from `from` to `to`, both inclusive, the oldest first: of one store, and of the next where that one fails.
   * Throws `messaging/no-network` when none answers to the end.
   */
  query(topics: Topics, from: Nanoseconds, to: Nanoseconds): AsyncIterable<Carried>
}
