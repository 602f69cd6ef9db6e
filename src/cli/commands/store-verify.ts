/** `waypost store verify`: every message of a closed archive against its hash, and every index against the messages. */
import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import type { Loss } from '../../archive/backend.ts'
import { isInOrder, isWhole, type PartitionReport, verify } from '../../archive/level/verify.ts'
import { WaypostError } from '../../core/errors.ts'
import { type Nanoseconds, toMilliseconds } from '../../core/time.ts'
import { archiveFolder } from '../../node/archive.ts'
import { dataFolderAt } from '../../node/data-folder.ts'
import { action } from '../action.ts'
import { exits } from '../exit-codes.ts'
import { columns, type OutputOptions, show } from '../output.ts'
import { Progress } from '../progress.ts'
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
    .description('Look through the archive of a node that does not run: messages, indices, what was acknowledged')
    .option('--json', 'one line of JSON')
    .action(action(verifyStore))
}

async function verifyStore(options: VerifyOptions): Promise<number> {
  const at = closedArchive(options)
  const { partitions, losses } = await watch(at)
  const messages = partitions.reduce((sum, { messages }) => sum + messages, 0)
  const whole = losses.length === 0 && partitions.every(isWhole)
  await show({ at, whole, messages, partitions, losses }, options, render)
  return whole ? exits.ok : exits.failed
}

async function watch(at: string): Promise<Pick<Verdict, 'partitions' | 'losses'>> {
  using progress = new Progress('verify')
  const partitions: PartitionReport[] = []
  let messages = 0
  const walk = verify(at, (looked, bytes) => {
    messages += looked
    progress.update({ messages, bytes })
  })
  let step = await walk.next()
  for (; !step.done; step = await walk.next()) partitions.push(step.value)
  return { partitions, losses: step.value }
}

/** Where the archive is. Throws `cli/bad-usage` and `cli/no-such-file`. */
export function closedArchive(options: RestOptions): string {
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
  const verdict = whole ? 'all is as it was stored' : 'not all is as it was stored'
  return [
    `${at}: ${messages} messages in ${partitions.length} partitions: ${verdict}`,
    ...(partitions.length > 0 ? [columns([heads, ...partitions.map(rowOf)])] : []),
    ...partitions.flatMap(renderTimes),
    ...losses.map((loss) => `acknowledged and lost: ${renderLoss(loss)}`),
    ...(partitions.every(isInOrder) ? [] : ['waypost store repair brings in order what can be']),
  ].join('\n')
}

const heads = ['partition', 'messages', 'damaged', 'lost', 'missing', 'misplaced', 'miscounted']

function rowOf({ partition, messages, damaged, lost, missing, misplaced, miscounted }: PartitionReport): string[] {
  return [partition, messages, damaged?.messages ?? 0, lost?.messages ?? 0, missing, misplaced, miscounted].map(String)
}

function renderTimes({ partition, damaged, lost, unreadable }: PartitionReport): string[] {
  const findings = [
    damaged && `messages that are not what their hash says: ${renderLoss(damaged)}`,
    lost && `messages that an index names and that are not there: ${renderLoss(lost)}`,
    unreadable,
  ]
  return findings.filter((finding) => finding !== undefined).map((text) => `partition ${partition}: ${text}`)
}

/** How many, of which times. */
export function renderLoss({ messages, from, to }: Loss): string {
  return `${messages}, of ${dateOf(from)} to ${dateOf(to)}`
}

function dateOf(time: Nanoseconds): string {
  const date = new Date(toMilliseconds(time))
  return Number.isNaN(date.getTime()) ? `${time} ns` : date.toISOString()
}
