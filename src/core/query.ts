/** What one can ask of history, and what one gets: 13/WAKU2-STORE without its wire form. */
import type { MessageHash } from './hash.ts'
import type { Nanoseconds } from './time.ts'

/** Messages of a page unless the request says otherwise, and at the most (nwaku's archive; 13/WAKU2-STORE leaves it open). */
export const defaultPageMessages = 20
export const maxPageMessages = 100

/** Bytes of messages in a page at the most. Clients cut frames above 4 MiB; hashes and topics need room beside them. */
export const maxPageBytes = 3 * 1024 * 1024

/** Content topics and hashes of one query at the most: the field's clients send up to 100 of either. */
export const maxQueryTopics = 100
export const maxQueryHashes = 100

export type Direction = 'forward' | 'backward'

/**
 * A question to history. All criteria given are combined; none given asks for everything. `start` and `end` are both
 * inclusive, as nwaku has them. The order is by timestamp, then hash.
 */
export interface Query {
  readonly pubsubTopic?: string
  /** Empty or absent: any. */
  readonly contentTopics?: readonly string[]
  readonly start?: Nanoseconds
  readonly end?: Nanoseconds
  /** Only these. Empty or absent: any. */
  readonly hashes?: readonly MessageHash[]
  /** The last message of the page before, in the direction of the query; not itself part of the answer. */
  readonly cursor?: MessageHash
  readonly direction: Direction
  /** Messages wanted; 1 to `maxPageMessages`. */
  readonly limit: number
  /** False: hashes only (a presence query). */
  readonly includeData: boolean
}

/** A stored message: its hash and, when the query wanted it, what was stored. */
export interface StoredMessage {
  readonly hash: MessageHash
  readonly data?: {
    readonly pubsubTopic: string
    /** The bytes as they were received. */
    readonly bytes: Uint8Array
  }
}

/** One page, oldest message first whatever the direction, and the cursor of the next one if there is more. */
export interface Page {
  readonly messages: readonly StoredMessage[]
  readonly cursor?: MessageHash
}

/** The limit of a page as asked on the wire: absent or 0 is the default, more than the most is the most. */
export function pageLimit(asked: bigint | number | undefined): number {
  if (asked === undefined || asked === 0 || asked === 0n) return defaultPageMessages
  return asked > maxPageMessages ? maxPageMessages : Number(asked)
}
