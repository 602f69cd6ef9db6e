/** `waypost message community`: for who comes and goes, and for who keeps one. */
import type { Command } from 'commander'
import type { StepName } from '../../messages/community.ts'
import { repeated } from '../../topic-options.ts'
import { here, lazily, there } from './device-command.ts'

const community = () => import('../../messages/community.ts')

const which = ['<community>', 'the id of the community'] as const

const steps: Readonly<Record<StepName, string>> = {
  kick: 'Put a member out, who may ask again',
  ban: 'Put somebody out for good',
  unban: 'Take a ban back; to come in they have to ask again',
  accept: 'Let somebody in who asks',
  decline: 'Do not let somebody in who asks',
}

export function addCommunity(message: Command): void {
  const parent = message
    .command('community')
    .description('Communities: open to whoever has the id; only the device that began one can change it')
  there(parent, 'create', 'Begin a community, with a channel "general"')
    .argument('<name>', 'what it is called')
    .option('--description <text>', 'what it is about')
    .option('--color <color>', 'its color, such as #4360df')
    .option('--emoji <emoji>', 'its emoji')
    .option('--channel <name>', 'a further channel; repeatable', repeated)
    .option('--guarded', 'let in only whom you accept; else all who ask are let in when this device hears of it')
    .option('--encrypted', 'only members read what is said, and who is in it')
    .action(lazily(community, ({ create }) => create))
  here(parent, 'list', 'The communities that you follow, with their channels and who asks to be let in').action(
    lazily(community, ({ list }) => list),
  )
  here(parent, 'members', 'Who is in a community')
    .argument(...which)
    .action(lazily(community, ({ members }) => members))
  addComing(parent)
  addKeeping(parent)
}

/** For whoever comes and goes. */
function addComing(parent: Command): void {
  const whole = ['<community>', 'the whole id: 0x and 66 digits'] as const
  there(parent, 'follow', 'Follow a community: what it says of itself is kept here')
    .argument(...whole)
    .action(lazily(community, ({ follow }) => follow))
  there(parent, 'join', 'Follow a community and ask to be let in: from then on you read and write')
    .argument(...whole)
    .action(lazily(community, ({ join }) => join))
  there(parent, 'leave', 'Leave a community; its history stays')
    .argument(...which)
    .action(lazily(community, ({ leave }) => leave))
}

/** For who began it. */
function addKeeping(parent: Command): void {
  const channel = parent.command('channel').description('The channels of a community of yours')
  there(channel, 'add', 'Add a channel')
    .argument(...which)
    .argument('<name>', 'what it is called')
    .action(lazily(community, ({ addChannel }) => addChannel))
  there(channel, 'remove', 'Take a channel away; what was said in it stays where it is')
    .argument(...which)
    .argument('<channel>', 'its name or its id')
    .action(lazily(community, ({ removeChannel }) => removeChannel))
  for (const [name, help] of Object.entries(steps) as [StepName, string][])
    there(parent, name, help)
      .argument(...which)
      .argument('<person>', 'whom')
      .action(lazily(community, ({ step }) => step(name)))
}
