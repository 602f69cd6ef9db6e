import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { environment } from '../kit/environment.ts'

const root = path.resolve(import.meta.dirname, '../../..')

/** As in package.json and bin/runtime.js. */
const oldestMajor = 24

/** Two ways to hand over: by becoming the node, and, as on a Node without `process.execve`, by standing in for it. */
const ways = [
  { id: 'becoming the node', flags: [] },
  { id: 'standing in for it', flags: ['--import', 'data:text/javascript,process.execve=undefined'] },
] as const

const heapFlags = ['--max-semi-space-size=64']

/**
 * In place of Waypost: holds a port, as a node does, and does what it is told. Says where it listens and its own process
 * id when it is ready.
 */
const standIn = `
import { createServer } from 'node:net'
const [command, argument] = process.argv.slice(2)
let signals = 0
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
  process.on(signal, () => {
    signals += 1
    console.log(JSON.stringify({ signal, signals }))
    if (command !== 'wait') process.exit(7)
  })
}
if (command === 'exit') process.exitCode = Number(argument)
else if (command === 'die') process.kill(process.pid, argument)
else {
  const server = createServer().listen(Number(argument) || 0, '127.0.0.1')
  server.on('listening', () => {
    const { execArgv, env } = process
    const { UV_THREADPOOL_SIZE: threads } = env
    const { port } = server.address()
    console.log(JSON.stringify({ pid: process.pid, port, execArgv, threads, marked: 'LAUNCHER_PIPE' in env }))
  })
}
`

/** A folder laid out as Waypost is, with the stand-in for its program. */
function installation(t: Test, program = standIn): string {
  const folder = t.testdir({ 'package.json': '{ "type": "module" }', dist: { src: { cli: { 'main.js': program } } } })
  cpSync(path.join(root, 'bin'), path.join(folder, 'bin'), { recursive: true })
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'))
  return folder
}

function launch(t: Test, folder: string, flags: readonly string[], args: readonly string[]): ChildProcess {
  const launcher = spawn(process.execPath, [...flags, path.join(folder, 'bin/waypost.js'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environment(),
  })
  t.teardown(() => launcher.kill('SIGKILL'))
  return launcher
}

/** The lines that a process writes, parsed, one by one. */
async function* linesOf({ stdout }: ChildProcess): AsyncGenerator<Record<string, unknown>> {
  if (stdout === null) throw new Error('the launcher has no standard output')
  for await (const line of createInterface(stdout)) yield JSON.parse(line)
}

async function next(lines: AsyncGenerator<Record<string, unknown>>): Promise<Record<string, unknown>> {
  const { value, done } = await lines.next()
  if (done) throw new Error('the process ended without a word')
  return value
}

for (const { id, flags } of ways) {
  t.test(`${id}, the launcher passes arguments and heap flags on`, async (t) => {
    const launcher = launch(t, installation(t), flags, ['listen'])
    const ready = await next(linesOf(launcher))
    t.ok(heapFlags.every((flag) => Array.isArray(ready.execArgv) && ready.execArgv.includes(flag)))
    t.equal(ready.threads, '16', 'and has threads for slow disks')
    t.equal(ready.marked, false, 'the pipe is no part of the environment that settings are read from')
    t.equal(ready.pid === launcher.pid, flags.length === 0, 'the process id stays when the launcher becomes the node')
  })

  t.test(`${id}, the launcher ends with the exit code of the node`, async (t) => {
    const launcher = launch(t, installation(t), flags, ['exit', '42'])
    t.same(await once(launcher, 'exit'), [42, null])
  })

  t.test(`${id}, the launcher ends by the signal that ended the node`, async (t) => {
    const launcher = launch(t, installation(t), flags, ['die', 'SIGKILL'])
    t.same(await once(launcher, 'exit'), [null, 'SIGKILL'])
  })

  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    t.test(`${id}, the launcher forwards ${signal} once`, async (t) => {
      const launcher = launch(t, installation(t), flags, ['listen'])
      const lines = linesOf(launcher)
      await next(lines)
      launcher.kill(signal)
      t.same(await next(lines), { signal, signals: 1 })
      t.same(await once(launcher, 'exit'), [7, null])
    })
  }

  t.test(`${id}, a launcher killed outright frees the port for the next start at once`, async (t) => {
    const folder = installation(t)
    const first = launch(t, folder, flags, ['wait'])
    const { port } = await next(linesOf(first))
    first.kill('SIGKILL')
    await once(first, 'exit')
    const second = launch(t, folder, flags, ['wait', String(port)])
    t.equal((await next(linesOf(second))).port, port)
  })
}

