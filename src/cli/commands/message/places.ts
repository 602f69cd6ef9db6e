/** `waypost message group` and `public`: chats of several people. */
import type { Command } from 'commander'
import { here, lazily, there } from './device-command.ts'

const group = () => import('../../messages/group.ts')

export function addGroup(message: Command): void {
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

export function addPublic(message: Command): void {
  const parent = message.command('public').description('Public chats: whoever knows the name reads and writes')
  there(parent, 'join', 'Join a public chat')
    .argument('<name>', 'its name')
    .action(lazily(group, ({ join }) => join))
  there(parent, 'leave', 'Leave a public chat; its history stays')
    .argument('<name>', 'its name')
    .action(lazily(group, ({ part }) => part))
}
