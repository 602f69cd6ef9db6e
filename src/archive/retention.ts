/** How long messages are kept: by age, by count, by size, whichever deletes more. Deletes in small steps, oldest first. */
import { messageOf } from '../core/errors.ts'
import { type Clock, type Milliseconds, type Schedule, toNanoseconds } from '../core/time.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { type Amount, minus, nothing, type PruneLimits, plus } from './backend.ts'

/** What to keep at the least. Without a limit everything is kept. */
export interface RetentionPolicy {
  readonly maxAge?: Milliseconds
  readonly maxMessages?: number
  /** Bytes on disk, counted as `storedBytes`. */
  readonly maxBytes?: number
}

/** What retention needs of an archive. */
export interface Prunable {
  readonly held: Amount
  prune(limits: PruneLimits, most: number): Promise<Amount>
  reclaim(): Promise<void>
}

/** Messages deleted in one step: a few milliseconds of the disk, between which messages are stored. */
const stepMessages = 200

/** Bytes deleted after which their room is given back to the disk: some tenths of a second of work that cannot stop. */
const reclaimBytes = 32 * 1024 * 1024

/** Time between two runs at the most. nwaku takes 30 minutes; a run that finds nothing costs nothing. */
const maxInterval: Milliseconds = 10 * 60_000

/** Time after which a run that failed is tried again, as nwaku. */
const retryAfter: Milliseconds = 60_000

/** How far above a limit the archive may grow before a run is due. With what comes meanwhile it stays below 10 %. */
const slack = 0.05

/** What `policy` wants deleted at `now`. */
export function pruneLimits({ maxAge, maxMessages, maxBytes }: RetentionPolicy, now: Milliseconds): PruneLimits {
  const before = maxAge === undefined ? undefined : toNanoseconds(now - maxAge)
  return { before, keepMessages: maxMessages, keepBytes: maxBytes }
}

/** True if `held` has grown so far beyond `policy` that a run should not wait for its time. */
export function isOverdue({ maxMessages, maxBytes }: RetentionPolicy, { messages, bytes }: Amount): boolean {
  return (
    (maxMessages !== undefined && messages > maxMessages * (1 + slack)) ||
    (maxBytes !== undefined && bytes > maxBytes * (1 + slack))
  )
}

/** Time from one run to the next under `policy`. */
export function runInterval({ maxAge }: RetentionPolicy): Milliseconds {
  return Math.max(1000, Math.min(maxInterval, (maxAge ?? Number.POSITIVE_INFINITY) * slack))
}

export interface RetentionOptions {
  readonly archive: Prunable
  readonly policy: RetentionPolicy
  readonly clock: Clock
  readonly schedule: Schedule
  readonly metrics: Metrics
  readonly log: Log
}

/** Applies a policy to an archive: at the start, every few minutes, and when the archive has outgrown it. */
export class Retention implements AsyncDisposable {
  readonly #options: RetentionOptions
  #policy: RetentionPolicy
  #running: Promise<void> | undefined
  #cancel = () => {}
  #stopped = false

  constructor(options: RetentionOptions) {
    this.#options = options
    this.#policy = options.policy
  }

  /** Another policy from now on, applied at once. */
  async change(policy: RetentionPolicy): Promise<void> {
    this.#policy = policy
    // A run that is under way has the limits of the old one.
    await this.#running
    if (!this.#stopped) await this.run()
  }

  /** Runs now, unless a run is under way. Resolves when the run has ended, well or not. */
  run(): Promise<void> {
    this.#running ??= this.#runOnce().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  /** To be told after each change of what is held. */
  notice(held: Amount): void {
    if (!this.#stopped && isOverdue(this.#policy, held)) void this.run()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    this.#cancel()
    await this.#running
  }

  async #runOnce(): Promise<void> {
    this.#cancel()
    const next = await this.#prune()
    if (!this.#stopped) this.#cancel = this.#options.schedule(() => void this.run(), next)
  }

  /** Deletes what is surplus, and says when to come back. */
  async #prune(): Promise<Milliseconds> {
    const { clock, metrics, log } = this.#options
    const policy = this.#policy
    try {
      const { messages } = await this.#pruneSteps(pruneLimits(policy, clock()))
      if (messages > 0) log.debug({ messages }, 'old messages deleted')
      return runInterval(policy)
    } catch (error) {
      metrics.waku_archive_errors_total.inc({ type: 'retpolicy_failure' })
      log.debug({ why: messageOf(error) }, 'retention failed')
      return retryAfter
    }
  }

  async #pruneSteps(limits: PruneLimits): Promise<Amount> {
    const { archive, metrics } = this.#options
    let pruned = nothing
    let reclaimed = nothing
    while (!this.#stopped) {
      const step = await archive.prune(limits, stepMessages)
      metrics.waypost_archive_pruned_messages_total.inc(step.messages)
      pruned = plus(pruned, step)
      const isDone = step.messages === 0
      const { bytes } = minus(pruned, reclaimed)
      if (bytes >= reclaimBytes || (isDone && bytes > 0)) {
        await archive.reclaim()
        reclaimed = pruned
      }
      if (isDone) break
    }
    return pruned
  }
}
