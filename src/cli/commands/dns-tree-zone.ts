/** Trees of node records as files: zone files as BIND, NSD and Knot read them (RFC 1035, 5), and JSON. */
import { WaypostError } from '../../core/errors.ts'

/** TXT records by full name. */
export type TxtRecords = ReadonlyMap<string, string>

/** Bytes of one piece of a TXT record: RFC 1035, 3.3.14. */
const pieceBytes = 255

/** Seconds that resolvers may keep the root, which changes, and an entry below it, which never does: EIP-1459's. */
const rootTtl = 60
const entryTtl = 86_900

/** The lines of a zone file for the TXT records of a tree at `domain`. */
export function zoneFile(domain: string, records: TxtRecords): string {
  const lines = Array.from(records, ([name, text]) => {
    const isRoot = name === domain
    const owner = isRoot ? '@' : name.slice(0, -domain.length - 1)
    return `${owner.padEnd(26)} ${String(isRoot ? rootTtl : entryTtl).padEnd(5)} IN TXT ${quoted(text)}`
  })
  return [`$ORIGIN ${domain}.`, ...lines].join('\n')
}

function quoted(text: string): string {
  const pieces = Array.from({ length: Math.ceil(text.length / pieceBytes) }, (_, index) =>
    text.slice(index * pieceBytes, (index + 1) * pieceBytes),
  )
  return pieces.map((piece) => `"${piece}"`).join(' ')
}

/**
 * The TXT records in a zone file, or in JSON from name to text, by their names in lower case. `origin` stands where the
 * file says none. Throws `cli/bad-zone`.
 */
export function readZone(text: string, origin: string): Map<string, string[]> {
  const isJson = text.trimStart().startsWith('{')
  const records = isJson ? jsonRecords(text) : zoneRecords(text, origin)
  const byName = new Map<string, string[]>()
  for (const { name, text } of records) {
    const key = name.toLowerCase().replace(/\.$/, '')
    byName.set(key, [...(byName.get(key) ?? []), text])
  }
  return byName
}

interface ZoneRecord {
  readonly name: string
  readonly text: string
}

/** From name to text, alone or in the field `txt`, as `waypost dns-tree sign --json` writes it. */
function jsonRecords(text: string): ZoneRecord[] {
  const content = parse(text)
  const names = isObject(content) && isObject(content.txt) ? content.txt : content
  if (!isObject(names)) throw new WaypostError('cli/bad-zone', { why: 'not JSON from name to text' })
  return Object.entries(names).map(([name, text]) => {
    if (typeof text !== 'string') throw new WaypostError('cli/bad-zone', { why: `${name} has no text` })
    return { name, text }
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new WaypostError('cli/bad-zone', { why: 'not JSON' }, { cause: error })
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

interface Word {
  readonly text: string
  readonly isQuoted: boolean
}

interface ZoneLine {
  /** It begins with a space: its owner is that of the line before. */
  readonly continues: boolean
  readonly words: readonly Word[]
}

function zoneRecords(text: string, origin: string): ZoneRecord[] {
  const records: ZoneRecord[] = []
  let base = origin
  let owner = '@'
  for (const { continues, words } of zoneLines(text)) {
    const [first, second] = words
    if (first?.text.toUpperCase() === '$ORIGIN') base = fullName(second?.text ?? '@', base)
    if (first === undefined || first.text.startsWith('$')) continue
    if (!continues) owner = fullName(first.text, base)
    const rest = continues ? words : words.slice(1)
    const type = rest.findIndex(({ text, isQuoted }) => !isQuoted && text.toUpperCase() === 'TXT')
    if (type === -1) continue
    const pieces = rest.slice(type + 1)
    records.push({ name: owner, text: pieces.map(({ text }) => text).join('') })
  }
  return records
}

function fullName(name: string, origin: string): string {
  if (name === '@') return origin
  return name.endsWith('.') ? name : `${name}.${origin}`
}

/** Lines without comments; what stands in parentheses is one line. */
function* zoneLines(text: string): Generator<ZoneLine> {
  let depth = 0
  let line: { continues: boolean; words: Word[] } = { continues: false, words: [] }
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    if (depth === 0) line = { continues: /^\s/.test(raw), words: [] }
    for (const [token, quoted] of raw.matchAll(/"((?:[^"\\]|\\.)*)"|;.*|[()]|[^\s;()"]+|"/g)) {
      if (token === '"')
        throw new WaypostError('cli/bad-zone', { why: `line ${index + 1}: a quotation mark without its other` })
      if (token === '(') depth += 1
      else if (token === ')') depth = Math.max(0, depth - 1)
      else if (!token.startsWith(';')) line.words.push({ text: quoted ?? token, isQuoted: quoted !== undefined })
    }
    if (depth === 0) yield line
  }
}
