/** `waypost run`: settings, node, signals, exit code. */
import { isatty } from 'node:tty'
import type { Command } from 'commander'
import type { Milliseconds } from '../../core/time.ts'
import type { NodeOptions, WaypostNode } from '../../node/node.ts'
import { resolveSettings } from '../../settings/resolve.ts'
import type { Settings } from '../../settings/table.ts'
import type { Log } from '../../telemetry/log.ts'
import { action, takingSettings } from '../action.ts'
import { banner, tryLine } from '../banner.ts'
import { exits } from '../exit-codes.ts'
import { helpText } from '../help.ts'
import { version } from '../version.ts'

/** From SIGTERM to the end of the process, whatever hangs. */
const stopLimit: Milliseconds = 9500

/**
 * After the node has stopped, for what holds the process to let go of it: the native code of WebRTC does not always, and a
 * connection to a database that does not answer waits for its own time limit.
 */
const lingerLimit: Milliseconds = 1000

export function addRun(program: Command): void {
  takingSettings(program.command('run', { isDefault: true }))
    .description('Run the node. Its flags are those of nwaku and our own: waypost run --help.')
    .helpOption(false)
    .action(action(async (_, { args }: Command) => await run(args)))
}

/** Runs a node until a signal ends it; gives the exit code. */
async function run(argv: readonly string[]): Promise<number> {
  if (argv.includes('--help') || argv.includes('-h')) return print(helpText())
  if (argv.includes('--version')) return print(`${version}\n`)
  const hangUp = new HangUp()
  const sources = { argv, env: process.env, cwd: process.cwd() }
  const { settings, warnings } = resolveSettings(sources)
  const { createLog } = await import('../../telemetry/log.ts')
  const log = createLog({ level: settings.logLevel, format: formatOf(settings) })
  for (const warning of warnings) log.warn(warning)
  return await runNode({ settings, reread: () => resolveSettings(sources).settings, version, log }, hangUp)
}

function print(text: string): number {
  process.stdout.write(text)
  return exits.ok
}

async function runNode(options: NodeOptions, hangUp: HangUp): Promise<number> {
  const { settings, log } = options
  const stop = new StopSignal()
  const { startNode } = await import('../../node/node.ts')
  const node = await startNode(options)
  const { peerId, addresses, enr, dataDir, restUrl, metricsUrl } = node
  if (formatOf(settings) === 'text') process.stdout.write(banner(node))
  // Scripts wait for this line, in nwaku's words.
  log.info(
    { peerId, addresses, enr, dataDir, rest: restUrl, metrics: metricsUrl, try: tryLine(node) },
    'Node setup complete',
  )
  hangUp.each(() => void node.reload())
  const signal = await Promise.race([stop.received, hangUp.terminalGone])
  log.info({ signal }, 'stopping')
  await stopNode(node, log)
  setTimeout(() => process.exit(exits.ok), lingerLimit).unref()
  return exits.ok
}

async function stopNode(node: WaypostNode, log: Log): Promise<void> {
  const watchdog = setTimeout(() => {
    log.fatal('not stopped in time')
    process.exit(exits.failed)
  }, stopLimit)
  watchdog.unref()
  await node[Symbol.asyncDispose]()
  clearTimeout(watchdog)
  log.info('stopped')
  // Nothing is left to do, and the process ends by itself. What Node would still do is tidy up, and where sockets were
  // reset while it stopped, Node 26.10 waits there for ever, at full speed (Environment::CleanupHandles).
  process.on('exit', () => process.exit())
}

/** SIGHUP: read the settings again; from a terminal that has been closed: stop. */
class HangUp {
  readonly terminalGone: Promise<NodeJS.Signals>
  #reload: () => void = () => {}
  #early = false

  /** From now on the signal does not end the process. */
  constructor() {
    const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>()
    this.terminalGone = promise
    process.on('SIGHUP', () => {
      // It was a terminal when the process started; a closed one is none any more.
      if (process.stdout.isTTY && !isatty(process.stdout.fd)) resolve('SIGHUP')
      else this.#asked()
    })
  }

  /** What is done at each signal, also at one that came before. */
  each(reload: () => void): void {
    this.#reload = reload
    if (this.#early) reload()
  }

  #asked(): void {
    this.#early = true
    this.#reload()
  }
}

/** The first SIGTERM or SIGINT asks to stop; a second one ends the process at once. */
class StopSignal {
  readonly received: Promise<NodeJS.Signals>

  constructor() {
    const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>()
    this.received = promise
    let seen = false
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (seen) process.exit(exits.failed)
        seen = true
        resolve(signal)
      })
    }
  }
}

function formatOf({ logFormat }: Settings): 'text' | 'json' {
  return logFormat ?? (process.stdout.isTTY ? 'text' : 'json')
}
