/**
 * The LevelDB in which rows stand, sealed, with errors that say what to do, and that hold no key: what LevelDB itself says of
 * damage may name one.
 */
import { chmod, mkdir, readdir } from 'node:fs/promises'
import path from 'node:path'
import { ClassicLevel } from 'classic-level'
import { isWaypostError, messageOf, systemCode, WaypostError } from '../../core/errors.ts'
import { aroundTable } from './keys.ts'
import { type Bounds, isEmpty } from './range.ts'

/** Values and most of the keys are random bytes: there is nothing to compress. */
const compression = false

/**
 * Bytes of one sorted file. When LevelDB moves files a level down it takes as much of a level at once; with all of a level at
 * once, no file of the next one lies in a gap and keeps what was removed.
 */
const maxFileSize = 32 * 1024 * 1024

/** Rows, and bytes, that are read at once. */
const pageRows = 128
const pageBytes = 256 * 1024

/** Behind all keys. */
const behindAll = Buffer.of(0xff)

export interface Change {
  readonly key: string
  /** Undefined: the row goes. */
  readonly value: Uint8Array | undefined
}

export interface SealedRow {
  readonly key: string
  readonly keyBytes: Buffer
  readonly value: Buffer
}

export class RowFiles {
  readonly #folder: string
  readonly #level: ClassicLevel<string, Buffer>

  /** Opens by itself from here on, whatever is there. */
  private constructor(folder: string) {
    this.#folder = folder
    this.#level = new ClassicLevel(rowsOf(folder), { valueEncoding: 'buffer', compression, maxFileSize })
  }

  /**
   * Opens what is in `folder`, and makes it when there is none, unless it `isExpected`: then it is damage. Throws
   * `storage/in-use`, `storage/damaged` or `storage/unusable`.
   */
  static async open(folder: string, isExpected: boolean): Promise<RowFiles> {
    await prepare(folder, isExpected)
    const files = new RowFiles(folder)
    try {
      await files.#level.open()
      return files
    } catch (error) {
      await files.#level.close().catch(() => {})
      throw storageError(folder, error)
    }
  }

  get(key: string): Promise<Buffer | undefined> {
    return this.#said(() => this.#level.get(key))
  }

  getMany(keys: string[]): Promise<(Buffer | undefined)[]> {
    return this.#said(() => this.#level.getMany(keys))
  }

  /** Which of `keys` have a row. */
  async present(keys: string[]): Promise<Set<string>> {
    const there = await this.#said(() => this.#level.hasMany(keys))
    return new Set(keys.filter((_, index) => there[index]))
  }

