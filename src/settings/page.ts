/** docs/settings.md, from the table. */
import { describeSettings, type SettingGroup, type SettingText } from './describe.ts'
import { modes } from './modes.ts'
import { presets } from './presets.ts'

const introduction = `# Settings

This page is generated from the table in \`src/settings\`; a test fails when the two differ.

A setting has one name. It is given, the strongest first,

1. as a flag: \`--tcp-port=60001\`, \`--tcp-port:60001\` or \`--tcp-port 60001\`; a yes-or-no setting also as a bare \`--relay\`;
2. as an environment variable: \`WAYPOST_TCP_PORT=60001\`, or nwaku's \`WAKUNODE2_TCP_PORT=60001\`; an empty one counts as not set;
3. in the TOML file that \`--config-file\` (or \`WAYPOST_CONFIG_FILE\`) names: \`tcp-port = 60001\`;
4. by the preset that \`--preset\` names: [below](#presets);
5. by its default.

A list is repeated (\`--shard=1 --shard=2\`), written with commas (\`--shard=1,2\`) or as a JSON array (\`--shard='["1","2"]'\`; in TOML
\`shard = [1, 2]\`); the strongest source that has it gives all of it. An empty value (\`--storenode=\`) unsets a setting that may be unset.
Secrets can stand in a file of their own: \`--nodekey-file=/run/secrets/key\`, \`WAYPOST_NODEKEY_FILE\`, \`nodekey-file = "..."\`.
Paths start in the working folder.

Unknown names and wrong values are refused before anything is opened, all of them at once, each with where it stands. Only an
unknown \`WAKUNODE2_*\` variable is a warning, since it may be meant for another node.

The flags are nwaku's, with nwaku's defaults except where a line says *Differs*. A setting that is *accepted without effect* is
read and checked, so that command lines and files made for nwaku work, and warned about; one that it would be unsafe to
ignore is *refused*.

A running node takes another value of a setting marked *Live* without a restart: change the file and send SIGHUP, or run
\`waypost reload\`. Sources are read again, the file and the files of secrets among them; when anything is wrong, nothing changes. What needs a
restart is named in the answer and in the log. A certificate for wss that is renewed on disk is taken by itself.

Sizes are in B, KB (1000), KiB, MiB and GiB. Durations are written \`500ms\`, \`30s\`, \`5m\`, \`12h\`, \`30d\`, \`1h30m\`; a plain number is in the
unit that nwaku has for the setting.
`

/** The whole page. */
export function renderSettingsPage(): string {
  return `${[introduction, ...describeSettings().map(renderGroup), renderPresets(), renderModes()].join('\n')}`
}

function renderGroup({ title, settings }: SettingGroup): string {
  const head = '| Flag and TOML key | Variable | Default | Form | What it does |\n| --- | --- | --- | --- | --- |'
  return `## ${title}\n\n${[head, ...settings.map(renderSetting)].join('\n')}\n`
}

function renderSetting(setting: SettingText): string {
  const { text, isValue } = setting.default
  const cells = [
    `\`${setting.name}\``,
    `\`${setting.variable}\``,
    isValue ? `\`${text}\`` : text,
    setting.form,
    [setting.help, ...setting.notes.map((note) => `*${note}*`)].join(' '),
  ]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('<', '&lt;')).join(' | ')} |`
}

function renderPresets(): string {
  const sections = Object.entries(presets).map(([name, { about, values }]) => {
    const lines = Object.entries(values).map(([setting, value]) => `${setting} = ${tomlOf(value)}`)
    return `### ${name}\n\n${about}\n\n\`\`\`toml\n${lines.join('\n')}\n\`\`\`\n`
  })
  return `## Presets\n\nA preset yields to whatever is given explicitly.\n\n${sections.join('\n')}`
}

function renderModes(): string {
  const sections = Object.entries(modes).map(([name, { about, values }]) => {
    const lines = Object.entries(values).map(([setting, value]) => `${setting} = ${tomlOf(value)}`)
    const block = lines.length === 0 ? '' : `\n\`\`\`toml\n${lines.join('\n')}\n\`\`\`\n`
    return `### ${name}\n\n${about}\n${block}`
  })
  return `\n## Modes\n\nA mode yields to whatever is given explicitly, and counts before a preset.\n\n${sections.join('\n')}`
}

function tomlOf(value: string | readonly string[]): string {
  if (typeof value !== 'string') return `[\n${value.map((item) => `  ${tomlOf(item)},\n`).join('')}]`
  return /^(true|false|\d+)$/.test(value) ? value : JSON.stringify(value)
}
