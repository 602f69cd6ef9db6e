/** Files that commands write: new ones only, whole or not at all. */
import { writeFile } from 'node:fs/promises'
import { systemCode, WaypostError } from '../core/errors.ts'

export interface NewFileOptions {
  /** What to do when the file is there, for a person. */
  readonly what: string
}

/** Writes a file that only its owner may read, and syncs it. Throws `cli/exists` and `cli/cannot-write`. */
export async function writeNewFile(path: string, text: string, { what }: NewFileOptions): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'wx', mode: 0o600, flush: true })
  } catch (error) {
    const why = systemCode(error)
    if (why === 'EEXIST') throw new WaypostError('cli/exists', { path, what }, { cause: error })
    throw new WaypostError('cli/cannot-write', { path, why }, { cause: error })
  }
}
