/** Files with secrets: readable by their owner only, never followed through a link, whole or absent after a crash. */
import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, link, open, rename, unlink } from 'node:fs/promises'
import path from 'node:path'
import { systemCode, WaypostError } from '../../core/errors.ts'

/**
 * The text of `file`; undefined where there is none. Throws `key-file/unreadable`, also where it is longer than `maxBytes`
 * (no more is read) or open to others.
 */
export async function readPrivateFile(file: string, maxBytes: number): Promise<string | undefined> {
  const handle = await openFile(file)
  if (handle === undefined) return undefined
  try {
    const problem = await accessProblem(handle)
    if (problem !== undefined) throw unreadable(file, problem)
    const buffer = Buffer.alloc(maxBytes + 1)
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0)
    if (bytesRead > maxBytes) throw unreadable(file, `it is longer than ${maxBytes} bytes`)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await handle.close()
  }
}

/** A symbolic link is not followed: who can write to the folder could point it at any file of ours. */
async function openFile(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file, constants.O_RDONLY | constants.O_NOFOLLOW)
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT') return undefined
    throw unreadable(file, code === 'ELOOP' ? 'it is a symbolic link' : code, error)
  }
}

async function accessProblem(handle: FileHandle): Promise<string | undefined> {
  const stat = await handle.stat()
  if (!stat.isFile()) return 'it is not a regular file'
  const isOpen = process.platform !== 'win32' && (stat.mode & 0o077) !== 0
  return isOpen ? `others may read it (mode ${(stat.mode & 0o777).toString(8)}): set it to 600` : undefined
}

/** How a file comes to stand where nothing stood, or in place of the one there. */
export type Placement = 'new' | 'replace'

/**
 * Puts `text` into `file`: on disk, with its name, before this resolves. Throws `key-file/exists` where a new file is
 * wanted and one is there, `key-file/unwritable`.
 */
export async function writePrivateFile(file: string, text: string, placement: Placement): Promise<void> {
  const draft = `${file}.${randomUUID()}.new`
  try {
    await writeSynced(draft, text)
    // A link fails where a file stands, and a rename takes its place: in one step each.
    await (placement === 'new' ? link(draft, file) : rename(draft, file))
    await syncFolder(path.dirname(file))
  } catch (error) {
    const code = systemCode(error)
    if (code === 'EEXIST') throw new WaypostError('key-file/exists', { file })
    throw new WaypostError('key-file/unwritable', { file, why: code }, { cause: error })
  } finally {
    await unlink(draft).catch(() => {})
  }
}

async function writeSynced(file: string, text: string): Promise<void> {
  const handle = await open(file, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** The name of a file is in its folder, which has to reach the disk too. Windows opens no folders and keeps names anyway. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, constants.O_RDONLY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function unreadable(file: string, why: string, cause?: unknown): WaypostError {
  return new WaypostError('key-file/unreadable', { file, why }, { cause })
}
