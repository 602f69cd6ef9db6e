/** `waypost message`: end to end encrypted messages for scripts. What each does stands in src/cli/messages, loaded when it runs. */
import { Argument, type Command, Option } from 'commander'
import type { EmotionName } from '../../messaging/chats/message.ts'
import { duration } from '../../settings/kinds/amount.ts'
import { action, argumentOf, durationOption, type Work } from '../action.ts'
import { withNotes } from '../command-tree.ts'
import type { StepName } from '../messages/contact.ts'
import { countArgument, repeated } from '../topic-options.ts'

const notes = `An id is given whole, or by 8 characters or more of its beginning where the person, group or chat is known already. The
password comes from --password-file, from WAYPOST_MESSAGE_PASSWORD, or is asked for; the nodes from --node or
WAYPOST_MESSAGE_NODES. One command at a time works on a folder.`

export function addMessage(program: Command): void {
  const message = program
    .command('message')
    .description('End to end encrypted messages between people, as Status speaks them')
  withNotes(message, notes)
  addIdentity(message)
  addContact(message)
  addSaying(message)
  addReading(message)
  addGroup(message)
  addPublic(message)
}

const identity = () => import('../messages/identity.ts')
const contact = () => import('../messages/contact.ts')
const saying = () => import('../messages/send.ts')
const reading = () => import('../messages/receive.ts')
const group = () => import('../messages/group.ts')

/** `pick` of a module that is loaded when the command runs. */
function lazily<Module, Args extends readonly unknown[]>(
  load: () => Promise<Module>,
  pick: (module: Module) => Work<Args>,
): (...args: Args) => Promise<void> {
  return action(async (...args: Args) => await pick(await load())(...args))
}

