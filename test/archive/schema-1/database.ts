/** The LevelDB database of an archive: opened with errors that say what to do, at a schema that we know. */
import { mkdir, readdir, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ChainedBatch, ClassicLevel } from 'classic-level'
import { isWaypostError, messageOf, systemCode, WaypostError } from '../../../src/core/errors.ts'
import { schemaVersion, settingKeys } from './layout.ts'

/** Keys and values are bytes. */
export type Database = ClassicLevel<Buffer, Buffer>

/** Changes that are written all or none. Cheaper than an array of operations by half. */
export type Batch = ChainedBatch<Database, Buffer, Buffer>

/**
 * Bytes of messages that LevelDB gathers in memory (twice, while one half is written out) before they become a sorted
 * file. Small ones stall writers: 4 MiB for up to 372 ms, 64 MiB for 55 ms. Large ones make opening after a crash slow.
 */
const writeBufferSize = 32 * 1024 * 1024

/** Bytes of recently read blocks kept in memory. */
const cacheSize = 64 * 1024 * 1024

/** Bytes of one sorted file: with these a table cache of 1000 files holds 16 GB of messages. */
const maxFileSize = 16 * 1024 * 1024

/** Free bytes without which opening again is not tried: LevelDB writes its buffer out when it opens. */
const roomToReopen = 2 * writeBufferSize

/**
 * Opens the database in `folder`, and makes it when there is none. Throws `archive/locked`, `archive/unwritable`,
 * `archive/damaged` or `archive/newer-schema`.
 */
export async function openDatabase(folder: string): Promise<Database> {
  await prepareFolder(folder)
  const database: Database = new ClassicLevel(folder, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    writeBufferSize,
    cacheSize,
    maxFileSize,
  })
  try {
    await database.open()
    await checkSchema(database, folder)
    return database
  } catch (error) {
    await database.close().catch(() => {})
    throw openingError(folder, error)
  }
}

/** Throws when the disk below `folder` takes no data: then closing a database that can still be read would be a loss. */
export async function probeDisk(folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  if (bavail * bsize < roomToReopen) {
    throw new WaypostError('archive/unwritable', { folder, why: `less than ${roomToReopen} bytes are free` })
  }
  const probe = join(folder, 'probe.tmp')
  await writeFile(probe, Buffer.alloc(64 * 1024), { flush: true })
  await rm(probe)
}

async function prepareFolder(folder: string): Promise<void> {
  let files: string[]
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    files = await readdir(folder)
  } catch (error) {
    throw new WaypostError('archive/unwritable', { folder, why: messageOf(error) }, { cause: error })
  }
  // LevelDB takes a folder without CURRENT for an empty one, and deletes the tables that it finds there.
  if (!files.includes('CURRENT') && files.some((file) => /\.(ldb|sst|log)$|^MANIFEST-/.test(file))) {
    throw new WaypostError('archive/damaged', { folder, why: 'the file CURRENT is missing' })
  }
}

async function checkSchema(database: Database, folder: string): Promise<void> {
  const row = await database.get(settingKeys.schema)
  if (row === undefined) return await writeSchema(database, folder)
  const found = row.readUInt32BE()
  if (found > schemaVersion) throw new WaypostError('archive/newer-schema', { folder, found, known: schemaVersion })
}

async function writeSchema(database: Database, folder: string): Promise<void> {
  for await (const _ of database.keys({ limit: 1 })) {
    throw new WaypostError('archive/damaged', { folder, why: 'it holds data but does not say in which schema' })
  }
  const row = Buffer.alloc(4)
  row.writeUInt32BE(schemaVersion)
  await database.put(settingKeys.schema, row, { sync: true })
}

function openingError(folder: string, error: unknown): WaypostError {
  if (isWaypostError(error)) return error
  const cause = rootCause(error)
  const why = messageOf(cause)
  const code = systemCode(cause)
  if (code === 'LEVEL_LOCKED') return new WaypostError('archive/locked', { folder }, { cause })
  // A file that the database names and that is gone comes as an I/O error.
  const isDamaged = code !== 'LEVEL_IO_ERROR' || /no such file/i.test(why)
  return new WaypostError(isDamaged ? 'archive/damaged' : 'archive/unwritable', { folder, why }, { cause })
}

/** What LevelDB itself said: abstract-level wraps it in "Database failed to open". */
function rootCause(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? rootCause(error.cause) : error
}
