/** The archive that the settings describe. */
import path from 'node:path'
import { type Archive, openArchive } from '../archive/archive.ts'
import type { Backend } from '../archive/backend.ts'
import { defaultCommitLimits } from '../archive/commit.ts'
import { type DiskGuard, type DiskLimits, guardDisk } from '../archive/disk.ts'
import { openOrAwaitRepair } from '../archive/level/awaiting-repair.ts'
import { openLevel } from '../archive/level/level.ts'
import { partitionLimits } from '../archive/level/route.ts'
import { isRefusal } from '../archive/postgres/failures.ts'
import { postgresArchive } from '../archive/postgres/postgres.ts'
import type { ReplicaState } from '../archive/postgres/replica.ts'
import type { RetentionPolicy } from '../archive/retention.ts'
import { maxSpoolMessages, openSpool } from '../archive/spool/queue.ts'
import { openSpooled } from '../archive/spool/spooled.ts'
import type { WaypostError } from '../core/errors.ts'
import { type Nanoseconds, toMilliseconds } from '../core/time.ts'
import type { Settings } from '../settings/table.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { DataFolder } from './data-folder.ts'

export interface ArchiveParts {
  readonly settings: Settings
  readonly folder: DataFolder
  readonly metrics: Metrics
  readonly log: Log
  /** True: a damaged archive is opened degraded, and comes back when it is repaired. */
  readonly awaitRepair?: boolean
}

/** Opens it, or nothing when this node keeps no messages. */
export async function openStore({
  settings,
  folder,
  metrics,
  log,
  awaitRepair,
}: ArchiveParts): Promise<Archive | undefined> {
  if (!settings.store) return undefined
  const retention = retentionOf(settings.storeMessageRetentionPolicy)
  const parts = { settings, folder, metrics, log: log.child({ part: 'archive' }) }
  const disk = await guardOf(parts)
  const place = archiveFolder(settings, folder)
  const openFiles = () => openLevel({ folder: place, limits: partitionLimits(retention), log: parts.log })
  const open = awaitRepair ? () => openOrAwaitRepair(place, openFiles) : async () => ({ backend: await openFiles() })
  const { backend, damage }: { backend: Backend; damage?: WaypostError } =
    settings.storeMessageDbUrl?.engine === 'postgres'
      ? { backend: await openDatabase(parts, settings.storeMessageDbUrl.url) }
      : await open()
  const archive = await openArchive({
    backend,
    disk,
    commit: { ...defaultCommitLimits, gather: settings.storeCommitDelay, pendingBytes: settings.storeQueueSize },
    retention,
    metrics,
    log: parts.log,
  })
  if (damage !== undefined) archive.degrade(damage)
  return archive
}

/** PostgreSQL, with a spool in the data folder for the time when it is away. */
async function openDatabase({ settings, folder, metrics, log }: ArchiveParts, url: string): Promise<Backend> {
  const { storeReadUrl: read, storeReadMaxLag: maxLag, storeMaxNumDbConnections: connections } = settings
  const readUrl = read?.engine === 'postgres' ? read.url : undefined
  const spool = await openSpool(spoolFolder(folder), { messages: maxSpoolMessages, bytes: settings.storeSpoolSize })
  const onReplica = replicaReport({ metrics, log })
  const database = postgresArchive({ url, readUrl, maxLag, connections, onReplica })
  return await openSpooled({ database, spool, isRefusal, metrics, log })
}

/** Shows how the replica stands, and tells of changes. */
function replicaReport({ metrics, log }: Pick<ArchiveParts, 'metrics' | 'log'>) {
  let wasUsed: boolean | undefined
  return ({ isUsed, lag }: ReplicaState): void => {
    metrics.waypost_archive_database_up.set({ database: 'replica' }, isUsed ? 1 : 0)
    if (lag !== undefined) metrics.waypost_archive_replica_lag_seconds.set(lag / 1000)
    if (isUsed === wasUsed) return
    if (!isUsed) log.error({ lag }, 'replica away or behind, queries go to the primary')
    else if (wasUsed !== undefined) log.info({ lag }, 'replica back, queries go to it')
    wasUsed = isUsed
  }
}

/** None where the archive is a database: what waits for it here has a bound of its own. */
async function guardOf({ settings, folder, log }: ArchiveParts): Promise<DiskGuard | undefined> {
  if (settings.storeMessageDbUrl?.engine === 'postgres') return undefined
  return await guardDisk({ folder: archiveFolder(settings, folder), limits: diskLimitsOf(settings), log })
}

/** What the archive leaves free. */
export function diskLimitsOf({ storeMinFree: minFree, storeBallast: ballast }: Settings): DiskLimits {
  return { minFree, ballast }
}

/** Several policies as one: whichever deletes more. */
export function retentionOf(policies: Settings['storeMessageRetentionPolicy']): RetentionPolicy {
  const least = (values: readonly number[]): number | undefined =>
    values.length === 0 ? undefined : Math.min(...values)
  return {
    maxAge: least(policies.flatMap((policy) => (policy.by === 'time' ? policy.age : []))),
    maxMessages: least(policies.flatMap((policy) => (policy.by === 'capacity' ? policy.messages : []))),
    maxBytes: least(policies.flatMap((policy) => (policy.by === 'size' ? policy.bytes : []))),
  }
}

/** Where messages wait for PostgreSQL. */
function spoolFolder({ path: folder }: DataFolder): string {
  return path.join(folder, 'spool')
}

/** Where the files of the archive are; those of the spool, when it is in PostgreSQL. */
export function archiveFolder({ storeMessageDbUrl: url }: Settings, folder: DataFolder): string {
  // nwaku's sqlite:// names the place too, as long as no SQLite file is there; settings have made sure of that.
  if (url === undefined) return folder.archive
  return url.engine === 'postgres' ? spoolFolder(folder) : url.path
}

/** What the archive lost, for health; undefined when it has all that it acknowledged. */
export function archiveLoss(archive: Archive): string | undefined {
  const { losses } = archive.status()
  if (losses.length === 0) return undefined
  const messages = losses.reduce((sum, { messages }) => sum + messages, 0)
  const spans = losses.slice(0, 3).map(({ from, to }) => `${showTime(from)} to ${showTime(to)}`)
  return `${messages} stored messages are lost, of ${spans.join(', ')}${losses.length > 3 ? ' and others' : ''}`
}

function showTime(timestamp: Nanoseconds): string {
  const time = new Date(toMilliseconds(timestamp))
  return Number.isNaN(time.getTime()) ? String(timestamp) : time.toISOString()
}
