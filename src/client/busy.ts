/** Nodes that are asked more often than they like, and how we wait for them. */
import { setTimeout as delay } from 'node:timers/promises'
import { isWaypostError } from '../core/errors.ts'
import { type Backoff, backoff } from '../net/backoff.ts'

/** What each protocol answers above a node's limit: HTTP's "too many requests". */
export const tooManyRequests = 429

/** Our own node gives a client its next turns within seconds, go-waku one in each second. */
const pauses: Backoff = { first: 1000, most: 10_000 }

/** True when a node has refused only because it was asked too often: it knows us still, and takes the same later. */
export function isBusy(error: unknown): boolean {
  return isWaypostError(error, 'client/refused') && error.data.status === tooManyRequests
}

/** The pause after `earlier` others. Ends at once, and without an error, when `signal` is aborted. */
export async function pause(earlier: number, signal: AbortSignal): Promise<void> {
  await delay(backoff(earlier, pauses), undefined, { signal }).catch(() => {})
}