/** Options of every command that opens a folder of messages. */
export function withFolder(command: Command): Command {
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
function here(parent: Command, name: string, help: string): Command {
  return withFolder(parent.command(name).description(help)).option('--json', 'a line of JSON each')
}

/** A command that asks the nodes for what came first, and ends when a node has what it says. */
function there(parent: Command, name: string, help: string): Command {
  return withNodes(parent.command(name).description(help)).option('--json', 'a line of JSON each')
}

function addIdentity(message: Command): void {
  const parent = message.command('identity').description('Who you are, on this device')
  const name = ['--name <name>', 'what others see: 5 to 24 letters, digits, spaces, _ and -'] as const
  here(parent, 'create', 'Make a new identity, encrypted by a password')
    .option(...name)
    .action(lazily(identity, ({ create }) => create))
  here(
    parent,
    'restore',
    'Take the identity that 12 words stand for, on this new device: from standard input, or asked for',
  )
    .option(...name)
    .action(lazily(identity, ({ restore }) => restore))
  here(parent, 'show', 'Your id, which others need to ask you, and your name').action(
    lazily(identity, ({ showIdentity }) => showIdentity),
  )
  here(parent, 'words', 'The 12 words that restore this identity. Whoever has them is you').action(
    lazily(identity, ({ words }) => words),
  )
  there(parent, 'rename', 'Give yourself another name, and tell it')
    .argument('<name>', name[1])
    .action(lazily(identity, ({ rename }) => rename))
}

const steps: Readonly<Record<StepName, string>> = {
  accept: 'Say yes to somebody who asked',
  decline: 'Put the request of somebody aside; they are told nothing',
  remove: 'End being contacts, for both',
  block: 'Take nothing more of somebody; they are told nothing',
  unblock: 'Take messages of somebody again',
}

function addContact(message: Command): void {
  const parent = message.command('contact').description('People: both have to agree before they write to each other')
  there(parent, 'add', 'Ask somebody to become a contact')
    .argument('<id>', 'the whole id: 0x04 and 128 digits')
    .argument('<text>', 'a few words, which are shown with the request')
    .action(lazily(contact, ({ add }) => add))
  for (const [name, help] of Object.entries(steps) as [StepName, string][])
    there(parent, name, help)
      .argument('<id>', 'whom')
      .action(lazily(contact, ({ step }) => step(name)))
  here(parent, 'list', 'Everybody who is known here, and how far you have come with each').action(
    lazily(contact, ({ list }) => list),
  )
}

const emotions = ['love', 'thumbsUp', 'thumbsDown', 'laugh', 'sad', 'angry'] as const satisfies readonly EmotionName[]

function addSaying(message: Command): void {
  there(message, 'send', 'Send a message, and end when a node has it')
    .argument('<chat>', 'the id of a contact or a group, or the name of a public chat')
    .argument('[text]', 'what you say; others on this machine may see the arguments of a command: --text-file hides it')
    .option('--text-file <file>', 'what you say, from a file, or - for standard input')
    .option('--image <file>', 'a picture: png, jpeg, webp or gif')
    .option('--reply-to <id>', 'the message that this one answers')
    .option('--wait-delivered', 'end when a device that it is for has confirmed it; exit code 1 when none did in time')
    .addOption(durationOption('--timeout <duration>', 'with --wait-delivered: how long', '5m'))
    .action(lazily(saying, ({ send }) => send))
  there(message, 'edit', 'Give a message of yours another text')
    .argument('<id>', 'the id of the message')
    .argument('<text>', 'the new text')
    .action(lazily(saying, ({ edit }) => edit))
  there(message, 'delete', 'Delete a message for all: one of yours, or as an admin of the group')
    .argument('<id>', 'the id of the message')
    .action(lazily(saying, ({ remove }) => remove))
  there(message, 'react', 'Say what you feel about a message')
    .argument('<id>', 'the id of the message')
    .addArgument(new Argument('<emotion>', 'what you feel').choices(emotions))
    .option('--retract', 'no more')
    .action(lazily(saying, ({ react }) => react))
}

function addReading(message: Command): void {
  withMedia(there(message, 'receive', 'Print each new message once: what stores kept, then what comes'))
    .option('--follow', 'go on until Ctrl-C')
    .option('--count <n>', 'wait for so many messages, then end; exit code 1 when they did not come', countArgument)
    .addOption(new Option('--timeout <duration>', 'wait so long, then end').argParser(argumentOf(duration('s'))))
    .action(lazily(reading, ({ receive }) => receive))
  withMedia(here(message, 'history', 'The last messages of a chat, the oldest of them first'))
    .argument('<chat>', 'the id of a contact or a group, or the name of a public chat')
    .option('--limit <n>', 'messages at the most', countArgument, 50)
    .option('--before <id>', 'only messages before this one')
    .option('--containing <text>', 'only messages with this text in them, whatever the case of letters')
    .action(lazily(reading, ({ history }) => history))
  here(message, 'chats', 'All chats, the one last written in first').action(lazily(reading, ({ chats }) => chats))
  there(message, 'read', 'Mark a chat as read')
    .argument('<chat>', 'which')
    .action(lazily(reading, ({ read }) => read))
}

function withMedia(command: Command): Command {
  return command
    .option('--save-media <folder>', 'put pictures and sounds there, each under the id of its message')
    .option('--ids', 'put the id of each message in front')
}

function addGroup(message: Command): void {
  const parent = message.command('group').description('Private groups')
  const which = ['<group>', 'the id of the group'] as const
  there(parent, 'create', 'Begin a group')
    .argument('<name>', 'what it is called')
    .argument('<member...>', 'contacts of yours')
    .action(lazily(group, ({ create }) => create))
  there(parent, 'add', 'Add members')
    .argument(...which)
    .argument('<member...>', 'contacts of yours')
    .action(lazily(group, ({ add }) => add))
  there(parent, 'remove', 'Put a member out; what is said from then on does not go there')
    .argument(...which)
    .argument('<member>', 'whom')
    .action(lazily(group, ({ remove }) => remove))
  there(parent, 'admin', 'Make a member an admin')
    .argument(...which)
    .argument('<member>', 'whom')
    .action(lazily(group, ({ admin }) => admin))
  there(parent, 'leave', 'Leave a group; its history stays')
    .argument(...which)
    .action(lazily(group, ({ leave }) => leave))
  there(parent, 'rename', 'Give a group another name')
    .argument(...which)
    .argument('<name>', 'what it is called from now on')
    .action(lazily(group, ({ rename }) => rename))
  here(parent, 'members', 'Who is in a group')
    .argument(...which)
    .action(lazily(group, ({ members }) => members))
}

function addPublic(message: Command): void {
  const parent = message.command('public').description('Public chats: whoever knows the name reads and writes')
  there(parent, 'join', 'Join a public chat')
    .argument('<name>', 'its name')
    .action(lazily(group, ({ join }) => join))
  there(parent, 'leave', 'Leave a public chat; its history stays')
    .argument('<name>', 'its name')
    .action(lazily(group, ({ part }) => part))
}
