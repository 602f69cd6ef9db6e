/** `waypost store repair`: a damaged archive is brought in order, and what was lost of it is told. */
import type { Command } from 'commander'
import type { PartitionRepair } from '../../archive/level/mend.ts'
import { type RepairReport, repair } from '../../archive/level/repair.ts'
import { action } from '../action.ts'
import { exits } from '../exit-codes.ts'
import { columns, type OutputOptions, show } from '../output.ts'
import { Progress } from '../progress.ts'
import { type RestOptions, withRestOptions } from '../rest-client.ts'
import { closedArchive, renderLoss } from './store-verify.ts'

interface RepairCommandOptions extends RestOptions, OutputOptions {
  readonly dryRun?: boolean
}

export function addStoreRepair(store: Command): void {
  withRestOptions(store.command('repair'))
    .description('Bring the archive of a node that does not run in order; the damaged files stay beside it')
    .option('--dry-run', 'only say what would be done')
    .option('--json', 'one line of JSON')
    .action(action(repairStore))
}

interface Told extends RepairReport {
  readonly at: string
  readonly dryRun: boolean
}

async function repairStore(options: RepairCommandOptions): Promise<number> {
  const at = closedArchive(options)
  const dryRun = options.dryRun === true
  const report = await watch(at, dryRun)
  await show({ at, dryRun, ...report }, options, render)
  return exits.ok
}

async function watch(at: string, dryRun: boolean): Promise<RepairReport> {
  using progress = new Progress('repair')
  const done = { messages: 0, bytes: 0 }
  return await repair(at, {
    dryRun,
    told(messages, bytes) {
      done.messages += messages
      done.bytes += bytes
      progress.update(done)
    },
  })
}

function render({ at, dryRun, changed, messages, partitions, marksLost, losses, kept }: Told): string {
  const what = dryRun ? 'would be put in order' : 'was put in order'
  return [
    `${at}: ${changed ? what : 'is in order, nothing was changed'}: ${messages} messages`,
    ...(partitions.length > 0 ? [columns([heads, ...partitions.map(rowOf)])] : []),
    ...losses.map((loss) => `acknowledged and lost: ${renderLoss(loss)}`),
    ...(marksLost ? ['the marks of what was acknowledged were damaged: more may be missing than is known'] : []),
    ...(kept === undefined ? [] : [`the damaged files are in ${kept}: delete them when you need them no more`]),
  ].join('\n')
}

const heads = ['partition', 'messages', 'removed', 'unproven', 'lost']

function rowOf({ partition, messages, removed, unproven, lost }: PartitionRepair): string[] {
  return [partition, messages, removed, unproven, lost].map(String)
}
