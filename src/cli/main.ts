/**
 * The program. Without a sub-command it runs the node, as nwaku's does: `waypost --relay=true` is `waypost run --relay=true`.
 */
import { CommanderError } from 'commander'
import { nearest } from '../settings/nearest.ts'
import { exits } from './exit-codes.ts'
import { createProgram } from './program.ts'

// Whoever read us has gone (`waypost query | head`): nothing is left to do, and it is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit()
  throw error
})

const program = createProgram()
const [word = ''] = process.argv.slice(2)
if (isNoCommand(word)) refuse(word)
else await program.parseAsync().catch(ended)

/** A word in front that is neither a flag nor a command was meant as one: to the node it would be a wrong flag. */
function isNoCommand(word: string): boolean {
  return /^[a-z]/i.test(word) && word !== 'help' && !program.commands.some((command) => command.name() === word)
}

function refuse(word: string): void {
  const names = program.commands.map((command) => command.name())
  const meant = nearest(word, names)
  const hint = meant === undefined ? 'waypost --help lists them' : `did you mean ${meant}?`
  process.stderr.write(`waypost: no such command: ${word.slice(0, 80)}; ${hint}\n`)
  process.exitCode = exits.usage
}

/** commander has said what was wrong; it ends with 0 after help and version. */
function ended(error: unknown): void {
  if (!(error instanceof CommanderError)) throw error
  process.exitCode = error.exitCode === 0 ? exits.ok : exits.usage
}
