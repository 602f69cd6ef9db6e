/**
 * docs/first-hour.md: what a new operator types in the first hour, and what the program answers.
 *
 * The commands are run as they stand on the page, in an empty folder, one after the other. What differs from run to run has
 * a fixed stand-in. first-hour.test.ts fails when the page is not what came of it; this file, started by
 * `npm run docs:first-hour`, writes it anew.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { environment } from '../kit/environment.ts'
import { freePort } from '../kit/free-port.ts'

const root = path.resolve(import.meta.dirname, '../../..')

export const pagePath = path.join(root, 'docs/first-hour.md')

/** Something that the operator does. Rows of one table: a command that is new gets its row. */
interface Step {
  /** What it is for: a paragraph above it. */
  readonly says: string
  readonly command: string
  /** It goes on while the next ones run, and is waited for until its output has this. */
  readonly until?: string
  /** The exit code that it is to have; 0 unless given. */
  readonly code?: number
}

const config = '--config-file=node/waypost.toml'
const topic = '--content-topic=/first-hour/1/greeting/plain'

const steps: readonly (Step | 'Ctrl-C')[] = [
  {
    says: 'A folder with settings and a key. It asks nothing; flags of `waypost run` would go into the file.',
    command: 'waypost init --data-dir=node',
  },
  { says: 'Would a node start with these settings?', command: `waypost config check ${config}` },
  {
    says: 'What of this machine would be in its way, or in that of its peers?',
    command: `waypost doctor ${config}`,
  },
  {
    says: 'Nothing that stops it. The node stays in this terminal and tells who it is and where; the next commands are for another one.',
    command: `waypost run ${config}`,
    until: 'Node setup complete',
  },
  {
    says: 'How is it? Ready; but nobody is connected, so nobody could be pushed to: name a peer with `--staticnode`.',
    command: `waypost status ${config}`,
  },
  {
    says: 'A message. With no peer there is nobody to relay it to, but the node stores it, and says so when it is on disk.',
    command: `waypost publish ${config} ${topic} hello`,
  },
  { says: 'And there it is.', command: `waypost query ${config} ${topic}` },
  'Ctrl-C',
  {
    says: 'What cannot be done is one line that says what to do, and an exit code for scripts.',
    command: `waypost status ${config}`,
    code: 69,
  },
  {
    says: 'The key cannot be made again, and messages only as far as others have them. All of it in one folder:',
    command: `waypost backup create --to=backup ${config}`,
  },
  { says: 'Is it whole?', command: 'waypost backup verify backup' },
  {
    says: 'On another machine, or after the folder was lost: the same peer with the same messages.',
    command: 'waypost backup restore backup --data-dir=restored',
  },
  {
    says: 'It runs as the first one did; its settings came along, the folder is another.',
    command: 'waypost run --config-file=restored/waypost.toml --data-dir=restored',
    until: 'Node setup complete',
  },
  { says: 'Nothing is missing.', command: `waypost query --config-file=restored/waypost.toml ${topic}` },
  'Ctrl-C',
]

const introduction = `# The first hour

What a new operator types, and what the program answers. Each command was run as it stands here, in an empty folder;
\`npm run docs:first-hour\` does it again, and a test fails when the page is not what comes of it. Names, times, sizes and
paths are made equal from run to run. The rest is in [the handbook](operating.md).
`

/** What differs from run to run, and what stands on the page for it, in this order. */
const standIns: readonly (readonly [RegExp, string])[] = [
  [/16Uiu2HA\w+/g, '16Uiu2HAm…'],
  [/enr:[\w-]+/g, 'enr:-…'],
  [/0x[0-9a-f]{64}/g, '0x…'],
  [/\b0[23][0-9a-f]{64}\b/g, '02…'],
  [/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '2026-01-01T12:00:00.000Z'],
  [/^\[[\d:.]+\]/gm, '[12:00:00.000]'],
  [/, \d[\d.]* (?:B|KiB)$/gm, ', …'],
  [/"mebibytes":\d+/g, '"mebibytes":…'],
  // What doctor says of the machine: each has another.
  [/^\S+ +(version|clock|memory|open files|disk) ( *).*(?:\n +-> .*)*$/gm, 'ok    $1 $2…'],
  [/^\d+ ok, \d+ to look at, \d+ wrong$/gm, '… ok, … to look at, 0 wrong'],
  [/^(up +).*$/gm, '$11 s'],
  [/^((?:memory|disk free|event loop|processor|resident) +).*$/gm, '$1…'],
]

