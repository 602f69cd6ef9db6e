/** Completion for bash and zsh: the same table as `case`, read by a few lines of each shell. */
import type { Place, Values } from './places.ts'

/** `source <(waypost completion bash)` */
export function bashCompletion(places: readonly Place[]): string {
  return `# Completion of waypost for bash: source <(waypost completion bash)
${tableOf(places)}
_waypost() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} option='' at='' index _kind _words
  for ((index = 1; index < COMP_CWORD; index++)); do
    if _waypost_is_command "$at" "\${COMP_WORDS[index]}"; then at="\${at:+$at }\${COMP_WORDS[index]}"; fi
  done
  # Bash takes an equals sign for a word of its own.
  if [[ $cur == '=' ]]; then option=$prev cur=''
  elif [[ $prev == '=' ]]; then option=\${COMP_WORDS[COMP_CWORD-2]}
  elif [[ $prev == --* ]]; then option=$prev
  fi
  _waypost_values "$at" "$option" "$cur"
  if [[ $_kind == files ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
  else
    mapfile -t COMPREPLY < <(compgen -W "$_words" -- "$cur")
  fi
}
complete -F _waypost waypost
`
}

/** `source <(waypost completion zsh)` */
export function zshCompletion(places: readonly Place[]): string {
  return `#compdef waypost
# Completion of waypost for zsh: source <(waypost completion zsh)
${tableOf(places)}
_waypost() {
  local cur=$words[CURRENT] option='' at='' index _kind _words
  for ((index = 2; index < CURRENT; index++)); do
    if _waypost_is_command "$at" "$words[index]"; then at="\${at:+$at }$words[index]"; fi
  done
  if [[ $cur == --*=* ]]; then
    option=\${cur%%=*} cur=\${cur#*=}
    compset -P '*='
  elif [[ $words[CURRENT-1] == --* ]]; then option=$words[CURRENT-1]
  fi
  _waypost_values "$at" "$option" "$cur"
  if [[ $_kind == files ]]; then _files; else compadd -- \${=_words}; fi
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
compdef _waypost waypost
`
}

/**
 * Two functions that both shells understand. \`_waypost_is_command\` says whether a word is a command after those that
 * stand already; \`_waypost_values\` sets \`_kind\` and \`_words\` to what can stand next.
 */
function tableOf(places: readonly Place[]): string {
  const commands = places.filter(({ path }) => path !== '').map(({ path }) => quote(path))
  return `_waypost_is_command() {
  case "\${1:+$1 }$2" in ${commands.join('|')}) return 0 ;; esac
  return 1
}
_waypost_values() {
  _kind=words _words=''
  case "$1 $2" in
${places.flatMap(optionCases).join('\n')}
  esac
  case "$1" in
${places.map(placeCase).join('\n')}
  esac
}`
}

/** A line for each option that takes a value. What follows a switch is judged as if it were not there. */
function optionCases({ path, options }: Place): string[] {
  return options
    .filter(({ values }) => values.of !== 'nothing')
    .map(({ word, values }) => `    ${quote(`${path} ${word}`)}) ${assign(values)}; return ;;`)
}

/** What stands on its own: options behind a dash, else commands or the argument. */
function placeCase({ path, commands, options, values }: Place): string {
  const words = options.map(({ word }) => word).join(' ')
  const own = commands.length > 0 ? wordsOf(commands.map(({ word }) => word)) : assign(values)
  return `    ${quote(path)}) if [[ $3 == -* ]]; then _words=${quote(words)}; else ${own}; fi ;;`
}

function assign(values: Values): string {
  if (values.of === 'words') return wordsOf(values.words)
  return values.of === 'files' ? '_kind=files' : "_words=''"
}

function wordsOf(words: readonly string[]): string {
  return `_words=${quote(words.join(' '))}`
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
