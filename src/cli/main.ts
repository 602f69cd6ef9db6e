/**
 * The program. Without a sub-command it runs the node, as nwaku's does: `waypost --relay=true` is `waypost run --relay=true`.
 */
import { Command } from 'commander'
import { helpText } from './help.ts'
import { run } from './run.ts'
import { version } from './version.ts'

const program = new Command('waypost')
  .description(
    'A Waku node: relays and stores encrypted envelopes for people who message without a server in the middle.',
  )
  .version(version)
  .enablePositionalOptions()

program
  .command('run', { isDefault: true })
  .description('Run the node. Its flags are those of nwaku and our own.')
  // The settings table reads its own flags: nwaku's forms (--flag:value, bare booleans) are not commander's.
  .allowUnknownOption()
  .allowExcessArguments()
  .helpOption(false)
  .action(async (_, command: Command) => {
    const { args } = command
    if (args.includes('--help') || args.includes('-h')) process.stdout.write(helpText())
    else if (args.includes('--version')) process.stdout.write(`${version}\n`)
    else process.exitCode = await run(args)
  })

await program.parseAsync()
