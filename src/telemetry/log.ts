/**
 * The log: pino, text for a terminal and JSON otherwise.
 *
 * Lines are constant lower-case words with the data as fields: `log.debug({ peer, rows }, 'store answered')`. A healthy
 * node logs nothing at warn or above; info is for start, stop and changes of state. No key, payload, password or token
 * is logged at any level: redaction.ts cuts them out as a last net.
 */
import { type DestinationStream, type Logger, type LoggerOptions, pino, stdTimeFunctions } from 'pino'
import { prettyFactory } from 'pino-pretty'
import { systemClock } from '../core/time.ts'
import { RecentLines } from './recent-lines.ts'
import { redaction } from './redaction.ts'

export type Log = Logger

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'
export type LogFormat = 'text' | 'json'

export interface LogOptions {
  readonly level: LogLevel
  readonly format: LogFormat
  /** Where the lines go; standard output unless said otherwise. */
  readonly destination?: DestinationStream
}

/** The root of a process's log. A part of the node takes a child of it: `log.child({ part: 'store' })`. */
export function createLog({ level, format, destination = standardOutput() }: LogOptions): Log {
  const children: WeakRef<Log>[] = []
  const options: LoggerOptions = {
    level,
    onChild: (child) => void children.push(new WeakRef(child)),
    base: undefined,
    timestamp: stdTimeFunctions.isoTime,
    ...redaction,
  }
  const recent = new RecentLines(systemClock)
  const log = pino(options, besides(recent, format === 'text' ? textTo(destination) : destination))
  childrenOf.set(log, children)
  recentOf.set(log, recent)
  return log
}

/** Written before the call returns. When the terminal has been closed there is nobody to write to, and that is no error. */
function standardOutput(): DestinationStream {
  const output = pino.destination({ sync: true })
  output.prependListener('error', (error: NodeJS.ErrnoException) => {
    // pino is quiet at this one, which is said of pipes.
    if (error.code === 'EIO') Object.assign(error, { code: 'EPIPE' })
  })
  return output
}

/** The children of each root: pino gives them a level of their own when they are made. They are one for each part. */
const childrenOf = new WeakMap<Log, readonly WeakRef<Log>[]>()

/** Has a root made by `createLog`, and every child of it, log at `level` from now on. */
export function setLogLevel(log: Log, level: LogLevel): void {
  log.level = level
  for (const child of childrenOf.get(log) ?? []) {
    const alive = child.deref()
    if (alive !== undefined) alive.level = level
  }
}

const recentOf = new WeakMap<Log, RecentLines>()

/** The last lines at warn and above of a root made by `createLog` and its children; none of any other log. */
export function recentLines(log: Log): Pick<RecentLines, 'list' | 'total'> {
  return recentOf.get(log) ?? { total: 0, list: () => [] }
}

/** Writes to `destination`, and shows each line, as it is written, to `recent`. */
function besides(recent: RecentLines, destination: DestinationStream): DestinationStream {
  const stream = {
    // With this, pino says the level of each line on the stream before it writes.
    [Symbol.for('pino.metadata')]: true,
    lastLevel: 0,
    write(line: string) {
      destination.write(line)
      recent.take(stream.lastLevel, line)
    },
  }
  return stream
}

/** A log that says nothing, for tests and libraries. */
export function silentLog(): Log {
  return pino({ level: 'silent' })
}

/** Lines for a person, each written before the call returns. */
function textTo(destination: DestinationStream): DestinationStream {
  const format = prettyFactory({
    colorize: process.stdout.isTTY === true,
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,hostname',
  })
  return { write: (line) => destination.write(format(line)) }
}
