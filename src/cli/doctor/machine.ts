/** The machine: its Node, its clock, its memory, how many files a process may open. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { promisify } from 'node:util'
import type { Milliseconds } from '../../core/time.ts'
import { worstCaseMemory } from '../../net/limits.ts'
import { limitsOf } from '../../node/host.ts'
import { showBytes } from '../snapshot.ts'
import { version } from '../version.ts'
import { type Examined, type Finding, fail, ok, skip, warn } from './check.ts'

const run = promisify(execFile)

/** The Node that is shipped, and measured faster (docs/decisions/0001-runtime-from-npm.md). */
const shippedMajor = 26

export function checkVersion({ node }: Examined): Finding[] {
  const [major = 0] = process.versions.node.split('.').map(Number)
  const runtime = `waypost ${version} on Node ${process.versions.node}`
  const findings = [
    major >= shippedMajor
      ? ok(runtime)
      : warn(
          `${runtime}: it works, and ${shippedMajor} is faster`,
          'run `npm ci` without --omit=optional, or install it',
        ),
  ]
  if (node !== undefined && node.snapshot.version !== version)
    findings.push(warn(`the node that runs is version ${node.snapshot.version}`, 'restart it to run this one'))
  return findings
}

/** For a program that tells of the system's clock. */
const askTimeout: Milliseconds = 3000

/** Above it the node's own archive and that of others refuse messages: 20 s (14/WAKU2-MESSAGE); below, it is worth a look. */
const wrongSeconds = 20
const doubtfulSeconds = 2

export async function checkClock({ node }: Examined): Promise<Finding[]> {
  return [...(await systemClock()), ...(node === undefined ? [] : comparedClock(node.metrics))]
}

/** Whether something keeps the clock, asked of the system alone. */
async function systemClock(): Promise<Finding[]> {
  try {
    const { stdout } = await run('timedatectl', ['show', '--property=NTPSynchronized', '--value'], {
      timeout: askTimeout,
    })
    if (stdout.trim() === 'yes') return [ok('kept by NTP')]
    return [warn('not kept by NTP', 'timedatectl set-ntp true, or install chrony')]
  } catch {
    return [skip('the system does not tell whether NTP keeps it')]
  }
}

function comparedClock(metrics: NonNullable<Examined['node']>['metrics']): Finding[] {
  return [
    clockFinding(metrics.sum('waypost_clock_offset_seconds'), 'from the clocks of those who publish'),
    clockFinding(metrics.sum('waypost_clock_step_seconds'), 'since the start of the node, against the monotonic clock'),
  ].filter((finding) => finding !== undefined)
}

/** Undefined when the node does not know. */
function clockFinding(seconds: number | undefined, against: string): Finding | undefined {
  if (seconds === undefined || Number.isNaN(seconds)) return undefined
  const off = Math.abs(seconds)
  const says = `${off.toFixed(1)} s off ${against}`
  const advice = 'set the clock by NTP: timedatectl set-ntp true'
  if (off >= wrongSeconds) return fail(says, advice)
  return off >= doubtfulSeconds ? warn(says, advice) : ok(says)
}

/** Bytes without which no node runs well: its heap, LevelDB's buffers. */
const leastMemory = 256 * 1024 ** 2

export function checkMemory({ settings }: Examined): Finding[] {
  // Without a limit of the control group it is the largest number there is, or 0.
  const limit = process.constrainedMemory()
  const memory = limit > 0 ? Math.min(limit, totalmem()) : totalmem()
  const worst = worstCaseMemory(limitsOf(settings))
  const says = `${showBytes(memory)}; peers can take ${showBytes(worst)} of it at the worst`
  if (memory < leastMemory) return [fail(says, `give it ${showBytes(leastMemory)} at the least`)]
  return [memory < worst ? warn(says, 'fewer peers take less: --max-connections') : ok(says)]
}

/** Files beside connections: tables and logs of LevelDB, libraries, sockets that listen. */
const otherFiles = 1200

export async function checkOpenFiles({ settings }: Examined): Promise<Finding[]> {
  const limit = await openFilesLimit()
  if (limit === undefined) return [skip('this system does not tell how many files may be open')]
  const wanted = settings.maxConnections + settings.maxPendingConnections + otherFiles
  const says = `${limit} files may be open; ${settings.maxConnections} connections and the archive want ${wanted}`
  if (limit >= wanted) return [ok(says)]
  const advice = `ulimit -n ${wanted} before the start, or LimitNOFILE=${wanted} in its unit`
  return [limit < settings.maxConnections + settings.maxPendingConnections ? fail(says, advice) : warn(says, advice)]
}

/** Node itself raises the soft limit to the hard one when it starts. */
async function openFilesLimit(): Promise<number | undefined> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '')
  const [, soft] = /^Max open files\s+(\S+)/m.exec(limits) ?? []
  if (soft === undefined) return undefined
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft)
}
