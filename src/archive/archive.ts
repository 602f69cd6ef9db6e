/**
 * The archive: keeps envelopes and answers queries.
 *
 * A message is acknowledged when it is on disk. One that is stored is served as the bytes that came, or not at all.
 * When the disk or the database fails the archive is degraded: it refuses messages, answers as long as it can read,
 * and comes back by itself. Nothing here throws into relay.
 */
import type { Envelope } from '../core/envelope.ts'
import { isWaypostError, messageOf, WaypostError } from '../core/errors.ts'
import type { Page, Query } from '../core/query.ts'
import {
  type Clock,
  type Milliseconds,
  type Nanoseconds,
  type Schedule,
  systemClock,
  systemSchedule,
} from '../core/time.ts'
import { parsePubsubTopic } from '../core/topics.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import {
  type Amount,
  amountOf,
  type Backend,
  type Loss,
  minus,
  type PruneLimits,
  plus,
  type Trouble,
} from './backend.ts'
import { type CommitLimits, GroupCommit } from './commit.ts'
import type { DiskGuard, DiskLimits } from './disk.ts'
import { type Ineligible, ineligible, type Source } from './eligibility.ts'
import { defaultQueryBudget, type QueryBudget, readPage } from './page.ts'
import { Retention, type RetentionPolicy } from './retention.ts'

export interface ArchiveOptions {
  readonly backend: Backend
  readonly metrics: Metrics
  readonly log: Log
  /** What to keep; everything if absent. */
  readonly retention?: RetentionPolicy
  readonly commit?: CommitLimits
  readonly budget?: QueryBudget
  /** Keeps its disk from filling up; closed with the archive. */
  readonly disk?: DiskGuard
  readonly clock?: Clock
  readonly schedule?: Schedule
}

/** How an archive is. `messages` are those on disk, `losses` those that were and are not. */
export type ArchiveStatus = {
  readonly messages: number
  readonly bytes: number
  readonly waiting: number
  readonly losses: readonly Loss[]
} & (
  | { readonly state: 'ready' | 'closed' }
  | { readonly state: 'degraded'; readonly why: string; readonly since: Milliseconds }
)

/** Time until a degraded archive tries to write again: doubled with each failure, up to the second. */
const firstRetry: Milliseconds = 1000
const lastRetry: Milliseconds = 30_000

/** How often what is held is counted anew where other nodes store and delete too. */
const recountInterval: Milliseconds = 30_000

/** The name of a refusal in `waku_archive_errors_total`; nwaku takes a missing timestamp for 0. */
const refusals = {
  'too-old': 'invalid_message_too_old',
  'no-timestamp': 'invalid_message_too_old',
  'in-the-future': 'invalid_message_future_timestamp',
} as const

/** An archive on an open backend, which it closes with itself, or when it cannot be read. */
export async function openArchive(options: ArchiveOptions): Promise<Archive> {
  try {
    const { messages, bytes } = await options.backend.stat()
    const archive = new Archive(options, { messages, bytes })
    await archive.findLosses()
    await options.disk?.start(() => archive.showDegraded())
    return archive
  } catch (error) {
    await options.backend.close().catch(() => {})
    throw error
  }
}

export class Archive implements AsyncDisposable {
  readonly #backend: Backend
  readonly #metrics: Metrics
  readonly #log: Log
  readonly #clock: Clock
  readonly #schedule: Schedule
  readonly #commit: GroupCommit
  readonly #budget: QueryBudget
  readonly #retention: Retention | undefined
  readonly #disk: DiskGuard | undefined
  #held: Amount
  #failure: { readonly why: string; readonly since: Milliseconds } | undefined
  #losses: readonly Loss[] = []
  #closed = false
  #cancelRetry = () => {}
  #cancelRecount = () => {}
  readonly #listeners = new Set<(envelopes: readonly Envelope[]) => void>()
  #recovering: Promise<void> | undefined

  /** Use `openArchive`. */
  constructor(options: ArchiveOptions, held: Amount) {
    const { backend, metrics, log, retention, commit, clock = systemClock, schedule = systemSchedule } = options
    this.#backend = backend
    this.#metrics = metrics
    this.#log = log
    this.#clock = clock
    this.#schedule = schedule
    this.#commit = new GroupCommit((envelopes, since) => this.#write(envelopes, since), commit)
    this.#budget = options.budget ?? defaultQueryBudget
    this.#disk = options.disk
    this.#held = held
    this.#showHeld()
    if (backend.shared) this.#recountLater()
    if (retention !== undefined) {
      this.#retention = new Retention({ archive: this, policy: retention, clock, schedule, metrics, log })
      void this.#retention.run()
    }
  }

  /** What is on disk. */
  get held(): Amount {
    return this.#held
  }

