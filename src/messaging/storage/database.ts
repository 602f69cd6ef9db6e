/**
 * Messages at rest: `Database` on one LevelDB, with values sealed, and the secret rows under a ring of keys, so that what was
 * removed is unusable before its bytes are gone (docs/decisions/0042-messages-at-rest.md).
 *
 *     folder/ring.0, ring.1   the keys of the secret rows; one of the two, but for the moment of a change
 *     folder/rows/            LevelDB: key as it is, value sealed and bound to its key
 */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { inspect } from 'node:util'
import { WaypostError } from '../../core/errors.ts'
import type { Milliseconds } from '../../core/time.ts'
import { Draft } from './draft.ts'
import { checkKey, isRowKey, isSecret, secretTable, tableOf } from './keys.ts'
import { keysOfSlots, keysOfTables, Notes, noteMark } from './notes.ts'
import { boundsOf, remaining } from './range.ts'
import { Readers } from './readers.ts'
import { slotOf } from './ring.ts'
import { RingFile } from './ring-file.ts'
import { type Change, damaged, RowFiles, storageError } from './row-files.ts'
import type { Database, Range, Row, Rows } from './rows.ts'
import { StorageKeys } from './sealing.ts'
import { readRing, Secrets } from './secrets.ts'

/** From a removal to the turn of its slot. Half of the second that is promised; removals meanwhile share the turn. */
const turnDelay: Milliseconds = 500
/** After a turn that failed, as on a full disk. */
const retryDelay: Milliseconds = 5_000
/** From a removal to its bytes being gone, unless the database is closed before. */
const compactDelay: Milliseconds = 3_600_000

const noValue = new Uint8Array(0)

export interface DatabaseOptions {
  /** From a removal to when it is unusable, unless `erased` is asked for before. */
  readonly delay?: Milliseconds
}

/**
 * Opens the database in `folder`, and makes it when there is none. `key`: 32 secret bytes, always the same. Throws
 * `storage/wrong-key`, `storage/damaged`, `storage/in-use` or `storage/unusable`.
 */
export async function openDatabase(
  folder: string,
  key: Uint8Array,
  { delay = turnDelay }: DatabaseOptions = {},
): Promise<Database> {
  const keys = new StorageKeys(key)
  const file = new RingFile(folder, keys)
  const rows = await RowFiles.open(folder, hasRing(folder))
  try {
    const secrets = await Secrets.open(file, rows, await readRing(folder, file, rows))
    const notes = new Notes()
    for await (const noted of rows.keys(noteMark)) notes.add(noted)
    const database = new LevelDatabase({ folder, keys, rows, secrets, notes, delay })
    await database.erased()
    return database
  } catch (error) {
    await rows.close().catch(() => {})
    throw storageError(folder, error)
  }
}

function hasRing(folder: string): boolean {
  return existsSync(path.join(folder, 'ring.0')) || existsSync(path.join(folder, 'ring.1'))
}

interface Parts {
  readonly folder: string
  readonly keys: StorageKeys
  readonly rows: RowFiles
  readonly secrets: Secrets
  readonly notes: Notes
  readonly delay: Milliseconds
}

class LevelDatabase implements Database {
  readonly #folder: string
  readonly #keys: StorageKeys
  readonly #rows: RowFiles
  readonly #secrets: Secrets
  readonly #notes: Notes
  readonly #delay: Milliseconds
  readonly #readers = new Readers()
  /** Ends with the last piece of work that was asked for. */
  #last: Promise<unknown> = Promise.resolve()
  #compacting: Promise<void> = Promise.resolve()
  #closing: Promise<void> | undefined
  #turnTimer: NodeJS.Timeout | undefined
  #compactTimer: NodeJS.Timeout | undefined

  constructor({ folder, keys, rows, secrets, notes, delay }: Parts) {
    this.#folder = folder
    this.#keys = keys
    this.#rows = rows
    this.#secrets = secrets
    this.#notes = notes
    this.#delay = delay
    this.#planCompaction()
  }

  async transaction<Result>(work: (rows: Rows) => Promise<Result>): Promise<Result> {
    this.#checkOpen()
    return this.#inTurn(() => this.#transact(work))
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    this.#checkOpen()
    checkKey(key)
    return this.#read(key)
  }

  async *scan(range: Range): AsyncGenerator<Row> {
    const { backwards = false, limit = Number.POSITIVE_INFINITY } = range
    let bounds = boundsOf(range)
    let left = limit
    while (left > 0) {
      this.#checkOpen()
      const page = await this.#readers.during(() => this.#page(bounds, backwards))
      const last = page.at(-1)
      if (last === undefined) return
      const rows = page.flatMap(({ row }) => row ?? []).slice(0, left)
      yield* rows
      left -= rows.length
      bounds = remaining(bounds, last.keyBytes, backwards)
    }
  }

  tag(text: string): string {
    return this.#keys.tag(text)
  }

