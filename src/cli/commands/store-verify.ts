/** `waypost store verify`: every message of a closed archive against its hash, and every index against the messages. */
import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import type { Loss } from '../../archive/backend.ts'
import { isWhole, type PartitionReport, verify } from '../../archive/level/verify.ts'
import { WaypostError } from '../../core/errors.ts'
import { type Nanoseconds, toMilliseconds } from '../../core/time.ts'
import { archiveFolder } from '../../node/archive.ts'
import { dataFolderAt } from '../../node/data-folder.ts'
import { action } from '../action.ts'
import { exits } from '../exit-codes.ts'
import { type OutputOptions, show } from '../output.ts'
import { type RestOptions, withRestOptions } from '../rest-client.ts'
import { storeSettings } from '../store-access.ts'

type VerifyOptions = RestOptions & OutputOptions

interface Verdict {
  readonly at: string
  readonly whole: boolean
  readonly messages: number
  readonly partitions: readonly PartitionReport[]
  /** Acknowledged messages that are known to be lost. */
  readonly losses: readonly Loss[]
}

export function addStoreVerify(store: Command): void {
  withRestOptions(store.command('verify'))
    .description('Look through the archive of a node that does not run: messages, indices, and what was acknowledged')
    .option('--json', 'one line of JSON')
    .action(action(verifyStore))
}

async function verifyStore(options: VerifyOptions): Promise<number> {
  const at = folderOf(options)
  const partitions: PartitionReport[] = []
  const walk = verify(at)
  let step = await walk.next()
  for (; !step.done; step = await walk.next()) partitions.push(step.value)
  const losses = step.value
  const verdict: Verdict = {
    at,
    whole: losses.length === 0 && partitions.every(isWhole),
    messages: partitions.reduce((sum, { messages }) => sum + messages, 0),
    partitions,
    losses,
  }
  await show(verdict, options, render)
  return verdict.whole ? exits.ok : exits.damaged
}

/** Where the archive is. Throws `cli/bad-usage` and `cli/no-such-file`. */
function folderOf(options: VerifyOptions): string {
  const settings = storeSettings(options)
  if (settings.storeMessageDbUrl?.engine === 'postgres')
    throw new WaypostError('cli/bad-usage', { why: 'the archive is in PostgreSQL, which checks its files itself' })
  const folder = archiveFolder(settings, dataFolderAt(settings.dataDir))
  if (!existsSync(folder))
    throw new WaypostError('cli/no-such-file', {
      path: folder,
      why: 'there is no archive: name its node with --data-dir',
    })
  return folder
}

function render({ at, whole, messages, partitions, losses }: Verdict): string {
  const wrong = partitions.filter((report) => !isWhole(report)).flatMap(renderReport)
  const lost = losses.map((loss) => `acknowledged and lost: ${renderLoss(loss)}`)
  const verdict = whole ? 'all is as it was stored' : 'not all is as it was stored'
  return [`${at}: ${messages} messages in ${partitions.length} partitions: ${verdict}`, ...lost, ...wrong].join('\n')
}

function renderReport({ partition, damaged, lost, missing, misplaced, miscounted }: PartitionReport): string[] {
  const findings = [
    damaged && `messages that are not what their hash says: ${renderLoss(damaged)}`,
    lost && `messages that an index names and that are not there: ${renderLoss(lost)}`,
    missing > 0 && `numbers under which nothing is stored: ${missing}`,
    misplaced > 0 && `messages that are not in all indices: ${misplaced}`,
    miscounted !== 0 && `messages more or less than counted: ${Math.abs(miscounted)}`,
  ]
  return findings.filter((finding) => typeof finding === 'string').map((text) => `partition ${partition}: ${text}`)
}

function renderLoss({ messages, from, to }: Loss): string {
  return `${messages}, of ${dateOf(from)} to ${dateOf(to)}`
}

function dateOf(time: Nanoseconds): string {
  const date = new Date(toMilliseconds(time))
  return Number.isNaN(date.getTime()) ? `${time} ns` : date.toISOString()
}
