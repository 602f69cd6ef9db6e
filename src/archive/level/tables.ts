/** The tables of a database, held against their checksums; and those of a copy, made such that LevelDB reads past damage. */
import { type FileHandle, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { systemCode, type WaypostError } from '../../core/errors.ts'
import { damaged } from './database.ts'
import { liveTables } from './manifest.ts'
import type { Pause } from './pace.ts'
import { checkData, checkHeads, type Patch, type Table } from './table-file.ts'

/** Bytes that are checked before others get their turn. */
const turnBytes = 1024 * 1024

/** Throws `archive/damaged` when a table in `folder` is not what its checksums say. */
export async function checkTables(folder: string, archive: string, pause: Pause = setImmediate): Promise<void> {
  for (const file of await liveIn(folder)) {
    const bytes = await readTable(file)
    if (bytes !== undefined && (await patchesFor(bytes, pause)).length > 0) throw damagedTable(file, archive)
  }
}

/** As `checkTables`, of what LevelDB reads when it opens a table: all but the data. */
export async function checkTableHeads(folder: string, archive: string): Promise<void> {
  for (const file of await liveIn(folder)) {
    await using handle = await open(file)
    const { patches } = await checkHeads(await onDisk(handle))
    if (patches.length > 0) throw damagedTable(file, archive)
  }
}

/** Bytes of the tables in `folder`. */
export async function bytesOfTables(folder: string): Promise<number> {
  const sizes = await Promise.all((await liveIn(folder)).map(async (file) => (await stat(file)).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** Undefined for one that LevelDB has replaced meanwhile. */
async function readTable(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

function damagedTable(file: string, archive: string): WaypostError {
  return damaged(archive, path.relative(archive, file), 'a table does not match its checksums')
}

/**
 * Changes what is damaged in the tables of `folder` so that LevelDB reads past it. True when one was that belongs to the
 * database. For copies: files are replaced.
 */
export async function disarmTables(folder: string): Promise<boolean> {
  const live = await liveIn(folder)
  let isDamaged = false
  for (const file of await tablesIn(folder)) {
    const bytes = await readFile(file)
    const patches = await patchesFor(bytes, setImmediate)
    if (patches.length === 0) continue
    for (const patch of patches) patch.bytes.copy(bytes, patch.at)
    // Its file is shared with what it was copied from.
    await rm(file)
    await writeFile(file, bytes)
    isDamaged ||= live.includes(file)
  }
  return isDamaged
}

/** What a crash leaves half-written is no part of a database; LevelDB deletes it. */
async function liveIn(folder: string): Promise<string[]> {
  const live = await liveTables(folder)
  return (await tablesIn(folder)).filter((file) => live.has(Number.parseInt(path.basename(file), 10)))
}

async function tablesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((): string[] => [])
  return names.filter((name) => /\.(ldb|sst)$/.test(name)).map((name) => path.join(folder, name))
}

async function patchesFor(bytes: Buffer, pause: Pause): Promise<readonly Patch[]> {
  const table = inTurns(bytes, pause)
  const { patches, data } = await checkHeads(table)
  return [...patches, ...(await checkData(table, data))]
}

/** A table in memory. */
function inTurns(bytes: Buffer, pause: Pause): Table {
  let given = 0
  return {
    bytes: bytes.length,
    async read(offset, length) {
      given += length
      if (given > turnBytes) {
        given = 0
        await pause()
      }
      return bytes.subarray(offset, offset + length)
    },
  }
}

async function onDisk(handle: FileHandle): Promise<Table> {
  const { size } = await handle.stat()
  return {
    bytes: size,
    async read(offset, length) {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, offset)
      return buffer.subarray(0, bytesRead)
    },
  }
}
