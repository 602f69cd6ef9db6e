/** One LevelDB database: opened with errors that say what to do. An archive is a few of them. */
import { mkdir, readdir, readFile, rm, statfs, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type ChainedBatch, ClassicLevel } from 'classic-level'
import { isWaypostError, messageOf, systemCode, WaypostError } from '../../core/errors.ts'
import { isManifestName } from './manifest.ts'

/** Keys and values are bytes. */
export type Database = ClassicLevel<Buffer, Buffer>

/** Changes that are written all or none. Cheaper than an array of operations by half. */
export type Batch = ChainedBatch<Database, Buffer, Buffer>

export interface DatabaseSizes {
  /**
   * Bytes that LevelDB gathers in memory (twice, while one half is written out) before they become a sorted file. Where
   * keys come in any order, small ones stall writers. Where they are appended there is nothing to merge, and large ones
   * stall: other syncs wait while the file is synced. At 20,000 a second LevelDB itself acknowledges in 30 to 37 ms (p99)
   * with 32 MiB, in 17 to 20 with 4 or 8.
   */
  readonly writeBufferSize: number
  /** Bytes of recently read blocks kept in memory. Blocks that are not compressed are the system's to keep. */
  readonly cacheSize: number
  /** False for what does not shrink. */
  readonly compression: boolean
}

/** Names of files in which something is stored. */
const holdsData = /\.(ldb|sst|log)$|^MANIFEST-/

/** Bytes of one sorted file. */
const maxFileSize = 16 * 1024 * 1024

/**
 * Free bytes without which opening again is not tried: LevelDB writes its buffers out when it opens, 24 MiB for the newest
 * partition, and may merge them. Less than the ballast of ../disk.ts, which makes room for this.
 */
const roomToReopen = 50 * 1024 * 1024

/**
 * Opens the database in `folder`, and makes it when there is none; `archive` is the folder that a person is told. Throws
 * `archive/locked`, `archive/unwritable` or `archive/damaged`.
 */
export async function openDatabase(folder: string, sizes: DatabaseSizes, archive = folder): Promise<Database> {
  const part = path.relative(archive, folder)
  await prepareFolder(folder, archive, part)
  const database: Database = new ClassicLevel(folder, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    maxFileSize,
    ...sizes,
  })
  try {
    await database.open()
    return database
  } catch (error) {
    await database.close().catch(() => {})
    throw openingError(archive, part, error)
  }
}

/** Throws when the disk below `folder` takes no data: then closing a database that can still be read would be a loss. */
export async function probeDisk(folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  if (bavail * bsize < roomToReopen) {
    throw new WaypostError('archive/unwritable', { folder, why: `less than ${roomToReopen} bytes are free` })
  }
  const probe = path.join(folder, 'probe.tmp')
  await writeFile(probe, Buffer.alloc(64 * 1024), { flush: true })
  await rm(probe)
}

/** The names in `folder`, which is made for its owner only unless it is there. Throws `archive/unwritable`. */
export async function ensureFolder(folder: string, archive = folder): Promise<string[]> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    return await readdir(folder)
  } catch (error) {
    throw new WaypostError('archive/unwritable', { folder: archive, why: messageOf(error) }, { cause: error })
  }
}

/** True for the name of a file that LevelDB makes. */
export function isDatabaseFile(name: string): boolean {
  return /\.(ldb|sst|log)$|^(MANIFEST-.*|CURRENT|LOCK|LOG|LOG\.old)$/.test(name)
}

async function prepareFolder(folder: string, archive: string, part: string): Promise<void> {
  const files = await ensureFolder(folder, archive)
  // LevelDB takes a folder without CURRENT for an empty one, and deletes the tables that it finds there.
  if (!files.includes('CURRENT') && files.some((name) => holdsData.test(name))) {
    throw damaged(archive, part, 'the file CURRENT is missing')
  }
  if (files.includes('CURRENT') && !isManifestName(await readFile(path.join(folder, 'CURRENT'), 'latin1')))
    throw damaged(archive, part, 'the file CURRENT does not name a manifest')
}

/** The error for an archive of which `part` is damaged. */
export function damaged(folder: string, part: string, why: string, cause?: unknown): WaypostError {
  return new WaypostError('archive/damaged', { folder, why: part === '' ? why : `${why} (in ${part})` }, { cause })
}

/** What met `error` while reading tells a person: an archive that is damaged, or `error` itself. */
export function readingError(archive: string, part: string, error: unknown): unknown {
  const cause = rootCause(error)
  return !isWaypostError(error) && isDamage(cause) ? damaged(archive, part, messageOf(cause), cause) : error
}

/** True for what comes of damaged files: LevelDB says so, or a row is not as long as it has to be. */
export function isDamage(error: unknown): boolean {
  const cause = rootCause(error)
  const code = systemCode(cause)
  return (
    isWaypostError(error, 'archive/damaged') ||
    code === 'LEVEL_CORRUPTION' ||
    (code === 'LEVEL_IO_ERROR' && isCutOff(messageOf(cause))) ||
    cause instanceof RangeError
  )
}

/** A file that a database names and that is gone, or shorter than it says, comes as an I/O error. */
function isCutOff(why: string): boolean {
  return /no such file|invalid argument/i.test(why)
}

/** Throws `archive/locked` when a process has the database in `folder` open. Its files are not touched. */
export async function checkUnused(folder: string, archive: string): Promise<void> {
  const database = new ClassicLevel(folder)
  // The lock is tried first; a database that is there is then an error.
  const error: unknown = await database.open({ createIfMissing: false, errorIfExists: true }).catch((error) => error)
  await database.close().catch(() => {})
  if (systemCode(rootCause(error)) === 'LEVEL_LOCKED') throw new WaypostError('archive/locked', { folder: archive })
}

/**
 * Has LevelDB save what it can of the database in `folder`, a copy; files that it cannot use go. What comes of it is to be
 * opened and read.
 */
export async function repairDatabase(folder: string): Promise<void> {
  await ClassicLevel.repair(folder).catch(() => {})
  await rm(path.join(folder, 'lost'), { recursive: true, force: true })
}

function openingError(folder: string, part: string, error: unknown): WaypostError {
  if (isWaypostError(error)) return error
  const cause = rootCause(error)
  const why = messageOf(cause)
  const code = systemCode(cause)
  if (code === 'LEVEL_LOCKED') return new WaypostError('archive/locked', { folder }, { cause })
  const isDamaged = code !== 'LEVEL_IO_ERROR' || isCutOff(why)
  return isDamaged
    ? damaged(folder, part, why, cause)
    : new WaypostError('archive/unwritable', { folder, why }, { cause })
}

/** What LevelDB itself said: abstract-level wraps it in "Database failed to open". */
function rootCause(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? rootCause(error.cause) : error
}
