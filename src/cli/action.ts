/** How a command runs: its result is the exit code, its error one line that says what to do. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { messageOf } from '../core/errors.ts'
import { duration } from '../settings/kinds/amount.ts'
import { type Kind, Misfit } from '../settings/kinds/kind.ts'
import { exitCodeOf, exits } from './exit-codes.ts'

/** What a command does; it gives its exit code, nothing for 0. */
export type Work<Args extends readonly unknown[]> = (...args: Args) => Promise<number | undefined>

/** `work` as the action of a command. */
export function action<Args extends readonly unknown[]>(work: Work<Args>): (...args: Args) => Promise<void> {
  return async (...args) => {
    try {
      process.exitCode = (await work(...args)) ?? exits.ok
    } catch (error) {
      process.stderr.write(`waypost: ${messageOf(error)}\n`)
      process.exitCode = exitCodeOf(error)
    }
  }
}

/** Reads an argument as a value of `kind`: the same forms as in settings. */
export function argumentOf<T>(kind: Kind<T>): (text: string) => T {
  return (text) => {
    const value = kind.parse(text, process.cwd())
    if (value instanceof Misfit) throw new InvalidArgumentError(value.why)
    return value
  }
}

/** An option for a duration: `30s`, `2h`; a plain number counts in seconds. */
export function durationOption(flags: string, help: string, fallback: string): Option {
  const parse = argumentOf(duration('s'))
  return new Option(flags, help).argParser(parse).default(parse(fallback), fallback)
}

/** A command that passes flags on to the settings table, whose forms (`--flag:value`) are not commander's. */
export function takingSettings(command: Command): Command {
  withSettings.add(command)
  return command.allowUnknownOption().allowExcessArguments()
}

const withSettings = new WeakSet<Command>()

/** True for a command that takes all flags of the settings table. */
export function takesSettings(command: Command): boolean {
  return withSettings.has(command)
}
