/** How long to wait before trying again: longer after each failure, and never the same for all who failed together. */
import type { Milliseconds } from '../core/time.ts'

export interface Backoff {
  /** The wait after no failure at all: a connection that was good and is lost. */
  readonly first: Milliseconds
  /** The wait doubles with each failure, up to this. */
  readonly most: Milliseconds
}

/** The wait after `failures` in a row: between half of it and all of it, by `random` (0 to 1). */
export function backoff(failures: number, { first, most }: Backoff, random: () => number = Math.random): Milliseconds {
  const full = Math.min(most, first * 2 ** failures)
  return full * (0.5 + random() / 2)
}
