/** The commands as a table, read off the program itself: for docs/commands.md and for the completion of shells. */
import type { Argument, Command, Option } from 'commander'
import { takesSettings } from './action.ts'

/** A command and how it is reached. */
export interface CommandPlace {
  /** `keys show`; empty for the program without a command. */
  readonly path: string
  readonly description: string
  /** What `--help` says after the options. */
  readonly notes: string
  /** Its own commands. */
  readonly commands: readonly Command[]
  readonly options: readonly Option[]
  readonly arguments: readonly Argument[]
  /** It also takes all flags of `waypost run`. */
  readonly takesSettings: boolean
}

/** Every command, the program itself first, each before those inside it. */
export function commandTree(program: Command): readonly CommandPlace[] {
  return placesIn(program, [])
}

function placesIn(command: Command, path: readonly string[]): CommandPlace[] {
  const help = command.createHelp()
  // Commands, the one for help among them, which commander makes when it is asked.
  const commands = help.visibleCommands(command).filter((one) => one.name() !== 'help')
  const place: CommandPlace = {
    path: path.join(' '),
    description: command.description(),
    notes: notesOf.get(command) ?? '',
    commands,
    options: help.visibleOptions(command),
    arguments: command.registeredArguments,
    takesSettings: takesSettings(command) || path.length === 0,
  }
  return [place, ...commands.flatMap((inner) => placesIn(inner, [...path, inner.name()]))]
}

const notesOf = new WeakMap<Command, string>()

/** Adds text that help shows after the options, and the reference page too. */
export function withNotes(command: Command, notes: string): Command {
  notesOf.set(command, notes)
  return command.addHelpText('after', `\n${notes}`)
}
