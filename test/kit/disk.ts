/** A disk that a test may fill: a file system in memory. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Owner } from './owner.ts'

export interface SmallDisk {
  readonly folder: string
  /** Bytes that may still be written. */
  free(): number
  /** Another's file that leaves `left` bytes free. */
  fill(left: number): void
  /** Takes that file away. */
  empty(): void
}

/** Mounts one of `mebibytes` until the test has ended; undefined when this user may not mount. */
export function smallDisk(t: Owner, mebibytes: number): SmallDisk | undefined {
  // Not in the folder of the test: a mount that outlives a killed run must not be in the way of the next.
  const folder = mkdtempSync(path.join(tmpdir(), 'waypost-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', folder], { stdio: 'ignore' })
  } catch {
    rmSync(folder, { recursive: true })
    return undefined
  }
  t.teardown(() => {
    execFileSync('umount', ['--lazy', folder])
    rmSync(folder, { recursive: true, force: true })
  })
  const filler = path.join(folder, 'filler')
  const free = () => {
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize
  }
  return {
    folder,
    free,
    fill: (left) => execFileSync('fallocate', [`--length=${free() - left}`, filler]),
    empty: () => rmSync(filler),
  }
}
