/**
 * A database that may be away, with a spool on the disk of this machine in front of it.
 *
 * While the database takes no messages they are acknowledged once they are synced in the spool, and go over in their
 * order when it is back. Questions are put to the database alone: it has the answer, or there is none.
 */
import type { Envelope } from '../../core/envelope.ts'
import { isWaypostError, messageOf } from '../../core/errors.ts'
import type { MessageHash } from '../../core/hash.ts'
import { type Clock, type Milliseconds, type Schedule, systemClock, systemSchedule } from '../../core/time.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import {
  type Amount,
  type Backend,
  type Bounds,
  nothing,
  type Place,
  type PruneLimits,
  type Selection,
  type Slice,
  type Stat,
  type Trouble,
} from '../backend.ts'
import { portionMessages, type SpoolQueue } from './queue.ts'

/** Time until the database is tried again: doubled each time, up to the second. */
const firstRetry: Milliseconds = 500
const lastRetry: Milliseconds = 4000

export interface SpooledOptions {
  /** Its `recover` throws while it takes no messages. */
  readonly database: Backend
  readonly spool: SpoolQueue
  /** True when the database refused the messages themselves, which it would again. */
  readonly isRefusal: (error: unknown) => boolean
  readonly metrics: Metrics
  readonly log: Log
  readonly clock?: Clock
  readonly schedule?: Schedule
}

/** Tries the database, and takes up what waits since the last time. Throws `archive/newer-schema`: that does not mend itself. */
export async function openSpooled(options: SpooledOptions): Promise<Backend> {
  const backend = new SpooledBackend(options)
  await backend.open()
  return backend
}

class SpooledBackend implements Backend {
  readonly shared = true
  readonly #options: SpooledOptions
  readonly #clock: Clock
  readonly #schedule: Schedule
  #away: Trouble | undefined
  /** While little waits, new messages go to the database: else it would never be less, as long as messages come. */
  #handsOver = false
  #known: Stat = nothing
  #closed = false
  #cancel = () => {}
  #returning: Promise<void> | undefined

  constructor(options: SpooledOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#schedule = options.schedule ?? systemSchedule
  }

  async open(): Promise<void> {
    const { database, spool, metrics } = this.#options
    metrics.waypost_archive_database_up.set({ database: 'postgres' }, 1)
    this.#showSpool()
    try {
      await database.recover()
      if (spool.messages > 0) this.#leave('messages wait in the spool', 0)
    } catch (error) {
      if (isWaypostError(error, 'archive/newer-schema')) throw error
      this.#leave(messageOf(error))
    }
  }

  /** Why messages go to the spool, and how many wait there. */
  trouble(): Trouble | undefined {
    if (this.#away === undefined) return undefined
    const { messages } = this.#options.spool
    return { ...this.#away, why: `the database takes no messages (${this.#away.why}); ${messages} wait in the spool` }
  }

  async put(envelopes: readonly Envelope[]): Promise<readonly Envelope[]> {
    const { database, isRefusal } = this.#options
    if (this.#away !== undefined && !this.#handsOver) return await this.#spool(envelopes)
    try {
      return await database.put(envelopes)
    } catch (error) {
      if (isRefusal(error)) throw error
      this.#leave(messageOf(error))
      return await this.#spool(envelopes)
    }
  }

  locate(hash: MessageHash): Promise<Place | undefined> {
    return this.#options.database.locate(hash)
  }

  scan(selection: Selection, bounds: Bounds): Promise<Slice> {
    return this.#options.database.scan(selection, bounds)
  }

  /** Retention that fails is tried again later; messages are taken meanwhile. */
  async prune(limits: PruneLimits, most: number): Promise<Amount> {
    if (this.#away !== undefined) return nothing
    return (await this.#attempt(() => this.#options.database.prune(limits, most))) ?? nothing
  }

  async reclaim(): Promise<void> {
    if (this.#away === undefined) await this.#attempt(() => this.#options.database.reclaim())
  }

  async stat(): Promise<Stat> {
    try {
      this.#known = await this.#options.database.stat()
    } catch {
      // What is known has to do until the database is back.
    }
    const { messages, bytes } = this.#options.spool
    return { ...this.#known, messages: this.#known.messages + messages, bytes: this.#known.bytes + bytes }
  }

  /** Throws while not even the spool takes messages. */
  async recover(): Promise<void> {
    if (this.#away !== undefined) await this.#options.spool.append([])
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#cancel()
    // What is cut off in between has its messages in the spool still.
    await Promise.all([this.#returning, this.#options.database.close()])
    await this.#options.spool.close()
  }

  async #spool(envelopes: readonly Envelope[]): Promise<readonly Envelope[]> {
    const { spool, metrics } = this.#options
    await spool.append(envelopes)
    metrics.waypost_archive_spooled_messages_total.inc(envelopes.length)
    this.#showSpool()
    return envelopes
  }

  #leave(why: string, delay: Milliseconds = firstRetry): void {
    this.#handsOver = false
    if (this.#away !== undefined) return
    this.#away = { why, since: this.#clock() }
    this.#options.metrics.waypost_archive_database_up.set({ database: 'postgres' }, 0)
    this.#options.log.error({ why }, 'database away, messages go to the spool')
    this.#returnIn(delay)
  }

  #returnIn(delay: Milliseconds): void {
    if (this.#closed) return
    this.#cancel = this.#schedule(() => {
      this.#returning = this.#return(delay)
    }, delay)
  }

  async #return(delay: Milliseconds): Promise<void> {
    const { database, metrics, log } = this.#options
    try {
      await database.recover()
      const drained = await this.#drain()
      if (this.#closed) return
      this.#away = undefined
      metrics.waypost_archive_database_up.set({ database: 'postgres' }, 1)
      log.info({ drained }, 'database back, the spool is empty')
    } catch (error) {
      if (this.#away !== undefined) this.#away = { ...this.#away, why: messageOf(error) }
      log.debug({ why: messageOf(error) }, 'database still away')
      this.#returnIn(Math.min(Math.max(firstRetry, delay * 2), lastRetry))
    } finally {
      this.#handsOver = false
    }
  }

  /** Hands over what waits, and what comes meanwhile, and says how much that was. */
  async #drain(): Promise<number> {
    const { database, spool } = this.#options
    let drained = 0
    while (spool.messages > 0 && !this.#closed) {
      this.#handsOver = spool.messages <= portionMessages
      const { envelopes, keys } = await spool.peek()
      if (keys.length === 0) continue
      await database.put(envelopes)
      await spool.remove(keys)
      drained += keys.length
      this.#showSpool()
    }
    return drained
  }

  async #attempt<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
    const { metrics, log } = this.#options
    try {
      return await work()
    } catch (error) {
      metrics.waku_archive_errors_total.inc({ type: 'retpolicy_failure' })
      log.warn({ why: messageOf(error) }, 'the database did not delete what is old')
      return undefined
    }
  }

  #showSpool(): void {
    const { spool, metrics } = this.#options
    metrics.waypost_archive_spool_messages.set(spool.messages)
    metrics.waypost_archive_spool_bytes.set(spool.bytes)
    metrics.waypost_archive_spool_used_ratio.set(spool.used)
  }
}
