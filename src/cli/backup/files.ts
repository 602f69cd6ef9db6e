/** Files of a backup on disk: written new and synced, read only as what the manifest says. */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open, readdir } from 'node:fs/promises'
import path from 'node:path'
import { systemCode, WaypostError } from '../../core/errors.ts'
import { syncFolder } from '../../files/whole-file.ts'
import { fileBytes } from '../export-file.ts'
import { openNewFile } from '../new-file.ts'
import type { BackupFile } from './manifest.ts'

/** Writes a file that only its owner may read, and syncs it. Throws `cli/cannot-write`. */
export async function writePrivate(file: string, content: Uint8Array): Promise<void> {
  await using handle = await openNewFile(file, { what: 'nothing is overwritten' })
  try {
    await handle.writeFile(content)
    await handle.sync()
  } catch (error) {
    throw new WaypostError('cli/cannot-write', { path: file, why: systemCode(error) }, { cause: error })
  }
}

/** The content of a small file; undefined when it is not there. Throws `backup/damaged` for one that is large or none. */
export async function readSmall(folder: string, name: string, most: number): Promise<Buffer | undefined> {
  let handle: FileHandle
  try {
    handle = await open(path.join(folder, name), constants.O_RDONLY | constants.O_NOFOLLOW)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw damaged(name, systemCode(error))
  }
  try {
    const { size } = await handle.stat()
    if (size > most) throw damaged(name, `${size} bytes, more than such a file has`)
    const buffer = Buffer.alloc(size)
    const { bytesRead } = await handle.read(buffer, 0, size, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

/** What a manifest says of a file with this content. */
export function entryOf(name: string, content: Uint8Array): BackupFile {
  return { name, size: content.length, sha256: createHash('sha256').update(content).digest('hex') }
}

/** What a manifest says of a large file. */
export async function entryOfFile(folder: string, name: string): Promise<BackupFile> {
  const hash = createHash('sha256')
  let size = 0
  for await (const piece of fileBytes(path.join(folder, name))) {
    hash.update(piece)
    size += piece.length
  }
  return { name, size, sha256: hash.digest('hex') }
}

/** Throws `backup/damaged` unless what was found is what the manifest says. */
export function checkEntry(said: BackupFile, found: BackupFile): void {
  if (found.size !== said.size) throw damaged(said.name, `it has ${found.size} bytes, the manifest says ${said.size}`)
  if (found.sha256 !== said.sha256) throw damaged(said.name, 'its digest is not that of the manifest')
}

/** Waits until a folder with all that is in it is on disk. */
export async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const place = path.join(entry.parentPath, entry.name)
    if (entry.isDirectory()) await syncFolder(place)
    if (entry.isFile()) await syncFile(place)
  }
  await syncFolder(folder)
}

async function syncFile(file: string): Promise<void> {
  const handle = await open(file, 'r+')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

export function damaged(name: string, why: string): WaypostError {
  return new WaypostError('backup/damaged', { name, why })
}
