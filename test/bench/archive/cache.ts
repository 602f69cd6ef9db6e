/** Has the system forget what it holds in memory of some files, without rights of its own. GNU dd, and fincore to see it. */
import { execFile } from 'node:child_process'
import { readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Share of the bytes that may stay: what of a file is mapped by somebody cannot be dropped. */
const tolerated = 0.01

/** All files in some folder. */
export async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => path.join(parentPath, name))
}

/** Bytes of all files in some folder. */
export async function bytesIn(folder: string): Promise<number> {
  const sizes = (await filesIn(folder)).map(async (file) => (await stat(file).catch(() => undefined))?.size ?? 0)
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}

/** One process for many files. */
const dropScript =
  'for file; do dd if=/dev/null of="$file" oflag=nocache conv=notrunc,fdatasync count=0 status=none; done'

/** Drops the files in `folder` from the page cache. Throws when they are still there. */
export async function dropCache(folder: string): Promise<void> {
  const files = await filesIn(folder)
  const cached = await cachedOf(files)
  await run('sh', ['-c', dropScript, 'sh', ...cached.keys()])
  const left = [...(await cachedOf(files)).values()].reduce((sum, bytes) => sum + bytes, 0)
  if (left > (await bytesIn(folder)) * tolerated)
    throw new Error(`${left} bytes of files in ${folder} are still in the page cache`)
}

/** Bytes in memory of those files of which there are some. */
export async function cachedOf(files: readonly string[]): Promise<Map<string, number>> {
  const { stdout } = await run('fincore', ['--bytes', '--noheadings', '--raw', '--output=RES', ...files], {
    maxBuffer: 2 ** 24,
  })
  const bytes = stdout.trim().split('\n').map(Number)
  return new Map(files.flatMap((file, index): [string, number][] => (bytes[index] ? [[file, bytes[index]]] : [])))
}
