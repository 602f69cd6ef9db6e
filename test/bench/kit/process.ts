/** What the system tells of a process, and where it lets it run. Linux; elsewhere figures are missing and nothing is pinned. */
import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

const nanosecondsPerSecond = 1e9

/** CPU seconds that the threads of a process have used: those that it has now, which none of ours leaves. */
export function cpuSeconds(pid: number): number {
  const threads = globSync(`/proc/${pid}/task/*/schedstat`)
  if (threads.length === 0) return Number.NaN
  // The first of three figures is the time on a core; in /proc/<pid>/stat it stands in steps of 10 ms.
  const times = threads.map((file) => Number(read(file).split(' ')[0]))
  return times.reduce((sum, time) => sum + time, 0) / nanosecondsPerSecond
}

/** Resident memory of a process, in MiB. */
export function residentMiB(pid: number): number {
  return statusMiB(pid, 'VmRSS')
}

/** The same without pages of files that it maps, as LevelDB does its tables: those the system takes back when it likes. */
export function ownMiB(pid: number): number {
  return statusMiB(pid, 'RssAnon')
}

function statusMiB(pid: number, name: string): number {
  const [, kilobytes = Number.NaN] = new RegExp(`${name}:\\s+(\\d+) kB`).exec(read(`/proc/${pid}/status`)) ?? []
  return Number(kilobytes) / 1024
}

/**
 * Keeps a process, all threads of it, on one core: what loads a node must not take the node's time. Without `taskset`,
 * or on a single core, it stays where it is.
 */
export function pin(pid: number, core: number): boolean {
  if (availableParallelism() <= core) return false
  return spawnSync('taskset', ['--all-tasks', '--cpu-list', '--pid', String(core), String(pid)]).status === 0
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