/** Ports that nobody has now: the page has the usual ones, which somebody may have. */
const usualPorts = { TCP_PORT: 60000, WEBSOCKET_PORT: 8000, REST_PORT: 8645, METRICS_SERVER_PORT: 8008 }

/** A folder with nothing in it but what a terminal has: `waypost` on the path. */
class Terminal implements AsyncDisposable {
  readonly #folder: string
  readonly #ports: readonly number[]
  #running: ChildProcessByStdio<null, Readable, Readable> | undefined

  private constructor(folder: string, ports: readonly number[]) {
    this.#folder = folder
    this.#ports = ports
  }

  static async open(): Promise<Terminal> {
    const names = Object.keys(usualPorts)
    return new Terminal(await mkdtemp(path.join(tmpdir(), 'first-hour-')), await Promise.all(names.map(freePort)))
  }

  /** Runs a step, and gives what is seen. */
  async run({ command, until, code = 0 }: Step): Promise<string> {
    const child = this.#start(command)
    if (until !== undefined) return this.#asOnPage(await this.#waitFor(child, until))
    const [stdout, stderr] = await Promise.all([buffer(child.stdout), buffer(child.stderr), once(child, 'close')])
    if (child.exitCode !== code) throw new Error(`${command} ended with ${child.exitCode}: ${stderr}`)
    return this.#asOnPage(`${stdout}${stderr}`)
  }

  /** Ends what goes on, as Ctrl-C does, and gives what it says then. */
  async interrupt(): Promise<string> {
    const child = this.#running
    if (child === undefined) throw new Error('nothing is running')
    const rest = buffer(child.stdout)
    const ended = once(child, 'close')
    child.kill('SIGINT')
    const [text] = await Promise.all([rest, ended])
    this.#running = undefined
    if (child.exitCode !== 0) throw new Error(`it ended with ${child.exitCode}`)
    return this.#asOnPage(text.toString())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#running?.kill('SIGKILL')
    await rm(this.#folder, { recursive: true, force: true })
  }

  #start(command: string): ChildProcessByStdio<null, Readable, Readable> {
    const [, ...args] = command.split(' ')
    const ports = Object.keys(usualPorts).map((name, index) => [`WAYPOST_${name}`, String(this.#ports[index])])
    // As for a person at a terminal, on this machine alone.
    const given = { ...Object.fromEntries(ports), WAYPOST_LISTEN_ADDRESS: '127.0.0.1', WAYPOST_LOG_FORMAT: 'text' }
    return spawn(process.execPath, [path.join(root, 'bin/waypost.js'), ...args], {
      cwd: this.#folder,
      env: environment(given),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }

  async #waitFor(child: ChildProcessByStdio<null, Readable, Readable>, until: string): Promise<string> {
    this.#running = child
    let seen = ''
    for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
      seen += String(chunk)
      if (seen.includes(until) && seen.endsWith('\n')) return seen
    }
    throw new Error(`it ended: ${seen}`)
  }

  #asOnPage(text: string): string {
    const usual = Object.values(usualPorts)
    const withPorts = this.#ports.reduce(
      (before, port, index) => before.replaceAll(String(port), String(usual[index])),
      text,
    )
    const withPaths = withPorts.replaceAll(this.#folder, '/home/you')
    return standIns.reduce((before, [what, standIn]) => before.replaceAll(what, standIn), withPaths).trimEnd()
  }
}

function told(command: string, output: string): string {
  return `\n\`\`\`console\n$ ${command}\n${output === '' ? '' : `${output}\n`}\`\`\`\n`
}

/** Runs all and gives the page. */
export async function firstHour(): Promise<string> {
  await using terminal = await Terminal.open()
  let page = introduction
  for (const step of steps) {
    if (step === 'Ctrl-C')
      page += `\nCtrl-C ends the node:\n${told('^C', await terminal.interrupt()).replace('$ ', '')}`
    else page += `\n${step.says}\n${told(step.command, await terminal.run(step))}`
  }
  return page
}

if (import.meta.main) await writeFile(pagePath, await firstHour())
