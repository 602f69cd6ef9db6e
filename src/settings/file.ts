/** A TOML file with settings: one key for each, named as the flag; lists are arrays or comma-separated texts. */
import { readFileSync, statSync } from 'node:fs'
import { parse, TomlError, type TomlValue } from 'smol-toml'
import { messageOf } from '../core/errors.ts'
import { type Findings, type Given, type Origin, settingNamed, showOrigin, unknown } from './given.ts'

/** Bytes of a settings or secret file at the most: all settings fit in a hundredth of it. */
const maxFileBytes = 1024 * 1024

/** The settings in the file at `path`. */
export function readSettingsFile(path: string, findings: Findings): Given[] {
  try {
    const text = readBounded(path)
    const entries = Object.entries(parse(text))
    return entries.flatMap(([key, value]) => {
      const origin: Origin = { from: 'file', path, key, line: lineOf(key, text) }
      return givenBy(key, value, origin, findings.problems) ?? []
    })
  } catch (error) {
    findings.problems.push(
      error instanceof TomlError ? notToml(path, error) : `${path}: cannot be read: ${messageOf(error)}`,
    )
    return []
  }
}

/** Without the lines of the file that the parser quotes: one of them may be a secret. */
function notToml(path: string, { line, message }: TomlError): string {
  const [what = ''] = message.split('\n')
  return `${path}:${line}: ${what}`
}

/** The secret in the file at `path`, without the line ends that editors add. Throws when it cannot be read. */
export function readSecretFile(path: string): string {
  return readBounded(path).trim()
}

function readBounded(path: string): string {
  const { size } = statSync(path)
  if (size > maxFileBytes) throw new Error(`it has ${size} bytes, the limit is ${maxFileBytes}`)
  return readFileSync(path, 'utf8')
}

function givenBy(key: string, value: TomlValue, origin: Origin, problems: string[]): Given | undefined {
  const setting = settingNamed(key)
  const text = textOf(value)
  if (setting !== undefined && text !== undefined && setting.name !== 'config-file') return { ...setting, text, origin }
  if (setting === undefined) problems.push(`${showOrigin(origin)}: ${unknown(key, String)}`)
  else if (text === undefined) problems.push(`${showOrigin(origin)}: not a text, number, true, false or array of these`)
  else problems.push(`${showOrigin(origin)}: a settings file cannot name another`)
  return undefined
}

/** A TOML value as the text that a flag would have; none for tables and dates. An array becomes a JSON array, which every list takes. */
function textOf(value: TomlValue): string | undefined {
  if (Array.isArray(value)) {
    const items = value.map(textOf)
    return items.includes(undefined) ? undefined : JSON.stringify(items)
  }
  return typeof value === 'object' ? undefined : String(value)
}

/** The line on which a key of the top level stands, counted from 1. */
function lineOf(key: string, text: string): number | undefined {
  const index = text.split('\n').findIndex((line) => {
    const written = line.trimStart()
    const start = [key, `"${key}"`, `'${key}'`, `[${key}]`].find((form) => written.startsWith(form))
    return start !== undefined && /^\s*([=.]|$|#)/.test(written.slice(start.length))
  })
  return index === -1 ? undefined : index + 1
}
