/** All commands: what `waypost` runs, what docs/commands.md tells of, what shells complete. */
import { Command } from 'commander'
import { addBackup } from './commands/backup.ts'
import { addCanary } from './commands/canary.ts'
import { addChat } from './commands/chat.ts'
import { addCompletion } from './commands/completion.ts'
import { addConfig } from './commands/config.ts'
import { addDnsTree } from './commands/dns-tree.ts'
import { addDoctor } from './commands/doctor.ts'
import { addInit } from './commands/init.ts'
import { addKeys } from './commands/keys.ts'
import { addMessage } from './commands/message.ts'
import { addPeers } from './commands/peers.ts'
import { addPublish } from './commands/publish.ts'
import { addQuery } from './commands/query.ts'
import { addReload } from './commands/reload.ts'
import { addRun } from './commands/run.ts'
import { addStatus } from './commands/status.ts'
import { addStore } from './commands/store.ts'
import { addSubscribe } from './commands/subscribe.ts'
import { addTop } from './commands/top.ts'
import { version } from './version.ts'

const description =
  'A Waku node: relays and stores encrypted envelopes for people who message without a server in the middle.'

export function createProgram(): Command {
  const program = new Command('waypost')
    .description(description)
    .version(version)
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'waypost: ')) })
    .exitOverride()
  for (const add of [
    addRun,
    addInit,
    addConfig,
    addKeys,
    addStatus,
    addTop,
    addPeers,
    addPublish,
    addSubscribe,
    addQuery,
    addStore,
    addMessage,
    addChat,
    addBackup,
    addDnsTree,
    addReload,
    addDoctor,
    addCanary,
    addCompletion,
  ])
    add(program)
  return program
}
