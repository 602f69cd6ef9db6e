/**
 * The parameters of gossipsub: nwaku's and go-waku's, which agree
 * (https://github.com/waku-org/nwaku/blob/7d1c6abaacba/waku/waku_relay/protocol.nim). Both routers obey them.
 */

const second = 1000
const minute = 60 * second

/** The mesh of a topic and the gossip around it. Times in milliseconds. */
export const mesh = {
  /** Peers that a mesh should have (D), and between which numbers it is left alone (Dlo, Dhi). */
  degree: 6,
  low: 4,
  high: 8,
  /** Of a mesh that is cut down, those that stay for their score (Dscore), and those that we dialled (Dout). */
  byScore: 6,
  outbound: 3,
  /** Peers that are told of messages beside the mesh: so many (Dlazy), or this share of all. */
  lazy: 6,
  gossipFactor: 0.25,
  heartbeat: second,
  /** Heartbeats for which a message can be asked for, and for which it is told of. */
  history: 6,
  gossipHistory: 3,
  fanoutLifetime: minute,
  seenLifetime: 2 * minute,
  pruneBackoff: minute,
  unsubscribeBackoff: 5 * second,
} as const

/** P1 time in mesh, P2 first deliveries, P4 invalid messages (squared: one costs 100, two within a decay 400). P3 is off. */
export const topicScores = {
  timeInMeshWeight: 0.01,
  timeInMeshQuantum: second,
  timeInMeshCap: 10,
  firstDeliveriesWeight: 1,
  firstDeliveriesDecay: 0.5,
  firstDeliveriesCap: 10,
  invalidWeight: -100,
  invalidDecay: 0.5,
} as const

/** P6 connections of one address, P7 misbehaviour (squared), and what becomes of those who score low. P5 is off. */
export const scores = {
  colocationWeight: -50,
  behaviourWeight: -10,
  behaviourDecay: 0.986,
  decayInterval: 12 * second,
  /** A count that decays below it is none. */
  decayToZero: 0.01,
  /** How long the score of a peer that left is kept, if it is not above zero. */
  retention: 10 * minute,
  /** Below it no gossip is exchanged with a peer. */
  gossipThreshold: -100,
  /** Below it nothing of our own is published to a peer. */
  publishThreshold: -1000,
  /** Below it nothing that a peer sends is read. */
  graylistThreshold: -10_000,
  /** A mesh whose median is below it takes in better peers. */
  opportunisticGraftThreshold: 0,
} as const

/** The weight of P6 for a limit of connections from one address; 0 turns it off. */
export function colocationWeight(limit: number): number {
  return limit === 0 ? 0 : scores.colocationWeight
}

export type DropReason = 'queue' | 'validation'

export interface RouterOptions {
  /** Every topic that this node may follow; peers' subscriptions to others are not even remembered. */
  readonly topics: Iterable<string>
  readonly maxMessageBytes: number
  /** The ids that are spoken, the preferred one first; all of relay's unless given. */
  readonly protocols?: readonly string[]
  /** Connections of one address from which their score falls; 0 turns the rule off (`--ip-colocation-limit`). */
  readonly colocationLimit: number
  /** True for addresses that many peers share for good reason: loopback and trusted proxies. */
  readonly sharedAddress: (ip: string) => boolean
  /** Sees each message before it is judged, duplicates too. */
  readonly onMessage: (topic: string, bytes: number) => void
  /**
   * Told of messages and other frames that were dropped: `queue`: a peer does not read fast enough; `validation`: too many
   * wait for validators. The stock router does not tell.
   */
  readonly onDrop?: (why: DropReason, count: number) => void
}
