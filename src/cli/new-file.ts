/** Files that commands write: new ones only, whole or not at all. */
import { type FileHandle, open } from 'node:fs/promises'
import { systemCode, WaypostError } from '../core/errors.ts'

export interface NewFileOptions {
  /** What to do when the file is there, for a person. */
  readonly what: string
}

/** Writes a file that only its owner may read, and syncs it. Throws `cli/exists` and `cli/cannot-write`. */
export async function writeNewFile(path: string, text: string, options: NewFileOptions): Promise<void> {
  await using handle = await openNewFile(path, options)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } catch (error) {
    throw new WaypostError('cli/cannot-write', { path, why: systemCode(error) }, { cause: error })
  }
}

/** Makes a file that only its owner may read. Throws `cli/exists` and `cli/cannot-write`. */
export async function openNewFile(path: string, { what }: NewFileOptions): Promise<FileHandle> {
  try {
    return await open(path, 'wx', 0o600)
  } catch (error) {
    const why = systemCode(error)
    if (why === 'EEXIST') throw new WaypostError('cli/exists', { path, what }, { cause: error })
    throw new WaypostError('cli/cannot-write', { path, why }, { cause: error })
  }
}
