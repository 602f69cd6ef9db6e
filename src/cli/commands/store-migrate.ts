/** `waypost store migrate`: the archive of an earlier release becomes one of this release, before a node opens it. */
import type { Command } from 'commander'
import { migrateLevel } from '../../archive/level/level.ts'
import { type Migrated, type MigrationPlan, planMigration } from '../../archive/level/migrate.ts'
import { partitionLimits } from '../../archive/level/route.ts'
import { retentionOf } from '../../node/archive.ts'
import { action } from '../action.ts'
import { exits } from '../exit-codes.ts'
import { interruption } from '../interrupt.ts'
import { type OutputOptions, remark, show } from '../output.ts'
import { Progress } from '../progress.ts'
import { type RestOptions, withRestOptions } from '../rest-client.ts'
import { showBytes } from '../snapshot.ts'
import { storeSettings } from '../store-access.ts'
import { closedArchive } from './store-verify.ts'

interface MigrateOptions extends RestOptions, OutputOptions {
  readonly dryRun?: boolean
}

export function addStoreMigrate(store: Command): void {
  withRestOptions(store.command('migrate'))
    .description('Bring the archive of an earlier release to the present schema, as a node does when it starts')
    .option('--dry-run', 'only say what would be done, and whether there is room for it')
    .option('--json', 'one line of JSON')
    .action(action(migrateStore))
}

interface Told extends MigrationPlan {
  readonly at: string
  readonly hasRoom: boolean
  /** Absent: it was not done. */
  readonly done?: Migrated
}

async function migrateStore(options: MigrateOptions): Promise<number> {
  const at = closedArchive(options)
  const plan = await planMigration(at)
  const told = { at, ...plan, hasRoom: plan.freeBytes >= plan.bytes }
  if (options.dryRun || plan.from === plan.to) {
    await show(told, options, render)
    return told.hasRoom ? exits.ok : exits.failed
  }
  const signal = interruption()
  const done = await watch(at, plan, options, signal)
  if (signal.aborted) {
    remark('waypost: interrupted: run it again to go on')
    return exits.interrupted
  }
  await show({ ...told, done }, options, render)
  return done.unreadable === 0 ? exits.ok : exits.failed
}

async function watch(
  folder: string,
  { messages: total }: MigrationPlan,
  options: MigrateOptions,
  signal: AbortSignal,
): Promise<Migrated> {
  using progress = new Progress('migrating')
  let done: Migrated = { messages: 0, bytes: 0, unreadable: 0 }
  const limits = partitionLimits(retentionOf(storeSettings(options).storeMessageRetentionPolicy))
  const told = (now: Migrated) => {
    done = now
    progress.update({ ...done, total })
  }
  await migrateLevel({ folder, limits }, { told, signal })
  return done
}

function render({ at, from, to, messages, bytes, freeBytes, hasRoom, done }: Told): string {
  if (from === to) return `${at}: schema ${to}, the present one: nothing to do`
  if (done !== undefined) {
    const unreadable = done.unreadable === 0 ? '' : `; ${done.unreadable} could not be read and are lost`
    return `${at}: brought from schema ${from} to ${to}: ${done.messages} messages${unreadable}`
  }
  return [
    `${at}: schema ${from}, to be brought to ${to}: ${messages} messages, ${showBytes(bytes)}`,
    `room: takes about ${showBytes(bytes)}, ${showBytes(freeBytes)} are free: ${hasRoom ? 'enough' : 'not enough'}`,
  ].join('\n')
}
