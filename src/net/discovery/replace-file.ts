/** Files that are always whole: a reader, and a start after a crash, finds what was there before or what is new. */
import { open, rename } from 'node:fs/promises'

/** Puts `content` in place of what is in `file`, for its owner only. Throws what the system says. */
export async function replaceFile(file: string, content: string): Promise<void> {
  const beside = `${file}.new`
  const handle = await open(beside, 'w', 0o600)
  try {
    await handle.writeFile(content)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(beside, file)
}
