/** `waypost status`: is the node well? */
import type { Command } from 'commander'
import { action } from '../action.ts'
import { exits } from '../exit-codes.ts'
import { type OutputOptions, show } from '../output.ts'
import { type RestOptions, restClient, withRestOptions } from '../rest-client.ts'
import { renderSnapshot, takeSnapshot } from '../snapshot.ts'

export function addStatus(program: Command): void {
  withRestOptions(program.command('status'))
    .description('Health and figures of the running node; exit code 0 when it is ready, 1 when it is not')
    .option('--json', 'one line of JSON')
    .action(action(status))
}

async function status(options: RestOptions & OutputOptions): Promise<number> {
  const snapshot = await takeSnapshot(restClient(options))
  await show(snapshot, options, renderSnapshot)
  return snapshot.state === 'READY' ? exits.ok : exits.failed
}
