/**
 * The archive on LevelDB: partitions of history in one folder, for one process. Reads and writes run in the worker pool.
 *
 * A put goes through two lines: its records are begun to be written, and when they are synced they become visible. While
 * the disk is busy with one group, the next is made ready.
 */
import type { Envelope } from '../../core/envelope.ts'
import type { MessageHash } from '../../core/hash.ts'
import { type Clock, type Milliseconds, systemClock } from '../../core/time.ts'
import { type Log, silentLog } from '../../telemetry/log.ts'
import {
  type Amount,
  type Backend,
  type Bounds,
  nothing,
  type Place,
  type PruneLimits,
  plus,
  type Selection,
  type Slice,
  type Stat,
  type Trouble,
} from '../backend.ts'
import type { RetentionPolicy } from '../retention.ts'
import type { Gap } from './catalog.ts'
import { probeDisk } from './database.ts'
import { Line } from './line.ts'
import { lookUp } from './look-up.ts'
import { type Migrated, type MigrationOptions, migrate } from './migrate.ts'
import type { Partition } from './partition.ts'
import { type ArchiveParts, openParts } from './parts.ts'
import { decodePlace, placeRange, timeRange } from './place.ts'
import { append, enter } from './put.ts'
import { type PartitionLimits, partitionLimits } from './route.ts'
import { Walk } from './scan.ts'

export interface LevelOptions {
  readonly folder: string
  readonly clock?: Clock
  /** When a partition is full. Retention deletes whole ones. */
  readonly limits?: PartitionLimits
  /** Told of what takes long, bringing an archive of an earlier release to the present schema, and of damage. */
  readonly log?: Log
}

/**
 * Opens the archive in `folder`, makes it when there is none, and brings it to the present schema when it is of an earlier
 * one. Throws what `openDatabase` and `Catalog.open` throw.
 */
export async function openLevel({
  folder,
  clock = systemClock,
  limits = partitionLimits(),
  log = silentLog(),
}: LevelOptions): Promise<Backend> {
  const backend = new LevelBackend(folder, clock, limits, log)
  await backend.open()
  const told = throttled(({ messages }: Migrated) => log.info({ messages }, 'archive of an earlier release taken over'))
  try {
    await backend.migrate({ told })
    return backend
  } catch (error) {
    await backend.close()
    throw error
  }
}

/** Brings the archive in `folder` to the present schema, as opening it does, and closes it. */
export async function migrateLevel(
  { folder, clock = systemClock, limits = partitionLimits(), log = silentLog() }: LevelOptions,
  options: MigrationOptions,
): Promise<void> {
  const backend = new LevelBackend(folder, clock, limits, log)
  await backend.open()
  try {
    await backend.migrate(options)
  } finally {
    await backend.close()
  }
}

class LevelBackend implements Backend {
  readonly #folder: string
  readonly #clock: Clock
  readonly #log: Log
  #limits: PartitionLimits
  readonly #starting = new Line()
  readonly #ending = new Line()
  #opened: ArchiveParts | undefined
  /** Why nothing is written before `recover`. */
  #failure: unknown

  constructor(folder: string, clock: Clock, limits: PartitionLimits, log: Log) {
    this.#folder = folder
    this.#clock = clock
    this.#log = log
    this.#limits = limits
  }

