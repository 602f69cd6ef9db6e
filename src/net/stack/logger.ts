/**
 * libp2p's own log lines: at our level trace with their component, below it not even formatted.
 */
import { format } from 'node:util'
import type { ComponentLogger, Logger } from '@libp2p/interface'
import type { Log } from '../../telemetry/log.ts'

/** A logger for libp2p that writes to `log`, when that is at trace at this moment. */
export function libp2pLogger(log: Log): ComponentLogger {
  return log.isLevelEnabled('trace') ? { forComponent: (name) => traced(log, name) } : { forComponent: () => silent }
}

/** A placeholder, libp2p's own among them: `%p` a peer id, `%a` an address, `%b` bytes. */
const placeholder = /%[a-z]/gi

function traced(log: Log, component: string): Logger {
  const write = (text: unknown, ...args: unknown[]): void => {
    log.trace({ component }, format(String(text).replace(placeholder, '%s'), ...args.map(String)))
  }
  return Object.assign(write, {
    error: write,
    trace: write,
    enabled: true,
    newScope: (name: string) => traced(log, `${component}:${name}`),
  })
}

const nothing = (): void => {}

/** Shared by all components: scopes cost nothing, which counts, since libp2p makes one for each stream. */
const silent: Logger = Object.assign((): void => {}, {
  error: nothing,
  trace: nothing,
  enabled: false,
  newScope: () => silent,
})
