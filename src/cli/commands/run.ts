/** `waypost run`: settings, node, signals, exit code. */
import { errorTable, isWaypostError, messageOf } from '../core/errors.ts'
import type { Milliseconds } from '../core/time.ts'
import { startNode, type WaypostNode } from '../node/node.ts'
import { resolveSettings } from '../settings/resolve.ts'
import type { Settings } from '../settings/table.ts'
import { createLog, type Log } from '../telemetry/log.ts'
import { banner } from './banner.ts'
import { version } from './version.ts'

/** From SIGTERM to the end of the process, whatever hangs. */
const stopLimit: Milliseconds = 9500

/** Exit codes besides those of the error table: sysexits.h has the rest. */
const failed = 1

/** Runs a node until a signal ends it; gives the exit code. */
export async function run(argv: readonly string[]): Promise<number> {
  try {
    const { settings, warnings } = resolveSettings({ argv, env: process.env, cwd: process.cwd() })
    const log = createLog({ level: settings.logLevel, format: formatOf(settings) })
    for (const warning of warnings) log.warn(warning)
    return await runNode(settings, log)
  } catch (error) {
    process.stderr.write(`waypost: ${messageOf(error)}\n`)
    return isWaypostError(error) ? (errorTable[error.code].exit ?? failed) : failed
  }
}

async function runNode(settings: Settings, log: Log): Promise<number> {
  const stop = new StopSignal()
  const node = await startNode({ settings, version, log })
  const { peerId, addresses, enr, dataDir, restUrl, metricsUrl } = node
  if (formatOf(settings) === 'text') process.stdout.write(banner(node))
  // Scripts wait for this line, in nwaku's words.
  log.info({ peerId, addresses, enr, dataDir, rest: restUrl, metrics: metricsUrl }, 'Node setup complete')
  const signal = await stop.received
  log.info({ signal }, 'stopping')
  return await stopNode(node, log)
}

async function stopNode(node: WaypostNode, log: Log): Promise<number> {
  const watchdog = setTimeout(() => {
    log.fatal('not stopped in time')
    process.exit(failed)
  }, stopLimit)
  watchdog.unref()
  await node[Symbol.asyncDispose]()
  log.info('stopped')
  return 0
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
        if (seen) process.exit(failed)
        seen = true
        resolve(signal)
      })
    }
  }
}

function formatOf({ logFormat }: Settings): 'text' | 'json' {
  return logFormat ?? (process.stdout.isTTY ? 'text' : 'json')
}
