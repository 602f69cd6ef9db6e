/**
 * The log: pino, text for a terminal and JSON otherwise.
 *
 * Lines are constant lower-case words with the data as fields: `log.debug({ peer, rows }, 'store answered')`. A healthy
 * node logs nothing at warn or above; info is for start, stop and changes of state. No key, payload, password or token
 * is logged at any level: redaction.ts cuts them out as a last net.
 */
import { type DestinationStream, type Logger, type LoggerOptions, pino, stdTimeFunctions } from 'pino'
import { prettyFactory } from 'pino-pretty'
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
export function createLog({ level, format, destination = pino.destination({ sync: true }) }: LogOptions): Log {
  const options: LoggerOptions = {
    level,
    base: undefined,
    timestamp: stdTimeFunctions.isoTime,
    ...redaction,
  }
  return pino(options, format === 'text' ? textTo(destination) : destination)
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
