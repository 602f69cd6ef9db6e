/**
 * Files that are whole or not there: a reader, and a start after a crash, finds what was there before or what is new.
 * What stands in them is for their owner only.
 */
import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { link, open, rename, unlink } from 'node:fs/promises'
import path from 'node:path'
import { systemCode } from '../core/errors.ts'

/** Puts `content` into `file`, in place of what is there: on disk, with its name, before this resolves. Throws what the system says. */
export async function replaceFile(file: string, content: string): Promise<void> {
  await withDraft(file, content, (draft) => rename(draft, file))
}

/** As `replaceFile`, but false, with nothing changed, where a file is. */
export function writeNewFile(file: string, content: string): Promise<boolean> {
  return withDraft(file, content, (draft) => linkNew(draft, file))
}

/**
 * Writes `content` beside `file` and has `place` put it there, in one step; then its name is on disk too. The draft has a
 * name that nobody can foresee, and is not left behind.
 */
export async function withDraft<T>(file: string, content: string, place: (draft: string) => Promise<T>): Promise<T> {
  const draft = `${file}.${randomUUID()}.new`
  try {
    await writeSynced(draft, content)
    const placed = await place(draft)
    await syncFolder(path.dirname(file))
    return placed
  } finally {
    await unlink(draft).catch(() => {})
  }
}

/** The name of a file is in its folder, which has to reach the disk too. Windows opens no folders, and keeps names anyway. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, constants.O_RDONLY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function writeSynced(file: string, content: string): Promise<void> {
  const handle = await open(file, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
  try {
    await handle.writeFile(content)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** What file systems without hard links answer. */
const linkless = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'])

/** Unlike a rename, a link never replaces a file that another process has made meanwhile. False when one has. */
async function linkNew(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    const code = systemCode(error)
    if (code === 'EEXIST') return false
    if (!linkless.has(code)) throw error
    await rename(from, to)
    return true
  }
}
