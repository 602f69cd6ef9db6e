/** Writes plain data as YAML: block style, every text quoted as JSON quotes it, which YAML reads alike. */
import type { Writable } from './json/write.ts'

export function writeYaml(value: Writable): string {
  return `${lines(value).join('\n')}\n`
}

function lines(value: Writable): readonly string[] {
  if (isList(value)) return value.length === 0 ? ['[]'] : value.flatMap((item) => under('- ', lines(item)))
  if (typeof value !== 'object' || value === null) return [scalar(value)]
  const fields = Object.entries(value).filter(([, inner]) => inner !== undefined)
  return fields.length === 0 ? ['{}'] : fields.flatMap(([name, inner]) => field(name, inner as Writable))
}

function field(name: string, value: Writable): readonly string[] {
  const key = /^[A-Za-z][\w$]*$/.test(name) ? name : JSON.stringify(name)
  const inner = lines(value)
  const isBlock =
    typeof value === 'object' && value !== null && !(inner.length === 1 && /^(\[\]|\{\})$/.test(inner[0] ?? ''))
  return isBlock ? [`${key}:`, ...inner.map((line) => `  ${line}`)] : [`${key}: ${inner[0]}`]
}

/** `first` before the first line, as many blanks before the others. */
function under(first: string, block: readonly string[]): readonly string[] {
  return block.map((line, index) => (index === 0 ? first : ' '.repeat(first.length)) + line)
}

function scalar(value: Exclude<Writable, object> | null): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}

function isList(value: Writable): value is readonly Writable[] {
  return Array.isArray(value)
}
