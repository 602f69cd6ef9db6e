/** What MVDS must not forget, as rows for whoever stores it. */
import type { Milliseconds } from '../../core/time.ts'

/** A peer as the storage names it: the 65 bytes of its key in hexadecimal digits. */
export type PeerName = string

/** A message's id in hexadecimal digits. */
export type SyncId = string

/** A message on its way to a peer, until the peer confirms it. */
export interface Pending {
  readonly kind: 'pending'
  readonly peer: PeerName
  readonly id: SyncId
  readonly groupId: Uint8Array
  /** Seconds. */
  readonly timestamp: bigint
  readonly body: Uint8Array
  readonly sends: number
  readonly dueAt: Milliseconds
}

/** A message that a peer has offered, until it comes. */
export interface Wanted {
  readonly kind: 'wanted'
  readonly peer: PeerName
  readonly id: SyncId
  readonly sends: number
  readonly dueAt: Milliseconds
}

/** A message that came, so that it is not taken twice. */
export interface Seen {
  readonly kind: 'seen'
  readonly peer: PeerName
  readonly id: SyncId
  readonly at: Milliseconds
}

export type SyncRecord = Pending | Wanted | Seen

/**
 * Where the rows are kept. Called while a method of DataSync runs: whoever stores them writes all of one call, and what
 * the call returned, in one transaction, before anything is sent.
 */
export interface SyncStore {
  /** Sets the row of this kind, peer and id. */
  put(record: SyncRecord): void
  remove(kind: SyncRecord['kind'], peer: PeerName, id: SyncId): void
}
