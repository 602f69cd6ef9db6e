/**
 * The archive on PostgreSQL: for a fleet, many nodes that write and read one archive at once.
 *
 * Every message is in it once, whoever brings it first. Nothing is held in a node that another one would have to know.
 */
import type { Envelope } from '../../core/envelope.ts'
import type { MessageHash } from '../../core/hash.ts'
import { databaseIn } from '../../core/postgres-url.ts'
import { type Clock, type Milliseconds, systemClock } from '../../core/time.ts'
import {
  type Amount,
  type Backend,
  type Bounds,
  cursorGrace,
  type Place,
  type PruneLimits,
  type Selection,
  type Slice,
  type Stat,
} from '../backend.ts'
import { Analyst } from './analyst.ts'
import { Catalog, listPartitions } from './catalog.ts'
import { Cursors } from './cursors.ts'
import { isNoPartition } from './failures.ts'
import { insertMessages, insertPubsubTopics, ordered, timestampOf } from './insert.ts'
import { defaultSpans, partitionAt, type Spans } from './partitions.ts'
import { Pool, type Runner } from './pool.ts'
import { defaultMaxLag, Replica, type ReplicaState } from './replica.ts'
import { edge, forgetGraves, prune, sumOf, sumUp } from './retention.ts'
import { locate, type Source, scan } from './scan.ts'
import { defaultSchema, ensureSchema } from './schema.ts'

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database?sslmode=...` */
  readonly url: string
  /** A replica to read from; the primary helps out when it cannot. */
  readonly readUrl?: string
  /** How far the replica may be behind and still be asked. */
  readonly maxLag?: Milliseconds
  /** Told of the replica at each look at it. */
  readonly onReplica?: (state: ReplicaState) => void
  /** Connections to the primary at the most, and to the replica. */
  readonly connections?: number
  readonly clock?: Clock
  readonly schema?: string
  readonly spans?: Spans
}

/** nwaku's `--store-max-num-db-connections`. */
export const defaultConnections = 50

/** Connections kept for writing, so that slow questions never hold up a commit: two commits, retention, and one to spare. */
const writeConnections = 4

/** A commit of 500 messages takes some tens of milliseconds. */
const writeTimeout: Milliseconds = 3000

/** Clients of the store give up after some ten seconds. */
const readTimeout: Milliseconds = 5000

/** Opens the archive, and makes it in the database when there is none. Throws what the driver throws, and `archive/newer-schema`. */
export async function openPostgres(options: PostgresOptions): Promise<Backend> {
  const backend = postgresArchive(options)
  try {
    await backend.recover()
    return backend
  } catch (error) {
    await backend.close()
    throw error
  }
}

/** The archive in a database that may be away for now: each use of it opens it if need be. */
export function postgresArchive(options: PostgresOptions): Backend {
  return new PostgresBackend(options)
}

class PostgresBackend implements Backend {
  readonly shared = true
  readonly #clock: Clock
  readonly #schema: string
  readonly #place: string
  readonly #writes: Pool
  readonly #reads: Pool
  readonly #replicaReads: Pool | undefined
  readonly #replica: Replica | undefined
  readonly #catalog: Catalog
  readonly #cursors: Cursors
  readonly #analyst: Analyst
  /** Pubsub topics that are in the database for sure. */
  readonly #pubsubTopics = new Set<string>()
  #opened: Promise<void> | undefined
  /** The pruning under way: one at a time, as among nodes. */
  #pruning: Promise<unknown> = Promise.resolve()

  constructor(options: PostgresOptions) {
    const { url, readUrl, connections = defaultConnections, clock = systemClock, schema = defaultSchema } = options
    const writes = Math.min(writeConnections, Math.ceil(connections / 2))
    const reads = Math.max(1, connections - writes)
    const pool = (from: string, count: number, statementTimeout: Milliseconds, name: string) =>
      new Pool({ url: from, connections: count, statementTimeout, name })
    this.#clock = clock
    this.#schema = schema
    this.#place = databaseIn(url)
    this.#cursors = new Cursors(clock)
    this.#writes = pool(url, writes, writeTimeout, 'waypost writes')
    this.#reads = pool(url, reads, readTimeout, 'waypost reads')
    if (readUrl !== undefined) {
      const [primary, replica] = [this.#reads, pool(readUrl, reads, readTimeout, 'waypost reads')]
      const { maxLag = defaultMaxLag, onReplica: onLook } = options
      this.#replicaReads = replica
      this.#replica = new Replica({ primaryUrl: url, url: readUrl, primary, replica, maxLag, clock, onLook })
    }
    this.#analyst = new Analyst(this.#writes, schema)
    this.#catalog = new Catalog({ pool: this.#writes, schema, spans: options.spans ?? defaultSpans, clock })
  }

  async put(envelopes: readonly Envelope[]): Promise<readonly Envelope[]> {
    await this.#open()
    const inOrder = ordered(envelopes)
    await this.#announce(inOrder)
    const added = await this.#catalog.withPartitions(
      inOrder.map(timestampOf),
      () => insertMessages(this.#writes, this.#schema, inOrder),
      isNoPartition,
    )
    this.#count(inOrder.filter(({ hash }) => added.has(hash)))
    return envelopes.filter(({ hash }) => added.has(hash))
  }

  /** A replica may not have it yet. */
  async locate(hash: MessageHash): Promise<Place | undefined> {
    const given = this.#cursors.placeOf(hash)
    if (given !== undefined) return given
    const place = this.#replica && (await locate(this.#source(this.#replica), hash))
    if (place !== undefined) return place
    await this.#open()
    return await locate(this.#source(this.#reads), hash)
  }

  async scan(selection: Selection, bounds: Bounds): Promise<Slice> {
    if (this.#replica === undefined) await this.#open()
    const slice = await scan(this.#source(this.#replica ?? this.#reads), selection, bounds)
    if (slice.stoppedAt !== undefined) this.#cursors.give(slice.stoppedAt)
    return slice
  }

  prune(limits: PruneLimits, most: number): Promise<Amount> {
    const pruned = this.#pruning.then(() => this.#prune(limits, most))
    this.#pruning = pruned.catch(() => {})
    return pruned
  }

  async reclaim(): Promise<void> {
    await this.#open()
    await forgetGraves(this.#parts, this.#clock() - cursorGrace)
  }

  async stat(): Promise<Stat> {
    await this.#open()
    const partitions = (await listPartitions(this.#reads, this.#schema)).filter(({ pending }) => !pending)
    const filled = partitions.filter(({ messages }) => messages > 0)
    const [oldest, newest] = [
      await edge(this.#reads, this.#schema, filled, 'asc'),
      await edge(this.#reads, this.#schema, filled, 'desc'),
    ]
    return { ...sumOf(partitions), oldest, newest }
  }

  /** Throws while the database is away, or takes no changes. */
  async recover(): Promise<void> {
    // It may be another one: restored from a backup, or empty.
    this.#opened = undefined
    this.#pubsubTopics.clear()
    this.#cursors.clear()
    await this.#open()
    await this.#catalog.refresh()
  }

  async close(): Promise<void> {
    await this.#pruning
    await this.#catalog.settled()
    await this.#analyst.settled()
    const parts = [this.#replica, this.#writes, this.#reads, this.#replicaReads]
    await Promise.all(parts.map((part) => part?.[Symbol.asyncDispose]()))
  }

  async #prune(limits: PruneLimits, most: number): Promise<Amount> {
    await this.#open()
    const pruned = await prune(this.#parts, limits, most, this.#clock())
    await sumUp(this.#parts)
    await this.#catalog.refresh()
    this.#analyst.keepOnly(this.#catalog.known.map(({ name }) => name))
    return pruned
  }

  /** Says which partitions grow. */
  #count(added: readonly Envelope[]): void {
    const { known } = this.#catalog
    const names = added.map((envelope) => partitionAt(known, timestampOf(envelope))?.name)
    for (const [name, some] of Map.groupBy(names, (name) => name))
      if (name !== undefined) this.#analyst.added(name, some.length)
  }

  get #parts() {
    return { pool: this.#writes, schema: this.#schema }
  }

  /** Brings the schema up to date, once. */
  #open(): Promise<void> {
    this.#opened ??= ensureSchema(this.#writes, this.#schema, this.#place).catch((error: unknown) => {
      this.#opened = undefined
      throw error
    })
    return this.#opened
  }

  #source(runner: Runner): Source {
    return { runner, schema: this.#schema, partitions: this.#catalog.known }
  }

  /** Questions without a pubsub topic are put for each of those announced. */
  async #announce(envelopes: readonly Envelope[]): Promise<void> {
    const fresh = new Set(envelopes.map(({ pubsubTopic }) => pubsubTopic).filter((one) => !this.#pubsubTopics.has(one)))
    if (fresh.size === 0) return
    await insertPubsubTopics(this.#writes, this.#schema, [...fresh])
    for (const topic of fresh) this.#pubsubTopics.add(topic)
  }
}
