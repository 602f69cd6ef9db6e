/** Reads the imports of src/ and holds the arrows of docs/architecture.md. */
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'

const root = path.resolve(import.meta.dirname, '../..')

/** What each folder of src/ may import, besides itself. A folder that is not here may not be. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  core: [],
  files: ['core'],
  telemetry: ['core'],
  net: ['core', 'files', 'telemetry'],
  protocols: ['core', 'telemetry', 'net'],
  client: ['core', 'telemetry', 'net', 'protocols'],
  archive: ['core', 'files', 'telemetry'],
  rln: ['core', 'telemetry'],
  messaging: ['core', 'files'],
  settings: ['core'],
  rest: ['core', 'telemetry'],
  node: ['core', 'telemetry', 'net', 'protocols', 'archive', 'rln', 'settings', 'rest'],
  cli: [
    'core',
    'files',
    'telemetry',
    'net',
    'protocols',
    'archive',
    'rln',
    'settings',
    'rest',
    'node',
    'client',
    'messaging',
  ],
}

/** What a folder may name as a type only: it is handed the thing by whoever composes the two. */
const typeArrows: Readonly<Record<string, readonly string[]>> = { protocols: ['archive'], client: ['messaging'] }

/** Folders that know of libp2p. To the others a peer is somebody who asks. */
const libp2pFolders = ['net', 'protocols', 'client', 'node', 'cli']

interface Import {
  readonly from: string
  readonly names: string
  readonly typeOnly: boolean
}

function importsOf(source: string): Import[] {
  const statements = source.matchAll(/^import\s+(type\s+)?([^'"]*?)(?:\s*from\s*)?'([^']+)'/gm)
  const calls = source.matchAll(/\bimport\(\s*'([^']+)'/g)
  return [
    ...Array.from(statements, ([, type, names = '', from = '']) => ({ from, names, typeOnly: type !== undefined })),
    ...Array.from(calls, ([, from = '']) => ({ from, names: '', typeOnly: false })),
  ]
}

/** The folder of src/ in which a file stands; of protocols/, the protocol too. */
function placeOf(file: string): { folder: string; protocol: string | undefined } {
  const [, folder = '', inner = ''] = file.split('/')
  return { folder, protocol: folder === 'protocols' && !inner.endsWith('.ts') ? inner : undefined }
}

function judgeRelative(file: string, { from, typeOnly }: Import): string | undefined {
  const here = placeOf(file)
  const there = placeOf(path.posix.join(path.posix.dirname(file), from))
  if (!from.endsWith('.ts')) return `names ${from} without .ts`
  if (here.folder === there.folder) {
    const ownOrShared = there.protocol === undefined || here.protocol === there.protocol
    return ownOrShared ? undefined : `reaches from ${here.protocol} into ${there.protocol}`
  }
  const allowed = [...(arrows[here.folder] ?? []), ...(typeOnly ? (typeArrows[here.folder] ?? []) : [])]
  return allowed.includes(there.folder) ? undefined : `imports ${there.folder}`
}

function judgePackage(file: string, { from, names }: Import): string | undefined {
  const { folder } = placeOf(file)
  if (folder === 'core' && !from.startsWith('node:')) return `imports the package ${from}`
  if (!/^(@libp2p\/|@chainsafe\/libp2p|libp2p$)/.test(from)) return undefined
  if (!libp2pFolders.includes(folder)) return `imports ${from}`
  // Streams are for net: a service sees a request and returns an answer.
  if (folder !== 'net' && /\b(Stream|StreamHandler|IncomingStreamData)\b/.test(names))
    return `takes streams from ${from}`
  return undefined
}

/** What is wrong with a file of src/, a line each. */
function violations(file: string, source: string): string[] {
  const { folder } = placeOf(file)
  const found = importsOf(source).map((one) =>
    one.from.startsWith('.') ? judgeRelative(file, one) : judgePackage(file, one),
  )
  if (arrows[folder] === undefined) found.push('stands in a folder without an arrow')
  if (/^export\s[^=(]*?\sfrom\s*'/m.test(source)) found.push('passes on what another file exports')
  if (folder !== 'net' && /\.(dialProtocol|newStream)\(/.test(source)) found.push('opens a stream')
  return found.filter((line) => line !== undefined).map((line) => `${file} ${line}`)
}

const files = globSync('src/**/*.ts', { cwd: root }).map((file) => file.split(path.sep).join('/'))

t.test('each folder imports only what stands to its left', async (t) => {
  t.ok(files.length > 20, 'the sources are there')
  t.same(
    files.flatMap((file) => violations(file, readFileSync(path.join(root, file), 'utf8'))),
    [],
  )
})

/** Made-up sources that break one rule each, and beside them the nearest that does not. */
const broken = [
  { file: 'src/core/a.ts', source: "import { b } from '../net/b.ts'", wrong: 'imports net' },
  { file: 'src/core/a.ts', source: "import pino from 'pino'", wrong: 'imports the package pino' },
  { file: 'src/net/a.ts', source: "import { type B, b } from '../protocols/store/b.ts'", wrong: 'imports protocols' },
  { file: 'src/net/a.ts', source: "const b = await import('../node/b.ts')", wrong: 'imports node' },
  { file: 'src/net/a.ts', source: "import '../node/b.ts'", wrong: 'imports node' },
  { file: 'src/protocols/store/a.ts', source: "import { b } from '../../archive/b.ts'", wrong: 'imports archive' },
  {
    file: 'src/protocols/store/a.ts',
    source: "import {\n  b,\n} from '../relay/b.ts'",
    wrong: 'reaches from store into relay',
  },
  {
    file: 'src/protocols/store/a.ts',
    source: "import type { Stream } from '@libp2p/interface'",
    wrong: 'takes streams from @libp2p/interface',
  },
  { file: 'src/protocols/a.ts', source: 'await libp2p.dialProtocol(peer, id)', wrong: 'opens a stream' },
  {
    file: 'src/archive/a.ts',
    source: "import type { PeerId } from '@libp2p/interface'",
    wrong: 'imports @libp2p/interface',
  },
  { file: 'src/messaging/a.ts', source: "import { b } from '../telemetry/b.ts'", wrong: 'imports telemetry' },
  { file: 'src/rest/a.ts', source: "import type { Node } from '../node/b.ts'", wrong: 'imports node' },
  { file: 'src/core/index.ts', source: "export { b } from './b.ts'", wrong: 'passes on what another file exports' },
  { file: 'src/core/index.ts', source: "export * from './b.ts'", wrong: 'passes on what another file exports' },
  { file: 'src/helpers/a.ts', source: '', wrong: 'stands in a folder without an arrow' },
  { file: 'src/core/a.ts', source: "import { b } from './b.js'", wrong: 'names ./b.js without .ts' },
] as const

t.test('an import against the arrows is found', async (t) => {
  for (const { file, source, wrong } of broken) t.same(violations(file, source), [`${file} ${wrong}`], source)
})

const sound = [
  { file: 'src/core/a.ts', source: "import { hash } from 'node:crypto'\nimport { b } from './b.ts'" },
  { file: 'src/protocols/store/a.ts', source: "import type { Archive } from '../../archive/archive.ts'" },
  { file: 'src/protocols/store/a.ts', source: "import { b } from '../request-id.ts'" },
  { file: 'src/net/exchange.ts', source: "import type { Stream } from '@libp2p/interface'" },
  { file: 'src/core/a.ts', source: "export const text = `export * from './b.ts'`" },
] as const

t.test('an import along the arrows passes', async (t) => {
  for (const { file, source } of sound) t.same(violations(file, source), [], source)
})
