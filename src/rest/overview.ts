/**
 * What an operator wants to know of a node at a glance, as one document: `/waypost/v1/overview`, from which the page at
 * `/` is drawn. Of others it holds what they call themselves and how many they are; no peer id, no address, no content
 * topic.
 *
 * The page imports this file, so it needs nothing of Node.
 */
import type { AttentionLevel } from '../telemetry/recent-lines.ts'

/** As in `/health`: states in nwaku's words. */
export interface HealthOverview {
  readonly node: string
  readonly protocols: readonly { readonly protocol: string; readonly state: string; readonly desc?: string }[]
}

/** A number of peers, under a name. */
export interface Count {
  readonly name: string
  readonly count: number
}

export interface ShardOverview {
  readonly pubsubTopic: string
  readonly shard: number
  /** Peers that follow it, and those of them in the gossip mesh. */
  readonly peers: number
  readonly mesh: number
}

export interface PeersOverview {
  readonly connected: number
  /** Connections at the most. */
  readonly limit: number
  readonly byDirection: readonly Count[]
  readonly byTransport: readonly Count[]
  /** What they serve or ask for; a peer counts under each. */
  readonly byProtocol: readonly Count[]
  /** What they call themselves. */
  readonly byAgent: readonly Count[]
}

export interface StoreOverview {
  readonly state: 'ready' | 'degraded' | 'closed'
  /** Why it is degraded. */
  readonly why?: string
  readonly messages: number
  readonly bytes: number
  /** Messages on their way to the disk. */
  readonly waiting: number
  /** How long messages are kept, in the words of the setting. */
  readonly retention: string
  /** When the oldest and the newest message were sent, in milliseconds. */
  readonly oldest?: number
  readonly newest?: number
}

export interface FilterOverview {
  readonly subscribers: number
  readonly limit: number
  readonly criteria: number
}

export interface DiskOverview {
  readonly free: number
  readonly size: number
}

export interface WarningOverview {
  readonly level: AttentionLevel
  readonly part: string
  readonly message: string
  readonly detail: string
  readonly count: number
  readonly first: number
  readonly last: number
}

/** Since the start, by how they came or went. */
export interface MessagesOverview {
  readonly relay: number
  readonly lightpush: number
  readonly rest: number
  /** Handed to filter subscribers. */
  readonly pushed: number
  /** Not pushed: a queue was full, or a subscriber was gone. */
  readonly notPushed: number
  readonly storeQueries: number
  /** From gossip, and refused. */
  readonly refused: number
}

/** The figures that have a history; `null` where there was nothing to measure. */
export const historyFigures = {
  /** Messages a second that came: by gossip, by light push, by REST. */
  relay: 'mean',
  lightpush: 'mean',
  rest: 'mean',
  /** Messages a second handed to filter subscribers, and store queries a second. */
  pushed: 'mean',
  storeQueries: 'mean',
  peers: 'last',
  subscribers: 'last',
  storeMessages: 'last',
  storeBytes: 'last',
  /** Bytes of the process in memory. */
  memory: 'last',
  /** Milliseconds: the longest that anything waited for its turn. */
  delay: 'most',
} as const

export type HistoryFigure = keyof typeof historyFigures

export interface HistoryOverview {
  /** Milliseconds between two samples. */
  readonly interval: number
  /** When each was taken; the oldest first. */
  readonly times: readonly number[]
  readonly values: Readonly<Record<HistoryFigure, readonly (number | null)[]>>
}

export interface Overview {
  /** The time by the clock of the node. */
  readonly now: number
  readonly version: string
  /** `node 26.10.0` */
  readonly runtime: string
  readonly startedAt: number
  readonly health: HealthOverview
  /** Absent while the node starts, as all that stands below. */
  readonly running?: RunningOverview
  readonly warnings: { readonly total: number; readonly recent: readonly WarningOverview[] }
  readonly history: HistoryOverview
}

export interface RunningOverview {
  readonly peerId: string
  readonly addresses: readonly string[]
  readonly cluster: number
  readonly memory: number
  readonly messages: MessagesOverview
  readonly peers: PeersOverview
  /** Absent when the node does not relay. */
  readonly shards?: readonly ShardOverview[]
  readonly store?: StoreOverview
  readonly filter?: FilterOverview
  /** Of the data folder; absent when it cannot be measured. */
  readonly disk?: DiskOverview
  /** When the certificate of the secure WebSocket ends. */
  readonly certificateEnds?: number
  /** Orders of a certificate that failed, in a row; absent when the node orders none. */
  readonly certificateFailures?: number
  /** What peers found when they tried to dial the node. */
  readonly reached: 'unknown' | 'public' | 'private'
  /** Milliseconds by which the clocks of others are ahead of ours; absent while there are too few to tell. */
  readonly clockOffset?: number
}

/** Which part of the history is wanted. */
export interface OverviewQuery {
  /** Milliseconds back from now. */
  readonly range: number
  /** Only samples later than this, in milliseconds. */
  readonly since: number
}

export interface OverviewService {
  overview(query: OverviewQuery): Promise<Overview>
}