t.test('Ctrl-C at a terminal reaches the node once, though the launcher stands in for it', async (t) => {
  // The terminal signals the whole foreground group; so does a negative process id.
  const folder = installation(t)
  const launcher = spawn(process.execPath, [...ways[1].flags, path.join(folder, 'bin/waypost.js'), 'wait'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: environment(),
    detached: true,
  })
  t.teardown(() => launcher.kill('SIGKILL'))
  const lines = linesOf(launcher)
  await next(lines)
  process.kill(-Number(launcher.pid), 'SIGINT')
  t.same(await next(lines), { signal: 'SIGINT', signals: 1 })
  launcher.kill('SIGTERM')
  t.same(await next(lines), { signal: 'SIGTERM', signals: 2 }, 'and no second SIGINT came in between')
})

t.test('npm start forwards a signal to the node, with no shell in between that would keep it', async (t) => {
  const folder = installation(t)
  const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
  writeFileSync(
    path.join(folder, 'package.json'),
    JSON.stringify({ type: 'module', scripts: { start: scripts.start } }),
  )
  const npm = spawn('npm', ['start', '--silent'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: environment(),
  })
  const lines = linesOf(npm)
  const { pid } = await next(lines)
  t.teardown(() => isRunning(Number(pid)) && process.kill(Number(pid), 'SIGKILL'))
  npm.kill('SIGTERM')
  t.same(await next(lines), { signal: 'SIGTERM', signals: 1 })
})

t.test('without a build the launcher says what to do', async (t) => {
  const folder = t.testdir({ 'package.json': '{ "type": "module" }' })
  cpSync(path.join(root, 'bin'), path.join(folder, 'bin'), { recursive: true })
  const launcher = launch(t, folder, [], [])
  const [output] = await Promise.all([text(launcher), once(launcher, 'exit')])
  t.match(output, /npm run build/)
  t.equal(launcher.exitCode, 78)
})

/** A Node that a system's packages may have: too old for Waypost, too old for `process.execve`. */
const systemNode = '/usr/bin/node'

t.test('an old Node of the machine finds the one that npm brought', { skip: oldNode() }, async (t) => {
  const launcher = spawn(systemNode, [path.join(installation(t), 'bin/waypost.js'), 'listen'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: environment(),
  })
  t.teardown(() => launcher.kill('SIGTERM'))
  const ready = await next(linesOf(launcher))
  t.not(ready.pid, launcher.pid)
  t.ok(Array.isArray(ready.execArgv) && ready.execArgv.includes(heapFlags[0]))
})

t.test('an old Node that finds no other says which is needed', { skip: oldNode() }, async (t) => {
  // npm brings no Node for this machine.
  const foreign = 'data:text/javascript,Object.defineProperty(process, "arch", { value: "mips" })'
  const launcher = spawn(systemNode, ['--import', foreign, path.join(installation(t), 'bin/waypost.js')], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: environment(),
  })
  const [output] = await Promise.all([text(launcher), once(launcher, 'exit')])
  t.match(output, `needs Node ${oldestMajor} or newer`)
  t.equal(launcher.exitCode, 78)
})

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

function oldNode(): string | false {
  if (!existsSync(systemNode)) return 'needs an old Node'
  const major = Number.parseInt(execFileSync(systemNode, ['--version'], { encoding: 'utf8' }).slice(1), 10)
  return major < oldestMajor ? false : 'needs an old Node'
}

async function text({ stderr }: ChildProcess): Promise<string> {
  if (stderr === null) throw new Error('the launcher has no standard error')
  stderr.setEncoding('utf8')
  return (await stderr.toArray()).join('')
}
