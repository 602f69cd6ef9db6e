/** What `npm ci` needs to be true, on every platform and with old and new npm alike. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'

const root = path.resolve(import.meta.dirname, '../..')

type Versions = Readonly<Record<string, string>>

/** A package in the lockfile, by the folder where it is installed. */
interface Locked {
  readonly version?: string
  readonly resolved?: string
  readonly dependencies?: Versions
  readonly optionalDependencies?: Versions
  readonly peerDependencies?: Versions
  readonly hasInstallScript?: boolean
  readonly integrity?: string
  readonly peerDependenciesMeta?: Readonly<Record<string, { optional?: boolean }>>
}

interface Manifest extends Locked {
  readonly devDependencies: Versions
  readonly engines: { readonly node: string }
}

function readText(file: string): string {
  return readFileSync(path.join(root, file), 'utf8')
}

const manifest: Manifest = JSON.parse(readText('package.json'))
const lock: { packages: Readonly<Record<string, Locked>> } = JSON.parse(readText('package-lock.json'))

t.test('every dependency is pinned to one version', async (t) => {
  const { dependencies, devDependencies, optionalDependencies } = manifest
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies }))
    t.match(version, /^\d+\.\d+\.\d+$/, name)
})

t.test('the lockfile names no place to download from', async (t) => {
  t.same(
    Object.entries(lock.packages).filter(([, { resolved }]) => resolved !== undefined),
    [],
  )
})

/** Packages that may run a script of theirs at installation, and why each does not matter when it is not run. */
const installScripts: Readonly<Record<string, string>> = {
  'classic-level': 'looks for a build of LevelDB for this platform, which the package has; the image is built without',
  esbuild: 'puts the program of this platform in place of a script that finds it; only the test in a browser uses it',
}

t.test('no package runs a script at installation but those that were looked at', async (t) => {
  const found = Object.entries(lock.packages).filter(([, { hasInstallScript }]) => hasInstallScript)
  t.same(
    found.map(([folder]) => folder.slice('node_modules/'.length)).toSorted(),
    Object.keys(installScripts).toSorted(),
  )
})

t.test('the lockfile has the hash of each package, so that npm finds one that was exchanged', async (t) => {
  const packages = Object.entries(lock.packages).filter(([folder]) => folder !== '')
  t.ok(packages.length > 100, 'the packages are there')
  t.same(
    packages.filter(([, { integrity = '' }]) => !integrity.startsWith('sha512-')).map(([folder]) => folder),
    [],
  )
})

/** The folders in which Node looks for what a package in `folder` asks for: its own, and all above. */
function above(folder: string): string[] {
  const parent = folder.lastIndexOf('node_modules/')
  return parent < 0 ? [''] : [`${folder}/`, ...above(folder.slice(0, Math.max(0, parent - 1)))]
}

function locked(folder: string, name: string): Locked | undefined {
  return above(folder)
    .map((parent) => lock.packages[`${parent}node_modules/${name}`])
    .find((found) => found !== undefined)
}

interface Demand {
  readonly name: string
  readonly range: string
  /** Need not be there; but if it is, in a version that fits. */
  readonly optional: boolean
}

function demandsOf({
  dependencies,
  optionalDependencies,
  peerDependencies,
  peerDependenciesMeta = {},
}: Locked): Demand[] {
  const own = Object.entries({ ...dependencies, ...optionalDependencies })
  const peers = Object.entries(peerDependencies ?? {})
  return [
    ...own.map(([name, range]) => ({ name, range, optional: false })),
    ...peers.map(([name, range]) => ({ name, range, optional: peerDependenciesMeta[name]?.optional === true })),
  ]
}

/** Whether what is locked fits; a range is taken on trust, an exact version is compared. */
function isMet(folder: string, { name, range, optional }: Demand): boolean {
  const found = locked(folder, name)
  if (found === undefined) return optional
  return !/^\d+\.\d+\.\d+$/.test(range) || found.version === range
}

t.test('nothing of React Native is brought, which the transport of WebRTC asks for and no node uses', async (t) => {
  const found = Object.keys(lock.packages).filter((folder) => folder.includes('react-native'))
  t.same(found, ['node_modules/react-native-webrtc'])
  t.equal((lock.packages[found[0] ?? ''] as { name?: string }).name, 'p-defer', 'and this is not it')
})

t.test('the lockfile has all that is asked for, also for other platforms', async (t) => {
  const missing = Object.entries(lock.packages).flatMap(([folder, entry]) =>
    demandsOf(entry)
      .filter((demand) => !isMet(folder, demand))
      .map(({ name, range }) => `${folder} asks for ${name} ${range}`),
  )
  t.same(missing, [], 'make it from nothing: rm package-lock.json; npm install --package-lock-only')
})

t.test('the launcher knows the runtime of each platform that npm installs', async (t) => {
  const launcher = readText('bin/runtime.js')
  const shipped = Array.from(launcher.matchAll(/'[a-z0-9]+-[a-z0-9]+': '(node-[a-z0-9-]+)'/g), ([, name]) => name)
  const runtimes = Object.keys(manifest.optionalDependencies ?? {}).filter((name) =>
    /^node-(bin-)?(darwin|linux|win)-/.test(name),
  )
  t.same(shipped.toSorted(), runtimes.toSorted())
  t.match(launcher, `oldestMajor = ${manifest.engines.node.slice('>='.length)}\n`)
})
