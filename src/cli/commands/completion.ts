/** `waypost completion`: a script with which a shell completes commands, options and values. */
import { Argument, type Command } from 'commander'
import { action } from '../action.ts'
import { withNotes } from '../command-tree.ts'
import { fishCompletion } from '../completion/fish.ts'
import { type Place, placesOf } from '../completion/places.ts'
import { bashCompletion, zshCompletion } from '../completion/posix.ts'
import { writeLine } from '../output.ts'

const shells = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const satisfies Record<
  string,
  (places: readonly Place[]) => string
>
type Shell = keyof typeof shells

export function addCompletion(program: Command): void {
  const command = program
    .command('completion')
    .description('Write a script with which a shell completes commands, options and values')
    .addArgument(new Argument('<shell>', 'which shell').choices(Object.keys(shells)))
    .action(
      action(async (shell: Shell) => {
        await writeLine(shells[shell](placesOf(program)).trimEnd())
        return undefined
      }),
    )
  withNotes(
    command,
    'Use it by `source <(waypost completion bash)`, `source <(waypost completion zsh)` or `waypost completion fish | source`.',
  )
}
