/** Commands on a device of a person, on disk or with nodes; what each does is loaded when it runs. */
import type { Command } from 'commander'
import { action, type Work } from '../../action.ts'
import { repeated } from '../../topic-options.ts'

/** `pick` of a module that is loaded when the command runs. */
export function lazily<Module, Args extends readonly unknown[]>(
  load: () => Promise<Module>,
  pick: (module: Module) => Work<Args>,
): (...args: Args) => Promise<void> {
  return action(async (...args: Args) => await pick(await load())(...args))
}

/** Options of every command that opens a folder of messages. */
function withFolder(command: Command): Command {
  return command
    .option('--folder <folder>', 'where identity and messages are; waypost/messages where data of programs belongs')
    .option('--password-file <file>', 'the file with the password, for its owner only')
}

/** Options of every command that reaches others. */
export function withNodes(command: Command): Command {
  return withFolder(command).option(
    '--node <multiaddr>',
    'a node to reach others by, /.../p2p/<id>, with store, filter and light push; repeatable',
    repeated,
  )
}

/** A command on what is on disk. */
export function here(parent: Command, name: string, help: string): Command {
  return withFolder(parent.command(name).description(help)).option('--json', 'a line of JSON each')
}

/** A command that asks the nodes for what came first, and ends when a node has what it says. */
export function there(parent: Command, name: string, help: string): Command {
  return withNodes(parent.command(name).description(help)).option('--json', 'a line of JSON each')
}