  async erased(): Promise<void> {
    this.#checkOpen()
    await this.#inTurn(() => this.#turn())
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  toJSON(): { folder: string; secrets: number } {
    return { folder: this.#folder, secrets: this.#secrets.size }
  }

  [inspect.custom](): string {
    return `Database ${JSON.stringify(this)}`
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new WaypostError('storage/closed', { folder: this.#folder })
  }

  /** Does `work` when all that was asked for before it is done. */
  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => {})
    return done
  }

  #read(key: string): Promise<Uint8Array | undefined> {
    return this.#readers.during(async () => {
      const sealed = await this.#rows.get(key)
      return sealed && this.#open(key, sealed)
    })
  }

  async #page(bounds: ReturnType<typeof boundsOf>, backwards: boolean) {
    const page = await this.#rows.page(bounds, backwards)
    return page.map(({ key, keyBytes, value }) => ({
      keyBytes,
      row: isRowKey(key) ? { key, value: this.#open(key, value) } : undefined,
    }))
  }

  #open(key: string, sealed: Uint8Array): Uint8Array {
    const value = isSecret(key) ? this.#secrets.open(key, sealed) : this.#keys.openValue(key, sealed)
    if (value === undefined) throw damaged(this.#folder, 'a row does not open')
    return value
  }

  #seal(key: string, value: Uint8Array): Uint8Array {
    return isSecret(key) ? this.#secrets.seal(key, value) : this.#keys.sealValue(key, value)
  }

  async #transact<Result>(work: (rows: Rows) => Promise<Result>): Promise<Result> {
    const draft = new Draft((key) => this.#read(key))
    try {
      const result = await work(draft)
      await this.#commit(draft.changes)
      return result
    } finally {
      draft.end()
    }
  }

  async #commit(drafted: ReadonlyMap<string, Uint8Array | undefined>): Promise<void> {
    const gone = await this.#present([...drafted.keys()])
    const changes = Array.from(drafted, ([key, value]) => ({ key, value: value && this.#seal(key, value) })).filter(
      ({ key, value }) => value !== undefined || gone.has(key),
    )
    if (changes.length === 0) return
    const replaced = [...gone]
    await this.#write(changes, this.#notes.missing(replaced.filter(isSecret).map(slotOf), replaced.map(tableOf)))
    for (const change of changes) this.#secrets.committed(change)
    this.#planTurn(this.#delay)
    this.#planCompaction()
  }

  /** Those of `keys` that have a row. */
  async #present(keys: readonly string[]): Promise<Set<string>> {
    const secrets = keys.filter((key) => isSecret(key) && this.#secrets.has(key))
    return new Set([...secrets, ...(await this.#rows.present(keys.filter((key) => !isSecret(key))))])
  }

  /** `changes`, and in the same step notes of what is to be done about the values that go. */
  async #write(changes: readonly Change[], notes: readonly string[]): Promise<void> {
    await this.#rows.write([...changes, ...notes.map((key) => ({ key, value: noValue }))])
    for (const key of notes) this.#notes.add(key)
  }

  #planTurn(delay: Milliseconds): void {
    if (this.#notes.slots.size === 0 || this.#closing !== undefined) return
    // Who failed has planned the next try.
    this.#turnTimer ??= setTimeout(() => this.#inTurn(() => this.#turn()).catch(() => {}), delay)
  }

  /** Destroys the keys of what was removed. */
  async #turn(): Promise<void> {
    clearTimeout(this.#turnTimer)
    this.#turnTimer = undefined
    try {
      const slots = new Set(this.#notes.slots)
      await this.#turnSlots(slots)
      this.#notes.slots.clear()
    } catch (error) {
      this.#planTurn(retryDelay)
      throw storageError(this.#folder, error)
    }
  }

  async #turnSlots(slots: ReadonlySet<number>): Promise<void> {
    // What is written anew leaves bytes behind too.
    if (slots.size > 0) await this.#write([], this.#notes.missing([], [secretTable]))
    await this.#secrets.turn(slots, () => this.#readers.end())
    await this.#forget(keysOfSlots(slots))
  }

  #planCompaction(): void {
    if (this.#notes.tables.size === 0 || this.#closing !== undefined) return
    this.#compactTimer ??= setTimeout(() => {
      this.#compactTimer = undefined
      this.#compacting = this.#compact().catch(() => this.#planCompaction())
    }, compactDelay).unref()
  }

  /** Beside transactions: what they remove meanwhile is noted anew. */
  async #compact(): Promise<void> {
    const tables = await this.#inTurn(() => this.#takeTables())
    if (tables.length === 0) return
    try {
      await this.#rows.compact(tables)
      await this.#inTurn(() => this.#compacted(tables))
    } catch (error) {
      for (const table of tables) this.#notes.tables.add(table)
      throw error
    }
  }

  async #takeTables(): Promise<readonly string[]> {
    const tables = [...this.#notes.tables]
    this.#notes.tables.clear()
    // Rows that somebody still sees would be kept.
    await this.#readers.end()
    return tables
  }

  async #compacted(tables: readonly string[]): Promise<void> {
    // LevelDB lets files lie that were in use at the end of a compaction.
    await this.#readers.end()
    await this.#rows.flush()
    await this.#forget(keysOfTables(tables.filter((table) => !this.#notes.tables.has(table))))
  }

  async #forget(notes: readonly string[]): Promise<void> {
    if (notes.length > 0) await this.#rows.write(notes.map((key) => ({ key, value: undefined })))
  }

  async #close(): Promise<void> {
    clearTimeout(this.#compactTimer)
    await this.#compacting
    try {
      await this.#inTurn(() => this.#turn())
      await this.#compact()
    } finally {
      await this.#rows.close()
    }
  }
}
