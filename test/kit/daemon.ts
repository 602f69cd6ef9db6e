/** The real program, started as a person starts it, for tests. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { Owner } from './owner.ts'

/** What the program logs when it is ready. */
interface SetupLine {
  readonly msg: string
  readonly peerId: string
  readonly addresses: readonly string[]
  readonly enr: string
  readonly rest?: string
  readonly metrics?: string
}

export interface Daemon {
  readonly peerId: string
  readonly addresses: readonly string[]
  readonly enr: string
  /** `http://127.0.0.1:<port>`, unless REST is off. */
  readonly restUrl: string
  readonly metricsUrl: string
  /** TCP address with the peer id. */
  readonly tcp: string
  /** ws or wss address with the peer id; throws when there is none. */
  readonly ws: string
  readonly process: ChildProcess
  /** Every line logged so far, as JSON. */
  readonly lines: readonly Record<string, unknown>[]
  /** Settles at the first line, past or coming, for which `matches` is true. */
  line(matches: (line: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>
  /** Sends a signal and gives the exit code once the process has ended. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

export const launcher = path.resolve('bin/waypost.js')

/** All services on loopback, on ports that the system chooses, with nothing to find in common with other tests. */
export const loopbackFlags = [
  '--listen-address=127.0.0.1',
  '--tcp-port=0',
  '--websocket-support=true',
  '--websocket-port=0',
  '--rest-port=0',
  '--metrics-server=false',
  '--nat=none',
  '--relay=true',
  '--store=true',
  '--store-ballast=0',
  '--filter=true',
  '--lightpush=true',
  '--discv5-discovery=false',
  '--log-format=json',
]

export interface DaemonOptions {
  /** Further flags; a later one overrides. */
  readonly flags?: readonly string[]
  /** Where data goes; an empty folder, gone with the test, unless given. */
  readonly dataDir?: string
  readonly env?: Readonly<Record<string, string>>
  /** A program and its arguments that the daemon is started under; it is to keep the process id. */
  readonly under?: readonly string[]
}

/** Starts the program and waits until it says that it is set up. */
export async function daemon(
  t: Owner,
  { flags = [], dataDir, env = {}, under = [] }: DaemonOptions = {},
): Promise<Daemon> {
  const folder = dataDir ?? (await mkdtemp(path.join(tmpdir(), 'waypost-')))
  const own = [process.execPath, launcher, 'run', `--data-dir=${folder}`, ...loopbackFlags, ...flags]
  const [program = '', ...args] = [...under, ...own]
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(async () => {
    await stopped(child, 'SIGKILL')
    if (dataDir === undefined) await rm(folder, { recursive: true, force: true })
  })
  const log = new LogLines(child)
  const setup = (await log.find(({ msg }) => msg === 'Node setup complete')) as unknown as SetupLine
  const address = (matches: (text: string) => boolean): string => {
    const found = setup.addresses.find(matches)
    if (found === undefined) throw new Error(`no such address: ${setup.addresses.join(' ')}`)
    return found
  }
  return {
    peerId: setup.peerId,
    addresses: setup.addresses,
    enr: setup.enr,
    restUrl: setup.rest ?? '',
    metricsUrl: setup.metrics ?? '',
    get tcp() {
      return address((text) => /\/tcp\/\d+\/p2p\//.test(text))
    },
    get ws() {
      return address((text) => /\/wss?\//.test(text))
    },
    process: child,
    lines: log.lines,
    line: (matches) => log.find(matches),
    stop: (signal = 'SIGTERM') => stopped(child, signal),
  }
}

async function stopped(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const exit = once(child, 'exit')
    child.kill(signal)
    await exit
  }
  return child.exitCode
}

/** What a process logs, kept and searched. */
class LogLines {
  readonly lines: Record<string, unknown>[] = []
  readonly #waiting = new Set<() => void>()
  #ended = ''
  #errors = ''

  constructor(child: ChildProcess) {
    if (child.stdout === null || child.stderr === null) throw new Error('the process has no pipes')
    createInterface({ input: child.stdout }).on('line', (line) => this.#add(line))
    child.stderr.on('data', (chunk: Buffer) => {
      this.#errors += chunk.toString()
    })
    child.once('close', (code, signal) => {
      this.#ended = `the process ended with ${code ?? signal}: ${this.#errors}`
      this.#wake()
    })
  }

  find(matches: (line: Record<string, unknown>) => boolean): Promise<Record<string, unknown>> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const line = this.lines.find(matches)
        if (line === undefined && this.#ended === '') return
        this.#waiting.delete(look)
        if (line === undefined) reject(new Error(this.#ended))
        else resolve(line)
      }
      this.#waiting.add(look)
      look()
    })
  }

  #add(text: string): void {
    // A line that is no JSON is somebody's, not the log's; it is kept for whoever looks for it.
    this.lines.push(text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : { text })
    this.#wake()
  }

  #wake(): void {
    for (const look of [...this.#waiting]) look()
  }
}
