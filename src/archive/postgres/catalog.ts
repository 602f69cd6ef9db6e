/** The partitions that there are. The list is remembered; the database has the last word on each insert. */
import { type Clock, toNanoseconds } from '../../core/time.ts'
import type { Amount } from '../backend.ts'
import { booleanFrom, numberFrom, textFrom } from './binary.ts'
import { locks, lockText } from './locks.ts'
import { boundOf, type Partition, partitionAt, partitionFor, type Spans, spanFrom } from './partitions.ts'
import type { Pool, Runner, Statement, Transaction } from './pool.ts'

/** A partition, and what it holds. */
export interface HeldPartition extends Partition, Amount {
  /** Its detaching was begun and did not end: it holds messages that nobody sees, and takes none. */
  readonly pending: boolean
}

/** How long making a partition waits for a lock: as long, every other definition waits behind it. */
const lockTimeout = "set local lock_timeout = '2s'"

/** How often an insert that found no partition is tried again: each time somebody else must have dropped it. */
const makingAttempts = 3

const listOf = (schema: string): Statement => ({
  name: 'partitions',
  text: `
    select c.relname, pg_get_expr(c.relpartbound, c.oid), i.inhdetachpending,
           coalesce(a.messages, 0)::bigint, coalesce(a.bytes, 0)::bigint
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid
    left join (
      select partition, sum(messages) as messages, sum(bytes) as bytes from ${schema}.amounts group by partition
    ) a on a.partition = c.relname
    where i.inhparent = '${schema}.messages'::regclass`,
})

const doomedOf = (schema: string): Statement => ({
  name: 'doomed',
  text: `select partition from ${schema}.doomed`,
})

/** All partitions, the oldest first. */
export async function listPartitions(runner: Runner, schema: string): Promise<readonly HeldPartition[]> {
  const rows = await runner.run(listOf(schema))
  const partitions = rows.flatMap(([name, bounds, pending, messages, bytes]) => {
    const span = spanFrom(textFrom(bounds))
    return span === undefined
      ? []
      : [
          {
            name: textFrom(name),
            ...span,
            pending: booleanFrom(pending),
            messages: numberFrom(messages),
            bytes: numberFrom(bytes),
          },
        ]
  })
  return partitions.sort((a, b) => (a.from < b.from ? -1 : 1))
}

/** Partitions that retention has given up and not yet dropped. */
export async function listDoomed(runner: Runner, schema: string): Promise<readonly string[]> {
  return (await runner.run(doomedOf(schema))).map(([name]) => textFrom(name))
}

/** Ends the detaching of a partition that was begun. */
export async function finalize(pool: Pool, schema: string, name: string): Promise<void> {
  await pool.alone(`alter table ${schema}.messages detach partition ${schema}."${name}" finalize`)
}

export interface CatalogOptions {
  readonly pool: Pool
  readonly schema: string
  readonly spans: Spans
  readonly clock: Clock
}

export class Catalog {
  readonly #options: CatalogOptions
  #known: readonly HeldPartition[] = []
  #making: Promise<void> | undefined

  constructor(options: CatalogOptions) {
    this.#options = options
  }

  /** As they were lately. */
  get known(): readonly Partition[] {
    return this.#known
  }

  /** Asks the database anew. */
  async refresh(): Promise<readonly HeldPartition[]> {
    const { pool, schema } = this.#options
    this.#known = await listPartitions(pool, schema)
    return this.#known
  }

  /** Makes the partitions that `timestamps` lack, and soon the next one, so that nobody has to wait when its time comes. */
  async cover(timestamps: readonly bigint[]): Promise<void> {
    const missing = timestamps.filter((timestamp) => !this.#covers(timestamp))
    if (missing.length > 0) await this.#make(missing)
    const next = this.#next()
    if (timestamps.some((timestamp) => this.#isNear(timestamp)) && !this.#covers(next)) this.#makeAhead(next)
  }

  /** Runs `insert`, and again with what is there now when it says that a partition is gone. */
  async withPartitions<Result>(
    timestamps: readonly bigint[],
    insert: () => Promise<Result>,
    isGone: (error: unknown) => boolean,
  ): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      await this.cover(timestamps)
      try {
        return await insert()
      } catch (error) {
        if (!isGone(error) || attempt >= makingAttempts) throw error
        await this.refresh()
      }
    }
  }

  get #now(): bigint {
    return toNanoseconds(this.#options.clock())
  }

  #next(): bigint {
    return this.#now + this.#options.spans.near
  }

  #covers(timestamp: bigint): boolean {
    return partitionAt(this.#known, timestamp)?.pending === false
  }

  #isNear(timestamp: bigint): boolean {
    const { reach } = this.#options.spans
    return timestamp >= this.#now - reach && timestamp <= this.#now + reach
  }

  #makeAhead(next: bigint): void {
    if (this.#making !== undefined) return
    // Should it fail, the next commit tries again, and in the end the one that needs it.
    this.#making = this.#make([next])
      .catch(() => {})
      .finally(() => {
        this.#making = undefined
      })
  }

  async #make(timestamps: readonly bigint[]): Promise<void> {
    const { pool, schema } = this.#options
    const partitions = await this.refresh()
    for (const timestamp of timestamps) {
      const found = partitionAt(partitions, timestamp)
      if (found?.pending) await finalize(pool, schema, found.name)
    }
    await pool.transaction((transaction) => this.#makeMissing(transaction, timestamps))
    await this.refresh()
  }

  async #makeMissing(transaction: Transaction, timestamps: readonly bigint[]): Promise<void> {
    const { schema, spans } = this.#options
    await transaction.define(lockTimeout, lockText(locks.partitions))
    const partitions: Partition[] = [...(await listPartitions(transaction, schema))]
    const doomed = await listDoomed(transaction, schema)
    for (const timestamp of timestamps) {
      if (partitionAt(partitions, timestamp) !== undefined) continue
      const partition = unused(partitionFor(timestamp, this.#now, partitions, spans), doomed)
      await transaction.define(...makeTexts(schema, partition))
      partitions.push(partition)
      partitions.sort((a, b) => (a.from < b.from ? -1 : 1))
    }
  }

  /** Settles when nothing is being made any more. */
  async settled(): Promise<void> {
    await this.#making
  }
}

/** A doomed partition keeps its name until it is dropped. */
function unused(partition: Partition, doomed: readonly string[]): Partition {
  return doomed.includes(partition.name) ? unused({ ...partition, name: `${partition.name}_` }, doomed) : partition
}

/** Made aside and attached, a partition needs no lock for which readers and writers would wait. */
function makeTexts(schema: string, { name, from, to }: Partition): string[] {
  const table = `${schema}."${name}"`
  return [
    `create table if not exists ${table} (like ${schema}.messages including all)`,
    `alter table ${schema}.messages attach partition ${table} for values from (${boundOf(from)}) to (${boundOf(to)})`,
  ]
}
