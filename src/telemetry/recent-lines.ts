/**
 * The last lines of the log that ask for attention: level warn and above, as they were logged, redaction included. What
 * is said again counts up instead of pushing others out. Nothing here is written anywhere; it is for who asks now.
 */
import type { Clock, Milliseconds } from '../core/time.ts'

/** Different lines that are kept: more than anyone reads, less than 64 KiB. */
export const maxRecentLines = 50

/** Characters of a line's message, and of its fields together. */
const maxMessageCharacters = 300
const maxDetailCharacters = 300

/** pino's number for warn; error and fatal are above. */
const warnLevel = 40

export type AttentionLevel = 'warn' | 'error' | 'fatal'

export interface RecentLine {
  readonly level: AttentionLevel
  /** The part of the node that said it; empty for the node itself. */
  readonly part: string
  readonly message: string
  /** The other fields in the form `name=value`, of the last time. */
  readonly detail: string
  /** How often it was said, and when for the first and the last time. */
  readonly count: number
  readonly first: Milliseconds
  readonly last: Milliseconds
}

type Writable = { -readonly [Field in keyof RecentLine]: RecentLine[Field] }

export class RecentLines {
  readonly #clock: Clock
  /** By what was said; the longest unsaid first. */
  readonly #lines = new Map<string, Writable>()
  #total = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** How many lines of this kind there were in all. */
  get total(): number {
    return this.#total
  }

  /** The latest first. */
  list(): readonly RecentLine[] {
    return [...this.#lines.values()].map((line) => ({ ...line })).reverse()
  }

  /** Takes a line as pino writes it, with its level as a number. */
  take(level: number, text: string): void {
    if (level < warnLevel) return
    this.#total += 1
    const { level: name, part = '', msg = '', time: _, ...fields } = parse(text)
    const message = String(msg).slice(0, maxMessageCharacters)
    this.#add({ level: name as AttentionLevel, part: String(part), message, detail: detailOf(fields) })
  }

  #add(said: Pick<RecentLine, 'level' | 'part' | 'message' | 'detail'>): void {
    const now = this.#clock()
    const key = JSON.stringify([said.level, said.part, said.message])
    const known = this.#lines.get(key)
    this.#lines.delete(key)
    this.#lines.set(key, { ...said, count: (known?.count ?? 0) + 1, first: known?.first ?? now, last: now })
    const [oldest] = this.#lines.keys()
    if (this.#lines.size > maxRecentLines && oldest !== undefined) this.#lines.delete(oldest)
  }
}

/** A line of ours is an object; what else comes to the destination is shown as it is. */
function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text)
  } catch {
    return { level: 'warn', msg: text }
  }
}

function detailOf(fields: Record<string, unknown>): string {
  const words = Object.entries(fields).map(
    ([name, value]) => `${name}=${typeof value === 'object' ? said(value) : value}`,
  )
  return words.join(' ').slice(0, maxDetailCharacters)
}

/** An error says its message; its stack is for the log itself. */
function said(value: object | null): string {
  if (value !== null && 'message' in value) return String(value.message)
  return JSON.stringify(value)
}
