/** What all peers of MVDS have here together: many peers must not make us hold what each alone may. */

export interface TotalLimits {
  /** Messages, and bytes of them, on their way. A message to a private group is one for each of its members. */
  readonly totalPending: number
  readonly totalPendingBytes: number
  /** Messages that are asked for. */
  readonly totalWanted: number
  /** Messages that are remembered. */
  readonly totalSeen: number
}

export const totalLimits: TotalLimits = {
  totalPending: 131_072,
  totalPendingBytes: 256 * 1024 * 1024,
  totalWanted: 16_384,
  totalSeen: 262_144,
}

/** Counted by each `PeerSync` as its own change. */
export interface Totals {
  pending: number
  pendingBytes: number
  wanted: number
  seen: number
}
