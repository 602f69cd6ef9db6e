/** The tables of a database, held against their checksums; and those of a copy, made such that LevelDB reads past damage. */
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { damaged } from './database.ts'
import { liveTables } from './manifest.ts'
import { checkData, checkHeads, type Patch, type Table } from './table-file.ts'

/** Bytes that are checked before others get their turn. */
const turnBytes = 1024 * 1024

/**
 * Throws `archive/damaged` when a table in `folder` is not what its checksums say. Tables of more than `most` bytes in
 * all are left to `waypost store verify`.
 */
export async function checkTables(folder: string, archive: string, most = Number.POSITIVE_INFINITY): Promise<void> {
  const tables = await liveIn(folder)
  const sizes = await Promise.all(tables.map(async (file) => (await stat(file)).size))
  if (sizes.reduce((sum, size) => sum + size, 0) > most) return
  for (const file of tables) {
    if ((await patchesFor(await readFile(file))).length === 0) continue
    throw damaged(archive, path.relative(archive, file), 'a table does not match its checksums')
  }
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
    const patches = await patchesFor(bytes)
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

async function patchesFor(bytes: Buffer): Promise<readonly Patch[]> {
  const table = inTurns(bytes)
  const { patches, data } = await checkHeads(table)
  return [...patches, ...(await checkData(table, data))]
}

/** A table in memory. */
function inTurns(bytes: Buffer): Table {
  let given = 0
  return {
    bytes: bytes.length,
    async read(offset, length) {
      given += length
      if (given > turnBytes) {
        given = 0
        await setImmediate()
      }
      return bytes.subarray(offset, offset + length)
    },
  }
}
