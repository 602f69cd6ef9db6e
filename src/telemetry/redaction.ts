/**
 * The last net under the log: what must not be written is cut out of the fields of a line, by name and by kind.
 *
 * pino's own redaction by path costs five times as much a line and does not look deeper than its paths.
 */
import { type LoggerOptions, stdSerializers } from 'pino'

/** Fields with a value that is nobody's business, at any depth. */
const secretNames = [
  'authorization',
  'key',
  'nodekey',
  'passphrase',
  'password',
  'payload',
  'privateKey',
  'secret',
  'token',
  'url',
]
const secrets = new Set(secretNames)

const redacted = '[redacted]'

/** Levels of objects within objects that are looked into; a line of ours has two at the most. */
const maxDepth = 5

/** A user and password in a URL, as errors of databases quote them. */
const credentials = /\/\/[^/\s@]+@/g

/** For `pino(...)`. Fields of a line are looked through; of what a child log is bound to, only the names at the top. */
export const redaction: Pick<LoggerOptions, 'formatters' | 'serializers'> = {
  // Levels by name: people and scripts read them.
  formatters: { level: (level) => ({ level }), log: (fields) => redactFields(fields, 0) },
  serializers: {
    ...Object.fromEntries(secretNames.map((name) => [name, () => redacted])),
    err: (error: unknown) => redact(error, 0),
  },
}

function redactFields(fields: object, depth: number): Record<string, unknown> {
  const entries = Object.entries(fields)
  return Object.fromEntries(entries.map(([name, value]) => [name, secrets.has(name) ? redacted : redact(value, depth)]))
}

function redact(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return value.includes('@') ? value.replace(credentials, `//${redacted}@`) : value
  if (typeof value !== 'object' || value === null) return value
  if (depth > maxDepth) return redacted
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (value instanceof Error) return redactFields(stdSerializers.err(value), depth + 1)
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1))
  return saysItself(value) ? value : redactFields(value, depth + 1)
}

/** A peer id, an address, a date: it says how it is written. Of anything else every field is, whatever made it. */
function saysItself(value: object): boolean {
  return 'toJSON' in value && typeof value.toJSON === 'function'
}
