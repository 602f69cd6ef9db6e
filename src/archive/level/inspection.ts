/**
 * Holds the tables of a partition against their checksums before LevelDB reads them: it does not do so itself, and ends
 * the process over an index that is damaged, and over some of the data.
 *
 * What is small is checked as a whole before it is opened. Of what is large only that which LevelDB reads at once; the data
 * is checked afterwards, in another thread, and until that is done a mark stands in the folder. A process that ends meanwhile
 * leaves the mark, and then all is checked before: no damage ends a second process.
 */
import { existsSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { messageOf } from '../../core/errors.ts'
import type { Clock } from '../../core/time.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Trouble } from '../backend.ts'
import { checkAside } from './check-aside.ts'
import { isDamage } from './database.ts'
import { Line } from './line.ts'
import { bytesOfTables, checkTableHeads, checkTables } from './tables.ts'

/** A fifth of a second or so. */
const defaultMaxAtOnce = 64 * 1024 * 1024

/** Bytes of tables for which another thread would take longer to begin than to check them. */
const maxInline = 4 * 1024 * 1024

export interface Inspected {
  /** Of the partition. */
  readonly folder: string
  /** False: all is checked before. */
  readonly wasClosed: boolean
  /** Hears how a check ended that was made afterwards: when there is damage, nothing more is to be read. */
  readonly ended: (damage?: unknown) => void
}

export interface Inspector {
  /** To be done before a partition is opened. Throws `archive/damaged`. */
  inspect(partition: Inspected): Promise<void>
}

/** For partitions of which all has just been checked. */
export const noInspector: Inspector = { inspect: async () => {} }

export interface InspectionOptions {
  /** Of the archive. */
  readonly folder: string
  readonly clock: Clock
  readonly log: Log
  /** Bytes of tables that are checked before a partition that was closed well is opened. */
  readonly maxAtOnce?: number
}

export class Inspection implements Inspector, AsyncDisposable {
  readonly #archive: string
  readonly #clock: Clock
  readonly #log: Log
  readonly #maxAtOnce: number
  /** One thread for what is checked before, and one for what is checked afterwards. */
  readonly #waited = new Line()
  readonly #afterwards = new Line()
  readonly #ended = new AbortController()
  #trouble: Trouble | undefined

  constructor({ folder, clock, log, maxAtOnce = defaultMaxAtOnce }: InspectionOptions) {
    this.#archive = folder
    this.#maxAtOnce = maxAtOnce
    this.#clock = clock
    this.#log = log
  }

  /** What was found in a partition that is open. */
  get trouble(): Trouble | undefined {
    return this.#trouble
  }

  async inspect(partition: Inspected): Promise<void> {
    const { folder, wasClosed } = partition
    const databases = databasesIn(folder)
    const sizes = await Promise.all(databases.map(bytesOfTables))
    const bytes = sizes.reduce((sum, size) => sum + size, 0)
    if (bytes <= this.#maxAtOnce || !wasClosed || existsSync(markIn(folder))) {
      if (bytes > maxInline) await this.#waited.run(() => this.#check(databases, false))
      else for (const database of databases) await checkTables(database, this.#archive)
      return await unmark(folder)
    }
    for (const database of databases) await checkTableHeads(database, this.#archive)
    // A disk that takes no mark is to be read all the same.
    await writeFile(markIn(folder), '').catch(() => {})
    void this.#afterwards.run(() => this.#inspectAside(partition))
  }

  /** Ends what is under way; what is not checked is not told of. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort()
    await Promise.all([this.#waited.end(), this.#afterwards.end()])
  }

  async #inspectAside({ folder, ended }: Inspected): Promise<void> {
    const { signal } = this.#ended
    try {
      await this.#check(databasesIn(folder), true)
    } catch (error) {
      if (isDamage(error)) return this.#tell(error, ended)
      // What could not be checked keeps its mark.
      if (!signal.aborted) return ended()
    }
    await unmark(folder).catch(() => {})
    ended()
  }

  #check(databases: readonly string[], atLeisure: boolean): Promise<void> {
    return checkAside({ databases, archive: this.#archive, atLeisure }, this.#ended.signal)
  }

  /** The mark stays: what is damaged is found before it is opened again. */
  #tell(damage: unknown, ended: Inspected['ended']): void {
    const why = messageOf(damage)
    this.#trouble ??= { why, since: this.#clock() }
    this.#log.error({ why }, 'partition damaged')
    ended(damage)
  }
}

function databasesIn(folder: string): string[] {
  return ['records', 'index'].map((name) => path.join(folder, name))
}

/** The mark's name, in the folder of a partition. */
export const markName = 'unchecked'

function markIn(folder: string): string {
  return path.join(folder, markName)
}

async function unmark(folder: string): Promise<void> {
  await rm(markIn(folder), { force: true })
}
