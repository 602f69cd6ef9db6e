/**
 * Runs the compiled tests: `npm test`, or `npm test -- core net/frames` for those whose path contains a word.
 *
 * One line for each file as it ends, the whole report of those that failed, and `N passed, N failed, N skipped` as the
 * last line. Started from source (`node bin/node.js test/run.ts`), after the build.
 */
import { spawn, spawnSync } from 'node:child_process'
import { globSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'

const root = path.resolve(import.meta.dirname, '..')
const tap = path.join(root, 'node_modules/tap/dist/esm/run.mjs')
const builtTap = path.join(root, 'node_modules/@tapjs/test/test-built/dist/esm/index.js')
const results = path.join(root, '.tap/test-results')

interface Count {
  passed: number
  failed: number
  skipped: number
}

/** Only tests whose source is there: the build leaves what was compiled from a file that is gone. */
function testFiles(words: readonly string[]): string[] {
  return globSync('test/**/*.test.ts', { cwd: root })
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
    .map((file) => path.join('dist', file.replace(/\.ts$/, '.js')))
    .sort()
}

/** tap is a class put together from plugins; ours leaves TypeScript out. Once after `npm ci`, from what is installed. */
function buildTap(): void {
  if (!readFileSync(builtTap, 'utf8').includes('@tapjs/typescript')) return
  const { status } = spawnSync(process.execPath, [tap, 'build'], { cwd: root, stdio: 'inherit' })
  if (status !== 0) throw new Error('tap build failed')
}

/** Runs tap over `files` and says as each ends how it went. Returns those that failed, and tap's exit code. */
async function runTap(files: readonly string[], flags: readonly string[]) {
  rmSync(results, { recursive: true, force: true })
  const child = spawn(process.execPath, [tap, '--reporter=tap', ...flags, ...files], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? 1)))
  const failed = new Set<string>()
  for await (const line of createInterface(child.stdout)) {
    const file = announce(line)
    if (file !== undefined) failed.add(file)
  }
  return { failed, code: await ended }
}

/**
 * A line of tap's that closes a file is told, and how its process ended; the tests within are in the file's report.
 * Returns the file if it failed.
 */
function announce(line: string): string | undefined {
  const [, not, file, milliseconds] = /^(not )?ok \d+ - (dist\/\S+\.js)(?: # time=([\d.]+)ms)?/.exec(line) ?? []
  if (file !== undefined) {
    console.log(`${not === undefined ? 'ok  ' : 'FAIL'} ${file.slice('dist/'.length)} ${seconds(milliseconds)}`)
    return not === undefined ? undefined : file
  }
  if (/^ {2}(exitCode|signal|failure): (?!null)/.test(line)) console.log(`    ${line.trim()}`)
  return undefined
}

function seconds(milliseconds = '0'): string {
  return `${(Number(milliseconds) / 1000).toFixed(1)} s`
}

function reportOf(file: string): string {
  try {
    return readFileSync(path.join(results, `${file}.tap`), 'utf8')
  } catch {
    return ''
  }
}

/** Counts the tests that stand at the top of a file: those are its sentences. */
function count(report: string): Count {
  const lines = report.split('\n').filter((line) => /^(not )?ok \d/.test(line))
  const skipped = lines.filter((line) => / # SKIP/i.test(line)).length
  const failed = lines.filter((line) => line.startsWith('not ok')).length
  return { passed: lines.length - skipped - failed, failed, skipped }
}

/** What a person needs of a failed file: all but the lines that say that something went well. */
function withoutSuccess(report: string): string {
  return report
    .replace(/^\s*(ok \d|1\.\.\d|# time=|TAP version).*\n/gm, '')
    .replaceAll(/\n\s*\n/g, '\n')
    .trimEnd()
}

const words = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
const flags = process.argv.slice(2).filter((argument) => argument.startsWith('--'))
const files = testFiles(words)
if (files.length === 0) throw new Error(`no test file under test/ contains ${words.join(' or ')}`)
buildTap()
const { failed, code } = await runTap(files, flags)

const total: Count = { passed: 0, failed: 0, skipped: 0 }
for (const file of files) {
  const report = reportOf(file)
  const counted = count(report)
  if (failed.has(file)) console.log(`\n${file}\n${withoutSuccess(report)}`)
  total.passed += counted.passed
  // A file can fail without a test that did: its process crashed, or took too long.
  total.failed += failed.has(file) ? Math.max(1, counted.failed) : counted.failed
  total.skipped += counted.skipped
}
if (code !== 0 && total.failed === 0) total.failed = 1
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exitCode = total.failed === 0 ? 0 : 1
