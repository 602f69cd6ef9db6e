/** Where the CPU time of a process went, from the `.cpuprofile` that Node leaves behind. */
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Bench } from './bench.ts'
import { figure, printTable } from './table.ts'

/**
 * The parts of the file that count: https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-Profile
 * Times are microseconds, of the same clock as `process.hrtime`.
 */
interface Profile {
  readonly startTime: number
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  }[]
  /** The node in which each sample was taken, and the time since the sample before. */
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

/** Time in which nothing ran. */
const idle = '(idle)'

const shownFunctions = 25
const shownPackages = 12

/** A folder for one process to leave its profile in. */
export function profileFolder(bench: Bench): string {
  return mkdtempSync(path.join(bench.testdirName, 'profile-'))
}

/** A time of the system's clock, by which a profile can be cut. */
export function instant(): number {
  return Number(process.hrtime.bigint() / 1000n)
}

/** Prints what used most of the time after `from` in the profile that was left in `folder`, by function and by package. */
export function printProfile(title: string, folder: string, from: number): void {
  const [file] = readdirSync(folder).filter((name) => name.endsWith('.cpuprofile'))
  if (file === undefined) throw new Error(`no profile in ${folder}`)
  const profile = JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as Profile
  printShares(`${title}: self time by function`, selfTimes(profile, from, functionOf), shownFunctions)
  printShares(`${title}: self time by package`, selfTimes(profile, from, packageOf), shownPackages)
}

type Node = Profile['nodes'][number]

/** Microseconds by the name that `nameOf` gives a node. */
function selfTimes(profile: Profile, from: number, nameOf: (node: Node) => string): Map<string, number> {
  const { nodes, samples, timeDeltas } = profile
  const names = new Map(nodes.map((node) => [node.id, nameOf(node)]))
  const times = new Map<string, number>()
  let now = profile.startTime
  for (const [index, id] of samples.entries()) {
    const delta = timeDeltas[index] ?? 0
    now += delta
    const name = names.get(id) ?? ''
    if (now >= from) times.set(name, (times.get(name) ?? 0) + delta)
  }
  return times
}

function printShares(title: string, times: ReadonlyMap<string, number>, shown: number): void {
  const busy = [...times].filter(([name]) => name !== idle).sort(([, one], [, other]) => other - one)
  const total = busy.reduce((sum, [, time]) => sum + time, 0)
  printTable(
    title,
    busy.slice(0, shown).map(([name, time]) => ({ share: figure((100 * time) / total, ' %'), what: name })),
  )
}

function functionOf({ callFrame: { functionName, url, lineNumber } }: Node): string {
  return url === '' ? functionName : `${functionName || '(anonymous)'}  ${shortened(url)}:${lineNumber + 1}`
}

/** A package of npm, a folder of ours, `node:` for the runtime's own modules, or what V8 calls it. */
function packageOf({ callFrame: { functionName, url } }: Node): string {
  if (url.startsWith('node:')) return url.split('/').slice(0, 2).join('/')
  const [, dependency] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url) ?? []
  const [, own] = /\/dist\/src\/(.+)\/[^/]+$/.exec(url) ?? []
  return dependency ?? (own === undefined ? nameOfBuiltin(functionName, url) : `waypost ${own}`)
}

/** Code of the runtime without a file: collection, compilation, and functions in C++. */
function nameOfBuiltin(functionName: string, url: string): string {
  if (url !== '') return shortened(url)
  return functionName.startsWith('(') ? functionName : '(native functions)'
}

function shortened(url: string): string {
  return url.replace(/^.*\/node_modules\//, '').replace(/^file:.*\/dist\//, '')
}
