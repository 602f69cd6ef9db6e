/** What becomes of a message that a client hands to this node, by light push or by REST. */
import type { Envelope } from './envelope.ts'

export type Published =
  /** Relayed: `peers` is how many relay peers got it, or have it already. At least 1. */
  | { readonly outcome: 'relayed'; readonly peers: number; readonly envelope: Envelope }
  /** Valid, delivered to our own store and filter subscribers, but no relay peer was there to take it. */
  | { readonly outcome: 'no-peers'; readonly envelope: Envelope }
  /** Refused by a validator, with its reason. */
  | { readonly outcome: 'invalid'; readonly reason: string }
  /** The encoded message is larger than this network allows. */
  | { readonly outcome: 'too-large'; readonly reason: string }
  /** No pubsub topic was given and none follows: this network is statically sharded, or the content topic is not valid. */
  | { readonly outcome: 'no-topic'; readonly reason: string }
  /** The pubsub topic is none of ours. */
  | { readonly outcome: 'unsupported-topic'; readonly reason: string }
  /** This node does not relay. */
  | { readonly outcome: 'no-relay'; readonly reason: string }

/** Takes messages of clients. Settles when the local takers (archive, filter queues, caches) have the message too. */
export interface Publisher {
  /**
   * Publishes an encoded WakuMessage. Without a pubsub topic the shard follows from the content topic (autosharding).
   * Throws `message/malformed`, also for a `meta` above its limit, which nwaku's decoder does not let pass either;
   * every other outcome is a value.
   */
  publish(bytes: Uint8Array, pubsubTopic: string | undefined, from: 'lightpush' | 'rest'): Promise<Published>
}