  status(): ArchiveStatus {
    const figures = { ...this.#held, waiting: this.#commit.waiting, losses: this.#losses }
    if (this.#closed) return { ...figures, state: 'closed' }
    const trouble = this.#seriousTrouble ?? this.#backend.trouble?.()
    return trouble === undefined ? { ...figures, state: 'ready' } : { ...figures, state: 'degraded', ...trouble }
  }

  /**
   * Stores a message: resolves with `stored` when it is on disk, also if it was there before, or with the reason why
   * the archive does not keep it. Throws `archive/unavailable` and `archive/full`.
   */
  async put(envelope: Envelope, source: Source = 'live'): Promise<'stored' | Ineligible> {
    const refusal = ineligible(envelope, this.#clock(), source)
    if (refusal !== undefined) return this.#refuse(refusal)
    this.#checkRoom()
    const stored = this.#commit.add(envelope)
    if (stored === undefined) throw new WaypostError('archive/full', { waiting: this.#commit.waiting })
    await stored
    return 'stored'
  }

  /** Stores a message for somebody who does not wait (gossip). What cannot be stored is counted. */
  offer(envelope: Envelope): void {
    this.put(envelope).catch((error: unknown) => {
      const reason = error instanceof WaypostError && error.code === 'archive/full' ? 'queue_full' : 'failed'
      this.#metrics.waypost_archive_dropped_messages_total.inc({ reason })
    })
  }

  /**
   * The messages that `query` asks for, oldest first. Throws `archive/unknown-cursor`, and `archive/unavailable` when the
   * database cannot be read. A page may end before the limit, with a cursor for the rest: at `maxPageBytes`, or when
   * the query has cost what one query may cost.
   */
  async query(query: Query): Promise<Page> {
    if (this.#closed) throw unavailable('it is closed')
    const stop = this.#metrics.waku_archive_query_duration_seconds.startTimer()
    try {
      const damaged = () => this.#metrics.waypost_archive_damaged_messages_total.inc()
      return await readPage(this.#backend, query, damaged, this.#budget)
    } catch (error) {
      throw isWaypostError(error, 'archive/unknown-cursor') ? error : unavailable(messageOf(error), error)
    } finally {
      stop()
    }
  }

  /** When the oldest and the newest message were sent; neither when there is none. Throws when the database cannot be read. */
  async span(): Promise<{ readonly oldest?: Nanoseconds; readonly newest?: Nanoseconds }> {
    if (this.#closed) return {}
    const { oldest, newest } = await this.#backend.stat()
    return { oldest: oldest?.timestamp, newest: newest?.timestamp }
  }

  /** Tells `listener` of each group of messages that is on disk, those that were there before included. */
  onStored(listener: (envelopes: readonly Envelope[]) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) }
  }

  /** Deletes at most `most` of the oldest messages that `limits` do not keep. */
  async prune(limits: PruneLimits, most: number): Promise<Amount> {
    this.#checkWritable()
    try {
      const pruned = await this.#backend.prune(limits, most)
      this.#held = minus(this.#held, pruned)
      this.#showHeld()
      return pruned
    } catch (error) {
      throw this.degrade(error)
    }
  }

  /** Another policy from now on. Without one from the start, everything is kept. */
  keep(policy: RetentionPolicy): void {
    this.#backend.keep?.(policy)
    void this.#retention?.change(policy)
  }

  /** Asks the backend what it knows to be lost. */
  async findLosses(): Promise<void> {
    this.#losses = (await this.#backend.losses?.()) ?? []
    const messages = this.#losses.reduce((sum, { messages }) => sum + messages, 0)
    this.#metrics.waypost_archive_lost_messages.set(messages)
    if (messages > 0) this.#log.warn({ messages }, 'stored messages are lost')
  }

  /** Other limits for its disk from now on. */
  async keepFree(limits: DiskLimits): Promise<void> {
    await this.#disk?.change(limits)
  }

  /** Gives the room of deleted messages back to the disk. */
  async reclaim(): Promise<void> {
    await this.#backend.reclaim()
    if (this.#losses.length > 0) await this.findLosses()
  }

  /** Writes what waits, and closes the backend. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#cancelRetry()
    this.#cancelRecount()
    await this.#retention?.[Symbol.asyncDispose]()
    await this.#disk?.[Symbol.asyncDispose]()
    await this.#disk?.relieve()
    await this.#commit.flush()
    await this.#recovering
    await this.#backend.close()
  }

  #refuse(refusal: Ineligible): Ineligible {
    if (refusal !== 'ephemeral') this.#metrics.waku_archive_errors_total.inc({ type: refusals[refusal] })
    return refusal
  }

  #checkWritable(): void {
    if (this.#closed) throw unavailable('it is closed')
    if (this.#failure !== undefined) throw unavailable(this.#failure.why)
  }

  /** Without room for messages there may still be enough to delete some. */
  #checkRoom(): void {
    this.#checkWritable()
    if (this.#disk?.trouble !== undefined) throw unavailable(this.#disk.trouble.why)
  }

  /** Shows whether it takes messages and can read what it holds. Damage is told by no event: to be called before the gauge is read. */
  showDegraded(): void {
    this.#metrics.waypost_archive_degraded.set(this.#seriousTrouble === undefined ? 0 : 1)
  }

  /** Why messages are not taken, or not all can be read; a spool that takes them is none of it. */
  get #seriousTrouble(): Trouble | undefined {
    return this.#failure ?? this.#disk?.trouble ?? this.#backend.damage?.()
  }

  /** One group commit. */
  async #write(envelopes: readonly Envelope[], since: Milliseconds): Promise<void> {
    await this.#disk?.spend(envelopes.reduce((sum, { bytes }) => sum + bytes.length, 0))
    const trouble = this.#failure ?? this.#disk?.trouble
    if (trouble !== undefined) throw unavailable(trouble.why)
    this.#showWaiting()
    try {
      const added = await this.#backend.put(envelopes)
      this.#metrics.waku_archive_insert_duration_seconds.observe((performance.now() - since) / 1000)
      this.#metrics.waypost_archive_commit_messages.observe(envelopes.length)
      this.#account(added)
      for (const listener of this.#listeners) listener(envelopes)
    } catch (error) {
      this.#metrics.waku_archive_errors_total.inc({ type: 'insert_failure' }, envelopes.length)
      throw this.degrade(error)
    }
  }

  #account(added: readonly Envelope[]): void {
    this.#held = plus(this.#held, amountOf(added))
    for (const [pubsubTopic, messages] of countTopics(added)) {
      const shard = parsePubsubTopic(pubsubTopic)?.shard
      if (shard !== undefined) this.#metrics.waku_archive_messages_per_shard.inc({ shard }, messages)
    }
    this.#showHeld()
    this.#showWaiting()
    this.#retention?.notice(this.#held)
  }

  /** Takes and, where it cannot be read, gives nothing until `recover` of the backend succeeds. */
  degrade(error: unknown): WaypostError {
    const why = messageOf(error)
    if (this.#failure === undefined) {
      this.#failure = { why, since: this.#clock() }
      this.showDegraded()
      this.#log.error({ why }, 'archive degraded')
      this.#retryIn(firstRetry)
    }
    return unavailable(why, error)
  }

  #retryIn(delay: Milliseconds): void {
    if (this.#closed) return
    this.#cancelRetry = this.#schedule(() => {
      this.#recovering = this.#recover(delay)
    }, delay)
  }

  async #recover(delay: Milliseconds): Promise<void> {
    try {
      await this.#disk?.relieve()
      await this.#backend.recover()
      const { messages, bytes } = await this.#backend.stat()
      this.#held = { messages, bytes }
      await this.findLosses()
      await this.#disk?.look()
      this.#failure = undefined
      this.showDegraded()
      this.#showHeld()
      if (this.#disk?.trouble === undefined) this.#log.info({ messages }, 'archive ready again')
    } catch (error) {
      if (this.#failure !== undefined) this.#failure = { ...this.#failure, why: messageOf(error) }
      this.#log.debug({ why: messageOf(error) }, 'archive still degraded')
      this.#retryIn(Math.min(delay * 2, lastRetry))
    }
  }

  #recountLater(): void {
    this.#cancelRecount = this.#schedule(() => void this.#recount(), recountInterval)
  }

  async #recount(): Promise<void> {
    try {
      const { messages, bytes } = await this.#backend.stat()
      this.#held = { messages, bytes }
      this.#showHeld()
      this.#retention?.notice(this.#held)
    } catch {
      // The next time will do.
    }
    if (!this.#closed) this.#recountLater()
  }

  #showHeld(): void {
    this.#metrics.waku_archive_messages.set({ type: 'stored' }, this.#held.messages)
    this.#metrics.waypost_archive_stored_bytes.set(this.#held.bytes)
  }

  #showWaiting(): void {
    this.#metrics.waypost_archive_pending_messages.set(this.#commit.waiting)
  }
}

/** How many messages there are of each pubsub topic. */
function countTopics(envelopes: readonly Envelope[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { pubsubTopic } of envelopes) counts.set(pubsubTopic, (counts.get(pubsubTopic) ?? 0) + 1)
  return counts
}

function unavailable(why: string, cause?: unknown): WaypostError {
  return new WaypostError('archive/unavailable', { why }, { cause })
}
