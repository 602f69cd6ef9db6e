/** `waypost run --help`: every flag, from the settings table. */
import { settingGroups } from '../settings/table.ts'

/** Columns of a flag and its form; longer ones push their help to the next line. */
const flagColumns = 44

export function helpText(): string {
  const groups = Object.entries(settingGroups).map(([title, rows]) => {
    const lines = Object.entries(rows).map(([name, row]) => line(name, row))
    return `${title}:\n${lines.join('\n')}`
  })
  return `${usage}\n\n${groups.join('\n\n')}\n`
}

const usage = `Usage: waypost run [flags]

Runs the node. A setting is taken from its flag, else its environment variable (WAYPOST_TCP_PORT for --tcp-port; nwaku's
WAKUNODE2_TCP_PORT too), else the file named by --config-file, else the preset, else its default. --flag=value,
--flag:value and --flag value mean the same; a bare --flag means true.`

type Rows = (typeof settingGroups)[string]

function line(name: string, { kind, help, default: value, unset, treatment }: Rows[string]): string {
  const flag = `  --${name}=<${kind.type}>`
  const held = value ?? (unset === undefined ? '' : unset)
  const note = treatment.is === 'implemented' ? '' : ` [${treatment.is}: ${treatment.why}]`
  const text = `${help}${held === '' ? '' : ` (${held})`}${note}`
  return flag.length < flagColumns ? `${flag.padEnd(flagColumns)}${text}` : `${flag}\n${''.padEnd(flagColumns)}${text}`
}