  /** The first rows of a range, or its last; none when it is read to its end. No view of the past is kept open after it. */
  page(bounds: Bounds, backwards: boolean): Promise<SealedRow[]> {
    return this.#said(async () => {
      if (isEmpty(bounds)) return []
      const iterator = this.#level.iterator<Buffer, Buffer>({
        ...bounds,
        reverse: backwards,
        keyEncoding: 'buffer',
        highWaterMarkBytes: pageBytes,
      })
      try {
        const entries = await iterator.nextv(pageRows)
        return entries.map(([keyBytes, value]) => ({ key: keyBytes.toString(), keyBytes, value }))
      } finally {
        await iterator.close()
      }
    })
  }

  /** The keys that begin with `prefix`. */
  async *keys(prefix: string): AsyncGenerator<string> {
    try {
      const range = { gte: Buffer.from(prefix), lt: Buffer.concat([Buffer.from(prefix), behindAll]) }
      for await (const key of this.#level.keys<Buffer>({ ...range, keyEncoding: 'buffer' })) yield key.toString()
    } catch (error) {
      throw storageError(this.#folder, error)
    }
  }

  /** All changes or none, on disk when this resolves. */
  write(changes: readonly Change[]): Promise<void> {
    if (changes.length === 0) return Promise.resolve()
    const operations = changes.map(({ key, value }) =>
      value === undefined ? { type: 'del' as const, key } : { type: 'put' as const, key, value: Buffer.from(value) },
    )
    return this.#said(() => this.#level.batch(operations, { sync: true }))
  }

  /** What was removed from `tables`, or put anew, leaves the files. */
  compact(tables: Iterable<string>): Promise<void> {
    return this.#said(async () => {
      await this.flush()
      for (const table of tables) await this.#compactTable(table)
      await makePrivate(this.#folder).catch(() => {})
    })
  }

  /**
   * What is in memory goes into a sorted file, and the log before it is deleted; so are files that were replaced while somebody
   * read them.
   */
  flush(): Promise<void> {
    return this.#said(() => this.#level.compactRange(behindAll, behindAll, { keyEncoding: 'buffer' }))
  }

  async close(): Promise<void> {
    await this.#said(() => this.#level.close())
    await makePrivate(this.#folder).catch(() => {})
  }

  /**
   * LevelDB writes a file anew only when it merges it with one above. It would leave a file of the lowest level alone in
   * which a row stands with its removal: two removals of nothing, around the table, reach over all its files.
   */
  async #compactTable(table: string): Promise<void> {
    const { begin, end } = aroundTable(table)
    await this.#level.batch([
      { type: 'del', key: begin },
      { type: 'del', key: end },
    ])
    await this.#level.compactRange(begin, end)
  }

  async #said<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work()
    } catch (error) {
      throw storageError(this.#folder, error)
    }
  }
}

function rowsOf(folder: string): string {
  return path.join(folder, 'rows')
}

async function prepare(folder: string, isExpected: boolean): Promise<void> {
  const names = await ensureFolder(folder).catch((error: unknown) => {
    throw storageError(folder, error)
  })
  // LevelDB takes a folder without CURRENT for an empty one, and deletes the tables that it finds there.
  const hasData = isExpected || names.some((name) => /\.(ldb|sst)$/.test(name))
  if (hasData && !names.includes('CURRENT')) throw damaged(folder, 'the file rows/CURRENT is missing')
}

/** The names of the files of the rows. */
async function ensureFolder(folder: string): Promise<string[]> {
  await mkdir(rowsOf(folder), { recursive: true, mode: 0o700 })
  await chmod(folder, 0o700)
  await makePrivate(folder)
  return readdir(rowsOf(folder))
}

/** LevelDB makes files that others may read; until the next look the mode of their folder keeps them. */
async function makePrivate(folder: string): Promise<void> {
  await chmod(rowsOf(folder), 0o700)
  const names = await readdir(rowsOf(folder))
  // A file may be gone meanwhile.
  await Promise.all(names.map((name) => chmod(path.join(rowsOf(folder), name), 0o600).catch(() => {})))
}

export function damaged(folder: string, why: string): WaypostError {
  return new WaypostError('storage/damaged', { folder, why })
}

/** What the file system or LevelDB said, for a person. */
export function storageError(folder: string, error: unknown): unknown {
  const cause = rootCause(error)
  if (isWaypostError(cause)) return cause
  const code = systemCode(cause)
  if (code === 'LEVEL_LOCKED') return new WaypostError('storage/in-use', { folder })
  if (/^LEVEL_(DATABASE|ITERATOR)_NOT_OPEN$/.test(code)) return new WaypostError('storage/closed', { folder })
  const why = messageOf(cause)
  // A file that is gone, or shorter than it is to be, comes as an I/O error.
  if (code === 'LEVEL_IO_ERROR' && /no such file|invalid argument/i.test(why)) {
    return damaged(folder, 'a file of its rows is missing or cut off')
  }
  if (code === 'LEVEL_CORRUPTION') return damaged(folder, 'a file of its rows is not whole')
  return new WaypostError('storage/unusable', { folder, why: code === 'LEVEL_IO_ERROR' ? why : code })
}

/** What LevelDB itself said: abstract-level wraps it in "Database failed to open". */
function rootCause(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? rootCause(error.cause) : error
}
