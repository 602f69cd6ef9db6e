/** The settings file that `waypost init` writes: every setting with its help; those that hold are not commented out. */
import type { Row } from '../settings/row.ts'
import { type SettingName, settingGroups } from '../settings/table.ts'

/** Values by setting: what the file says, where a default would say something else. */
export type Chosen = ReadonlyMap<SettingName, string | readonly string[]>

/** What a node has that stores messages and serves light clients, as config/store.toml. It contacts no other host. */
export const servingNode: Readonly<Partial<Record<SettingName, string>>> = {
  relay: 'true',
  store: 'true',
  filter: 'true',
  lightpush: 'true',
  'websocket-support': 'true',
  nat: 'none',
  'discv5-discovery': 'false',
}

const head = `# Settings of a Waypost node: waypost run --config-file=<this file>
#
# A line that begins with # says what holds anyway. A flag (--tcp-port=60001) or a variable (WAYPOST_TCP_PORT=60001)
# counts more than this file. What the node would run with: waypost config show --origin --config-file=<this file>
`

/** The text of the file. */
export function renderConfigFile(chosen: Chosen): string {
  const groups = Object.entries(settingGroups).map(([title, rows]) => renderGroup(title, rows, chosen))
  return [head, ...groups.filter((group) => group !== '')].join('\n')
}

function renderGroup(title: string, rows: Readonly<Record<string, Row<unknown>>>, chosen: Chosen): string {
  const shown = Object.entries(rows).filter(([name, row]) => isShown(name, row, chosen))
  if (shown.length === 0) return ''
  // The names of a group are names of settings.
  const lines = shown.map(([name, row]) => renderSetting(name, row, chosen.get(name as SettingName)))
  return `# ---- ${title}\n\n${lines.join('\n')}`
}

/** Settings without effect are noise here, and a secret belongs into a file of its own. */
function isShown(name: string, { kind, treatment }: Row<unknown>, chosen: Chosen): boolean {
  if (name === 'config-file' || kind.secret === 'whole') return false
  return treatment.is === 'implemented' || chosen.has(name as SettingName)
}

function renderSetting(
  name: string,
  { help, default: fallback, unset }: Row<unknown>,
  value?: string | readonly string[],
) {
  const line = value === undefined ? `# ${name} = ${tomlOf(fallback ?? '')}` : `${name} = ${tomlOf(value)}`
  const note = fallback === undefined && unset !== undefined ? ` Unless set: ${unset}.` : ''
  return `# ${help}${note}\n${line}\n`
}

/** A text as TOML; JSON's strings are TOML's. */
export function tomlOf(value: string | readonly string[]): string {
  if (typeof value !== 'string') return `[${value.map((item) => tomlOf(item)).join(', ')}]`
  return /^(true|false|0|[1-9]\d{0,14})$/.test(value) ? value : JSON.stringify(value)
}
