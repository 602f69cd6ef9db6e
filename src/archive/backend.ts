/** What an archive writes to and reads from. Every backend passes test/archive/conformance.ts. */
import type { Envelope } from '../core/envelope.ts'
import type { MessageHash } from '../core/hash.ts'
import type { Query } from '../core/query.ts'
import type { Milliseconds, Nanoseconds } from '../core/time.ts'
import type { RetentionPolicy } from './retention.ts'

/** Where a message stands in history. The order is by timestamp, then by hash; no two messages share a place. */
export interface Place {
  readonly timestamp: Nanoseconds
  readonly hash: MessageHash
}

/** Which messages to walk through, and which way: the criteria of a query, starting behind the place `after`. */
export type Selection = Omit<Query, 'cursor' | 'limit' | 'includeData'> & { readonly after?: Place }

/** How far a walk goes. */
export interface Bounds {
  readonly includeData: boolean
  /** Messages wanted. */
  readonly messages: number
  /** Bytes of messages at the most when data is wanted; one message is given whatever its size. */
  readonly bytes: number
  /** Rows looked at, those that do not match included, at the most. */
  readonly rows: number
  /** Once true, the walk ends with what it has, if that is at least one message. */
  readonly expired: () => boolean
}

/** A message met on a walk. `data` is absent when it was not wanted, or when it is lost: an index names it, it is not there. */
export interface Row extends Place {
  readonly data?: { readonly pubsubTopic: string; readonly bytes: Uint8Array }
  /** What `isIntact` says of it, from a backend that looked while others were read. */
  readonly intact?: boolean
}

/** What a walk met, in the direction of the walk. */
export interface Slice {
  readonly rows: readonly Row[]
  /** The last place looked at, when the bounds ended the walk before the selection did. */
  readonly stoppedAt?: Place
}

/** An amount of messages, and the bytes that they take: `storedBytes` of each. */
export interface Amount {
  readonly messages: number
  readonly bytes: number
}

export const nothing: Amount = { messages: 0, bytes: 0 }

export function plus(a: Amount, b: Amount): Amount {
  return { messages: a.messages + b.messages, bytes: a.bytes + b.bytes }
}

export function minus(a: Amount, b: Amount): Amount {
  return { messages: a.messages - b.messages, bytes: a.bytes - b.bytes }
}

/** What `envelopes` take. */
export function amountOf(envelopes: readonly Envelope[]): Amount {
  return { messages: envelopes.length, bytes: envelopes.reduce((sum, { bytes }) => sum + storedBytes(bytes.length), 0) }
}

/** What a backend holds. */
export interface Stat extends Amount {
  readonly oldest?: Place
  readonly newest?: Place
}

/** Which messages to delete, oldest first: as long as one of these holds for the oldest. */
export interface PruneLimits {
  /** Its timestamp is earlier. */
  readonly before?: Nanoseconds
  /** So many messages are left without it. */
  readonly keepMessages?: number
  /** So many bytes are left without it. */
  readonly keepBytes?: number
}

/** True if `limits` want a message of `bytes` stored bytes deleted, the oldest of what is `held`. */
export function isSurplus(
  { before, keepMessages, keepBytes }: PruneLimits,
  held: Amount,
  timestamp: Nanoseconds,
  bytes: number,
): boolean {
  return (
    (before !== undefined && timestamp < before) ||
    (keepMessages !== undefined && held.messages > keepMessages) ||
    (keepBytes !== undefined && held.bytes - bytes >= keepBytes)
  )
}

/** How long the place of a deleted message is kept, so that a client who pages with it as cursor can go on. */
export const cursorGrace: Milliseconds = 3_600_000

/** Why a backend does not work as it should, though it takes messages; `since` is when that began. */
export interface Trouble {
  readonly why: string
  readonly since: Milliseconds
}

/** Messages that were acknowledged and are not there any more. */
export interface Loss {
  readonly messages: number
  /** Their timestamps lie between these, as far as it is known. */
  readonly from: Nanoseconds
  readonly to: Nanoseconds
}

export interface Backend {
  /** Other nodes write to it and delete from it too. */
  readonly shared?: boolean
  /** Why messages are taken in another way than they should. Undefined or absent: all is well. */
  trouble?(): Trouble | undefined
  /** What was found damaged since it was opened, so that a part of it cannot be read. Undefined or absent: nothing. */
  damage?(): Trouble | undefined
  /**
   * Writes `envelopes` to disk, all or none, and gives those that were new. Each has a timestamp; none is in it twice,
   * nor in another put under way.
   */
  put(envelopes: readonly Envelope[]): Promise<readonly Envelope[]>
  /** Where a message stands or, when it was deleted within `cursorGrace`, stood. */
  locate(hash: MessageHash): Promise<Place | undefined>
  /** The messages of a selection as they are at one moment. */
  scan(selection: Selection, bounds: Bounds): Promise<Slice>
  /**
   * Deletes the oldest and says how much that was; 0 messages: `limits` hold. At most `most` messages, unless they go as
   * a whole, which costs nothing for each.
   */
  prune(limits: PruneLimits, most: number): Promise<Amount>
  /** Another policy holds from now on: a backend that deletes in pieces makes new ones as small as it needs. */
  keep?(policy: RetentionPolicy): void
  /** After pruning: gives the room back to the disk, and forgets places older than `cursorGrace`. */
  reclaim(): Promise<void>
  stat(): Promise<Stat>
  /** What is known to be lost, of a backend that knows what it acknowledged. */
  losses?(): Promise<readonly Loss[]>
  /** After a failed `put`: makes the backend fit for writing again. Throws as long as what failed still fails. */
  recover(): Promise<void>
  close(): Promise<void>
}

/** Bytes that keys, topic and indices of one message take on disk beside the message: measured by test/bench/archive.ts. */
export const rowBytes = 140

/** Bytes that a message of `length` bytes takes in the archive; retention by size counts in these. */
export function storedBytes(length: number): number {
  return length + rowBytes
}
