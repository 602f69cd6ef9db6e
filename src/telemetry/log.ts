/**
 * The log: pino, text for a terminal and JSON otherwise.
 *
 * Lines are constant lower-case words with the data as fields: `log.debug({ peer, rows }, 'store answered')`. A healthy
 * node logs nothing at warn or above; info is for start, stop and changes of state. No key, payload, password or token
 * is logged at any level: fields of those names are cut out here as a last net.
 */
import { type DestinationStream, type Logger, type LoggerOptions, pino, stdTimeFunctions } from 'pino'
import pretty from 'pino-pretty'

export type Log = Logger

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'
export type LogFormat = 'text' | 'json'

export interface LogOptions {
  readonly level: LogLevel
  readonly format: LogFormat
  /** Where the lines go; standard output unless said otherwise. */
  readonly destination?: DestinationStream
}

/** Fields that never reach the log, at the top of a line and one level below. */
const secrets = ['key', 'nodekey', 'privateKey', 'password', 'token', 'payload', 'secret', 'authorization', 'url']

const redact = { paths: secrets.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' }

/** The root of a process's log. A part of the node takes a child of it: `log.child({ part: 'store' })`. */
export function createLog({ level, format, destination }: LogOptions): Log {
  const options: LoggerOptions = { level, redact, base: undefined, timestamp: stdTimeFunctions.isoTime }
  if (format === 'json') return destination === undefined ? pino(options) : pino(options, destination)
  return pino(options, prettyStream(destination))
}

/** A log that says nothing, for tests and libraries. */
export function silentLog(): Log {
  return pino({ level: 'silent' })
}

function prettyStream(destination: DestinationStream | undefined): DestinationStream {
  const colorize = destination === undefined && process.stdout.isTTY === true
  return pretty({
    colorize,
    sync: true,
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,hostname',
    ...(destination && { destination }),
  })
}
