/** `waypost message send`, `receive` and what else is about messages. */
import { Argument, type Command, Option } from 'commander'
import type { EmotionName } from '../../../messaging/chats/message.ts'
import { duration } from '../../../settings/kinds/amount.ts'
import { argumentOf, durationOption } from '../../action.ts'
import { countArgument } from '../../topic-options.ts'
import { here, lazily, there } from './device-command.ts'

const saying = () => import('../../messages/send.ts')
const reading = () => import('../../messages/receive.ts')

const whichChat = 'the id of a contact or a group, the name of a public chat, or <community>/<channel>'

const emotions = ['love', 'thumbsUp', 'thumbsDown', 'laugh', 'sad', 'angry'] as const satisfies readonly EmotionName[]

export function addSaying(message: Command): void {
  there(message, 'send', 'Send a message, and end when a node has it')
    .argument('<chat>', whichChat)
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

export function addReading(message: Command): void {
  withMedia(there(message, 'receive', 'Print each new message once: what stores kept, then what comes'))
    .option('--follow', 'go on until Ctrl-C')
    .option('--count <n>', 'wait for so many messages, then end; exit code 1 when they did not come', countArgument)
    .addOption(new Option('--timeout <duration>', 'wait so long, then end').argParser(argumentOf(duration('s'))))
    .action(lazily(reading, ({ receive }) => receive))
  withMedia(here(message, 'history', 'The last messages of a chat, the oldest of them first'))
    .argument('<chat>', whichChat)
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
