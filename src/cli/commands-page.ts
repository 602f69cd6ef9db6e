/** docs/commands.md, from the program. */
import type { Argument, Option } from 'commander'
import { type CommandPlace, commandTree } from './command-tree.ts'
import { exitTable } from './exit-codes.ts'
import { table } from './markdown.ts'
import { createProgram } from './program.ts'

const introduction = `# Commands

This page is generated from the program; a test fails when the two differ. \`waypost <command> --help\` says the same.

In a clone the program is \`bin/waypost.js\`. A command that asks the running node finds it by the settings that the node has: name its
file (\`--config-file\`), its data folder (\`--data-dir\`) or its API (\`--rest-url\`); with none of these, and no \`WAYPOST_…\` variable, it is
the one on this machine with the default ports. \`--json\` gives one line of JSON for scripts, on standard output; remarks and errors go to
standard error. No command asks a question,
but \`backup\`, \`message\` and \`chat\` for a password where there is a terminal. Without a command \`waypost\` runs the node. Each has \`--help\`.

\`message\` is for scripts, \`chat\` for people ([messaging.md](messaging.md)). Both find identity and messages in
\`--folder\` (\`~/.local/share/waypost/messages\` unless given, or where \`XDG_DATA_HOME\` says), the password in \`--password-file\`,
in \`WAYPOST_MESSAGE_PASSWORD\` or by asking, the nodes in \`--node\` or \`WAYPOST_MESSAGE_NODES\`. One command at a time works on a folder.
An id may be given by 8 characters or more of its beginning where it is known already.

Tab completion: \`source <(waypost completion bash)\` in \`~/.bashrc\`, \`source <(waypost completion zsh)\` in \`~/.zshrc\`,
\`waypost completion fish | source\` in \`~/.config/fish/config.fish\`.
`

export function renderCommandsPage(): string {
  const sections = commandTree(createProgram())
    .filter(({ path, commands }) => path !== '' && commands.length === 0)
    .map(renderCommand)
  return `${[introduction, ...sections, renderExits()].join('\n')}`
}

function renderCommand({ path, description, notes, options, arguments: taken, takesSettings }: CommandPlace): string {
  const words = [path, ...taken.map(shownArgument), takesSettings ? '[flags]' : '', '[options]'].filter(Boolean)
  const rows = [
    ...taken.map((argument) => [`\`${shownArgument(argument)}\``, describe(argument)]),
    ...options.filter(({ long }) => long !== '--help').map((option) => [`\`${option.flags}\``, describe(option)]),
  ]
  const settings = takesSettings ? 'Also takes the flags of [settings.md](settings.md).\n' : ''
  return [
    `## waypost ${path}\n`,
    `\`waypost ${words.join(' ')}\`\n`,
    `${prose(description)}\n`,
    settings,
    rows.length === 0 ? '' : table(['Option', 'What it does'], rows),
    notes === '' ? '' : `${prose(notes).trim()}\n`,
  ]
    .filter((part) => part !== '')
    .join('\n')
}

function shownArgument(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`
  return argument.required ? `<${name}>` : `[${name}]`
}

function describe({ description, argChoices, defaultValue, defaultValueDescription }: Argument | Option): string {
  const held = defaultValueDescription ?? (defaultValue === undefined ? undefined : String(defaultValue))
  const parts = [
    prose(description),
    argChoices === undefined ? '' : `One of ${argChoices.map((word) => `\`${word}\``).join(', ')}.`,
    held === undefined ? '' : `Default: \`${held}\`.`,
  ]
  return parts.filter((part) => part !== '').join(' ')
}

function renderExits(): string {
  const rows = Object.values(exitTable).map(({ code, when }) => [String(code), prose(when)])
  return `## Exit codes\n\n${table(['Code', 'When'], rows)}`
}

/** Text outside of code, where a `<` would open an HTML tag. */
function prose(text: string): string {
  return text.replaceAll('<', '&lt;')
}
