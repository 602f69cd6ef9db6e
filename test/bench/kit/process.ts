/** What the system tells of a process, and where it lets it run. Linux; elsewhere figures are missing and nothing is pinned. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** Of `/proc/<pid>/stat`, in each second: `getconf CLK_TCK`, 100 on every Linux that Node runs on. */
const ticksPerSecond = 100

/** CPU seconds that all threads of a process have used. */
export function cpuSeconds(pid: number): number {
  const [, ticks = ''] = read(`/proc/${pid}/stat`).split(') ')
  // User and system time are the fields 14 and 15; 1 and 2 are before the parenthesis.
  const [user = Number.NaN, system = Number.NaN] = ticks.split(' ').slice(11, 13).map(Number)
  return (user + system) / ticksPerSecond
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
