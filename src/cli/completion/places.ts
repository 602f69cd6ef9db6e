/** What can stand where, for the shells: at each command, its commands, its options and their values. */
import type { Argument, Command, Option } from 'commander'
import { settingNames, settingTable } from '../../settings/table.ts'
import { type CommandPlace, commandTree } from '../command-tree.ts'

/** What may follow an option, or stand as an argument. */
export type Values =
  | { readonly of: 'words'; readonly words: readonly string[] }
  | { readonly of: 'files' }
  /** Something that no shell can guess. */
  | { readonly of: 'anything' }
  /** Nothing: the option is a switch. */
  | { readonly of: 'nothing' }

/** A word that can be completed. */
export interface Candidate {
  readonly word: string
  readonly says: string
}

export interface OptionCandidate extends Candidate {
  readonly values: Values
}

export interface Place {
  /** `keys show`; empty where no command stands yet. */
  readonly path: string
  readonly commands: readonly Candidate[]
  readonly options: readonly OptionCandidate[]
  /** Of the argument, where there is one. */
  readonly values: Values
}

export function placesOf(program: Command): readonly Place[] {
  return commandTree(program).map(placeOf)
}

function placeOf({ path, commands, options, arguments: [argument], takesSettings }: CommandPlace): Place {
  return {
    path,
    commands: commands.map((command) => ({ word: command.name(), says: firstSentence(command.description()) })),
    options: [...options.flatMap(optionCandidate), ...(takesSettings ? settingCandidates() : [])],
    values: argument === undefined ? { of: 'nothing' } : valuesOf(argument, argument.name()),
  }
}

function optionCandidate(option: Option): OptionCandidate[] {
  if (!option.long) return []
  const [, name] = /[<[]([\w-]+)/.exec(option.flags) ?? []
  return [
    {
      word: option.long,
      says: firstSentence(option.description),
      values: name === undefined ? { of: 'nothing' } : valuesOf(option, name),
    },
  ]
}

/** By its choices, else by the name of its value. */
function valuesOf({ argChoices }: Argument | Option, name: string): Values {
  if (argChoices !== undefined) return { of: 'words', words: argChoices }
  return /file|folder|path/.test(name) ? { of: 'files' } : { of: 'anything' }
}

function settingCandidates(): OptionCandidate[] {
  return settingNames.flatMap((name) => {
    const { kind, help } = settingTable[name]
    const setting = { word: `--${name}`, says: firstSentence(help), values: settingValues(name) }
    return kind.secret ? [setting, { ...setting, word: `--${name}-file`, values: { of: 'files' as const } }] : [setting]
  })
}

function settingValues(name: (typeof settingNames)[number]): Values {
  const { kind } = settingTable[name]
  if (kind.words !== undefined) return { of: 'words', words: kind.words }
  return kind.type === 'path' ? { of: 'files' } : { of: 'anything' }
}

function firstSentence(text: string): string {
  return text.split(/(?<=[.:;]) /)[0]?.replace(/[.:;]$/, '') ?? ''
}
