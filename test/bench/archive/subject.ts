/** What the archive bench asks of each way to keep messages. */
import type { Envelope } from '../../../src/core/envelope.ts'

/** A page of a hundred, starting at `start`: of some content topics, of a pubsub topic, or of all. */
export interface PageQuery {
  readonly contentTopics?: readonly string[]
  readonly pubsubTopic?: string
  readonly start?: bigint
  readonly end?: bigint
  readonly backward?: boolean
  readonly hashes?: readonly string[]
  readonly presence?: boolean
}

export const pageMessages = 100

export interface Keeper {
  /** Stores messages as fast as it takes them; resolves when all are acknowledged. Others get their turn meanwhile. */
  insert(envelopes: readonly Envelope[]): Promise<void>
  /** Stores one message, and resolves when it is acknowledged. Absent: it takes groups only. */
  put?(envelope: Envelope): Promise<void>
  /** Stores messages of a file from elsewhere, as an operator imports them. Absent: it cannot. */
  import?(envelopes: readonly Envelope[]): Promise<void>
  /** How many messages a page has. Undefined: it cannot be asked for this. */
  page(query: PageQuery): Promise<number> | undefined
  /** Deletes the oldest, about `messages` of them, and gives their room back. Absent: it cannot. */
  forget?(messages: number): Promise<void>
  /** Messages that it holds, to check by. */
  held(): Promise<number>
  close(): Promise<void>
}

export interface KeeperKind {
  readonly name: string
  /** Opens what is in `folder`, for a history of so many messages. */
  open(folder: string, messages: number): Promise<Keeper>
}