  async open(): Promise<void> {
    const [folder, clock, limits, log] = [this.#folder, this.#clock, this.#limits, this.#log]
    this.#opened = await openParts({ folder, clock, limits, log })
    this.#failure = undefined
  }

  /** Takes over what an earlier release left in the same folder. */
  async migrate(options: MigrationOptions): Promise<void> {
    const put = (envelopes: readonly Envelope[]) => this.put(envelopes)
    await migrate({ ...options, folder: this.#folder, catalog: this.#open.catalog, put, stat: () => this.stat() })
  }

  damage(): Trouble | undefined {
    return this.#opened?.partitions.trouble
  }

  async put(envelopes: readonly Envelope[]): Promise<readonly Envelope[]> {
    const { partitions, catalog } = this.#open
    const parts = await this.#write(this.#starting, () => append(partitions, envelopes))
    // The marks of the puts before reach the disk together with these records.
    const marked = catalog.flush()
    marked.catch(() => {})
    try {
      await this.#write(this.#ending, async () => {
        await Promise.all([marked, ...parts.map(({ written }) => written)])
        await enter(parts)
      })
    } finally {
      for (const { partition } of parts) partition.release()
    }
    return parts.flatMap(({ envelopes }) => envelopes)
  }

  async locate(hash: MessageHash): Promise<Place | undefined> {
    const { partitions, graves } = this.#open
    for (const partition of partitions.all.toReversed()) {
      if (!partition.mayHaveHash(hash)) continue
      const [entry] = (await partitions.use(partition, ({ index }) => index.find([hash]))) ?? []
      if (entry !== undefined) return decodePlace(entry)
    }
    await partitions.settle()
    return await graves.locate(hash)
  }

  async scan(selection: Selection, bounds: Bounds): Promise<Slice> {
    const [times, range] = [timeRange(selection), placeRange(selection)]
    if (times === undefined || range === undefined) return { rows: [] }
    const { partitions } = this.#open
    const { hashes } = selection
    if (hashes?.length) return await lookUp(partitions, { selection, hashes, range, times }, bounds)
    const walk = new Walk(selection, bounds)
    for (const partition of partitions.matching(selection, times)) {
      const contentTopics = selection.contentTopics?.filter((topic) => partition.mayHaveTopic(topic)) ?? []
      await partitions.use(partition, (pair) => walk.through(pair, { selection, range, contentTopics }))
      if (walk.isOver) break
    }
    return walk.slice
  }

  keep(policy: RetentionPolicy): void {
    this.#limits = partitionLimits(policy)
    this.#opened?.partitions.change(this.#limits)
  }

  /** Deletes the oldest partition when all of it is surplus, whatever `most` says. */
  async prune(limits: PruneLimits): Promise<Amount> {
    const { partitions, catalog } = this.#open
    const [oldest] = partitions.all
    if (oldest === undefined || !isSurplus(oldest, limits, this.#held)) return nothing
    await this.#write(this.#starting, () => partitions.drop(oldest))
    const { messages, bytes, newest } = oldest.tally
    // What was lost before would be deleted by now.
    for (const gap of await catalog.gaps()) if (gap.to <= newest!) await catalog.removeGap(gap)
    return { messages, bytes }
  }

  async reclaim(): Promise<void> {
    await this.#open.graves.forget()
  }

  async stat(): Promise<Stat> {
    const [oldest, newest] = await Promise.all([this.#edge('forward'), this.#edge('backward')])
    return { ...this.#held, oldest, newest }
  }

  async losses(): Promise<readonly Gap[]> {
    return await this.#open.catalog.gaps()
  }

  async recover(): Promise<void> {
    await probeDisk(this.#folder)
    await this.#starting.run(() =>
      this.#ending.run(async () => {
        await this.#shut(({ partitions }) => partitions.abandon())
        await this.open()
      }),
    )
  }

  async close(): Promise<void> {
    await this.#starting.end()
    await this.#ending.end()
    await this.#shut(({ partitions }) => (this.#failure === undefined ? partitions.close() : partitions.abandon()))
  }

  get #open() {
    if (this.#opened === undefined) throw new Error('the archive is not open')
    return this.#opened
  }

  get #held(): Amount {
    return this.#open.partitions.all.reduce((sum, { tally }) => plus(sum, tally), nothing)
  }

  async #edge(direction: 'forward' | 'backward'): Promise<Place | undefined> {
    const bounds: Bounds = { includeData: false, messages: 1, bytes: 0, rows: 1, expired: () => false }
    const { rows } = await this.scan({ direction }, bounds)
    return rows[0]
  }

  /** Does `work` in its turn. After a failure nothing is written before what is on disk was looked at. */
  #write<Result>(line: Line, work: () => Promise<Result>): Promise<Result> {
    return line.run(async () => {
      if (this.#failure !== undefined) throw this.#failure
      try {
        return await work()
      } catch (error) {
        this.#failure = error
        throw error
      }
    })
  }

  async #shut(close: (opened: ArchiveParts) => Promise<void>): Promise<void> {
    const opened = this.#opened
    this.#opened = undefined
    if (opened === undefined) return
    await opened.graves.settle()
    await close(opened)
    await opened.catalog.close()
  }
}

/** Time between two lines of the log about work that takes long. */
const logInterval: Milliseconds = 10_000

function throttled<Said>(tell: (said: Said) => void): (said: Said) => void {
  let last = Number.NEGATIVE_INFINITY
  return (said) => {
    if (performance.now() - last < logInterval) return
    last = performance.now()
    tell(said)
  }
}

/** True if `limits` hold without a partition. Messages on their way to it are counted as in it. */
function isSurplus({ claimed }: Partition, limits: PruneLimits, held: Amount): boolean {
  const { before, keepMessages, keepBytes } = limits
  return (
    (before !== undefined && claimed.newest! < before) ||
    (keepMessages !== undefined && held.messages - claimed.messages >= keepMessages) ||
    (keepBytes !== undefined && held.bytes - claimed.bytes >= keepBytes)
  )
}
