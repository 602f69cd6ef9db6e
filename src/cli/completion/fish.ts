/** Completion for fish: a line for each command and option, each with its help. */
import type { Candidate, OptionCandidate, Place, Values } from './places.ts'

/** `waypost completion fish | source` */
export function fishCompletion(places: readonly Place[]): string {
  const paths = places.filter(({ path }) => path !== '').map(({ path }) => quote(path))
  return `# Completion of waypost for fish: waypost completion fish | source
set -g __waypost_commands ${paths.join(' ')}
function __waypost_at
  set -l at ''
  for word in (commandline -opc)[2..]
    set -l next (string trim -- "$at $word")
    contains -- $next $__waypost_commands; and set at $next
  end
  test "$at" = "$argv[1]"
end
complete -c waypost -e
complete -c waypost -f
${places.flatMap(linesOf).join('\n')}
`
}

function linesOf({ path, commands, options, values }: Place): string[] {
  const start = `complete -c waypost -n ${quote(`__waypost_at ${quote(path)}`)}`
  return [
    ...commands.map((command) => `${start} -a ${quote(command.word)}${saying(command)}`),
    ...options.map((option) => `${start} -l ${option.word.slice(2)}${valueFlags(option.values)}${saying(option)}`),
    ...(commands.length > 0 || values.of === 'nothing' ? [] : [`${start}${argumentFlags(values)}`]),
  ]
}

function valueFlags(values: Values): string {
  if (values.of === 'words') return ` -x -a ${quote(values.words.join(' '))}`
  if (values.of === 'files') return ' -r -F'
  return values.of === 'anything' ? ' -x' : ''
}

function argumentFlags(values: Values): string {
  if (values.of === 'words') return ` -a ${quote(values.words.join(' '))}`
  return values.of === 'files' ? ' -F' : ''
}

function saying({ says }: Candidate | OptionCandidate): string {
  return says === '' ? '' : ` -d ${quote(says)}`
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
