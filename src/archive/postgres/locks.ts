/**
 * What nodes that share a database do one at a time. Each lock belongs to a transaction and ends with it, whatever
 * becomes of the node: a lock of a session would stay with a pooled connection.
 */

/** The first key of all our advisory locks: "WAYP". */
const family = 0x57415950

export const locks = { schema: 1, partitions: 2, retention: 3 } as const

type Lock = (typeof locks)[keyof typeof locks]

/** Waits until the transaction has the lock. */
export function lockText(lock: Lock): string {
  return `select pg_advisory_xact_lock(${family}, ${lock})`
}

/** Takes the lock if no other node has it, and says so. */
export function tryLockText(lock: Lock): string {
  return `select pg_try_advisory_xact_lock(${family}, ${lock})`
}
