/** The unit for systemd, judged by systemd itself, without a systemd that runs. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { daemon } from '../kit/daemon.ts'
import { needs } from '../kit/tools.ts'

const root = path.resolve(import.meta.dirname, '../../..')
const file = path.join(root, 'deploy/systemd/waypost.service')
const run = promisify(execFile)

/** systemd's own measure, 0 to 100 in tenths: what is left are the network, Unix sockets and code made at run time. */
const mostExposed = 15

/** The unit as installed, but with the programs of this checkout, which `verify` looks for. */
async function unitHere(t: Test, change: (text: string) => string = (text) => text): Promise<string> {
  const unit = path.join(t.testdir(), 'waypost.service')
  const text = (await readFile(file, 'utf8')).replaceAll('/opt/waypost/', `${root}/`)
  await writeFile(unit, change(text))
  return unit
}

/** What a program says when it fails; undefined when it does not. */
async function complaint(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { stderr } = await run(program, args, { encoding: 'utf8' })
    return stderr === '' ? undefined : stderr
  } catch (error) {
    return String(error)
  }
}

t.test('systemd finds no fault in the unit', async (t) => {
  const analyze = needs(t, 'systemd-analyze')
  if (analyze === undefined) return
  t.equal(await complaint(analyze, ['verify', '--man=no', await unitHere(t)]), undefined)
  const misspelled = await unitHere(t, (text) => text.replace('LimitNOFILE', 'LimitNoFiles'))
  t.match(await complaint(analyze, ['verify', '--man=no', misspelled]), /LimitNoFiles/)
})

t.test('the unit is closed up, as systemd measures it', async (t) => {
  const analyze = needs(t, 'systemd-analyze')
  if (analyze === undefined) return
  const measure = (unit: string) =>
    complaint(analyze, ['security', '--offline=true', `--threshold=${mostExposed}`, '--no-pager', unit])
  t.equal(await measure(await unitHere(t)), undefined)
  const open = await unitHere(t, (text) => text.replaceAll(/^(Protect|Private|Restrict|SystemCall)\w+=.*$/gm, ''))
  t.not(await measure(open), undefined, 'one without its walls is not')
})

const settings = [
  ['NoNewPrivileges', 'yes'],
  ['ProtectSystem', 'strict'],
  ['Restart', 'on-failure'],
  ['ExecReload', '/bin/kill -HUP $MAINPID'],
  ['StateDirectory', 'waypost'],
  ['LimitNOFILE', '16384'],
] as const

t.test('the unit starts the program on its own folder, and gives it the time that it may take to end', async (t) => {
  const lines = new Map(
    (await readFile(file, 'utf8')).matchAll(/^(\w+)=(.*)$/gm).map(([, name = '', value = '']) => [name, value]),
  )
  for (const [name, value] of settings) t.equal(lines.get(name), value, name)
  t.ok(Number(lines.get('TimeoutStopSec')) > 10)
  const [, ...command] = (lines.get('ExecStart') ?? '').split(' ')
  t.same(command, [
    'run',
    '--config-file=/etc/waypost/waypost.toml',
    `--data-dir=/var/lib/${lines.get('StateDirectory')}`,
  ])
  // What would hold it down for ever, once the cause is gone, is not in the list: a port or an archive in use, a disk.
  const never = (lines.get('RestartPreventExitStatus') ?? '').split(' ').map(Number)
  t.same(never, [64, 66, 74, 77, 78])
})

/** The names in a set of systemd's, those of the sets that it includes too. */
function expand(sets: ReadonlyMap<string, readonly string[]>, name: string): string[] {
  return (sets.get(name) ?? []).flatMap((item) => (item.startsWith('@') ? expand(sets, item) : [item]))
}

/** Each set with its lines: `systemd-analyze syscall-filter`. */
async function callSets(analyze: string): Promise<Map<string, string[]>> {
  const { stdout } = await run(analyze, ['--no-pager', 'syscall-filter'], { encoding: 'utf8' })
  const sets = new Map<string, string[]>()
  let current: string[] = []
  for (const line of stdout.split('\n')) {
    if (line.startsWith('@')) {
      current = []
      sets.set(line, current)
    } else if (/^ {4}[@a-z]/.test(line)) current.push(line.trim())
  }
  return sets
}

/** System calls that the filter of the unit turns away and a node can do without: what is done instead is said here. */
const declined = new Set([
  // Node asks for threads of its own priority, and goes on without.
  'sched_setscheduler',
  'setpriority',
])

t.test('the filter of the unit lets through what a node calls, from its start over a message to its end', async (t) => {
  const analyze = needs(t, 'systemd-analyze')
  const strace = needs(t, 'strace')
  if (analyze === undefined || strace === undefined) return
  const [allow = '', deny = ''] = (await readFile(file, 'utf8'))
    .matchAll(/^SystemCallFilter=(.*)$/gm)
    .map(([, sets = '']) => sets)
  const sets = await callSets(analyze)
  const denied = new Set(
    deny
      .slice(1)
      .split(' ')
      .flatMap((name) => expand(sets, name)),
  )
  const allowed = new Set(
    allow
      .split(' ')
      .flatMap((name) => expand(sets, name))
      .filter((call) => !denied.has(call)),
  )
  t.ok(allowed.has('epoll_wait') && !allowed.has('ptrace') && !allowed.has('mount'), 'the sets are read')

  const trace = path.join(t.testdir(), 'trace')
  // -D: the node keeps its place as our child, and strace stands aside.
  const node = await daemon(t, { under: [strace, '-D', '-f', '-q', '-e', 'signal=none', '-o', trace] })
  const message = { payload: btoa('through the filter'), contentTopic: '/unit/1/test/plain' }
  const headers = { 'content-type': 'application/json' }
  const published = await fetch(`${node.restUrl}/relay/v1/auto/messages`, {
    method: 'POST',
    headers,
    body: JSON.stringify(message),
  })
  t.equal(published.status, 200, await published.text())
  // strace holds the pipes of the node as well, until it has written all.
  const closed = once(node.process, 'close')
  t.equal(await node.stop(), 0)
  await closed
  const called = new Set((await readFile(trace, 'utf8')).matchAll(/^\d+ +(\w+)\(/gm).map(([, call = '']) => call))
  t.ok(called.has('execve') && called.has('listen'), 'the trace is read')
  t.same([...called].filter((call) => !allowed.has(call) && !declined.has(call)).sort(), [])
})
