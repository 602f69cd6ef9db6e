/**
 * What bounds a peer of the router: what it may send at once, what is remembered of it, and for how long it is waited for.
 * The bounds in bytes, which follow from the largest message, are in ../limits.ts.
 */
import type { Milliseconds } from '../../../core/time.ts'

/** Bytes of a message id: sha256. */
export const idBytes = 32

/** Messages of one RPC that are looked at, as in js-libp2p. */
export const rpcMessages = 5000

/** Subscriptions of one RPC that are looked at: all 1,024 shards of a cluster, several times over. */
export const rpcSubscriptions = 5000

/** IHAVE, GRAFT and PRUNE entries of one RPC that are looked at: one for each shard. */
export const controlEntries = 1024

/** Ids that are looked at in one IHAVE or IWANT, told of in one IHAVE, and asked for in one heartbeat (v1.1, "MaxIHaveLength"). */
export const ihaveIds = 5000

/** RPCs with IHAVE, and with IWANT, that are answered in one heartbeat (v1.1, "MaxIHaveMessages"). */
export const ihavesPerHeartbeat = 10
export const iwantsPerHeartbeat = 10

/** Ids that a peer may say it does not want in one heartbeat (v1.2, "MaxIDontWantMessages" is for implementations to choose). */
export const idontwantIds = 512

/** How often one message is sent again to one peer that asks for it (v1.1, "gossip retransmission"). */
export const retransmissions = 3

/** How long a peer has to send what it said it had (v1.1, "IWantFollowupTime"). */
export const followUp: Milliseconds = 3000

/** A GRAFT so soon after a PRUNE costs twice (v1.1, "GraftFloodThreshold"). */
export const graftFlood: Milliseconds = 10_000

/** The longest time for which a peer may ask us to stay away: it names up to 2^64 seconds, which must be kept. */
export const longestBackoff: Milliseconds = 60 * 60_000

/** Peers of a topic whose time to stay away is remembered; the oldest are forgotten. */
export const rememberedBackoffs = 10_000

/** Scores below zero that are remembered of peers that left; the oldest are forgotten. */
export const rememberedScores = 10_000

/** Heartbeats between two looks for better peers, and how many are then taken in (v1.1, "opportunistic grafting"). */
export const opportunisticTicks = 60
export const opportunisticPeers = 2

/** Ids of messages remembered in one span of the seen cache: two minutes of 8,000 messages a second, 44 MiB. */
export const seenIds = 1 << 20

/** Bytes of the messages that can be asked for: six seconds of the largest shard (64/WAKU2-NETWORK: 10 Mbit/s), eightfold. */
export const cachedBytes = 64 * 1024 * 1024

/** Messages, and their bytes, that wait for a validator that does not answer at once. Above, a message is dropped. */
export const waitingMessages = 1024
export const waitingBytes = 32 * 1024 * 1024

/** How long a message waits for its validator: then it is dropped, and what the validator says counts no more. */
export const verdictTime: Milliseconds = 30_000

/** Frames that wait for one peer in one rank. */
export const outboundFrames = 8192

/** How long a peer may read nothing, or leave a frame unfinished. */
export const patience: Milliseconds = 30_000
