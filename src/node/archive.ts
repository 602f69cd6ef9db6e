/** The archive that the settings describe. */
import { type Archive, openArchive } from '../archive/archive.ts'
import { defaultCommitLimits } from '../archive/commit.ts'
import { openLevel } from '../archive/level/level.ts'
import type { RetentionPolicy } from '../archive/retention.ts'
import type { Settings } from '../settings/table.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { DataFolder } from './data-folder.ts'

export interface ArchiveParts {
  readonly settings: Settings
  readonly folder: DataFolder
  readonly metrics: Metrics
  readonly log: Log
}

/** Opens it, or nothing when this node keeps no messages. */
export async function openStore({ settings, folder, metrics, log }: ArchiveParts): Promise<Archive | undefined> {
  if (!settings.store) return undefined
  const backend = await openLevel({ folder: archiveFolder(settings, folder) })
  return await openArchive({
    backend,
    commit: { ...defaultCommitLimits, gather: settings.storeCommitDelay, pendingBytes: settings.storeQueueSize },
    retention: retentionOf(settings.storeMessageRetentionPolicy),
    metrics,
    log: log.child({ part: 'archive' }),
  })
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

/** Where the archive is. */
export function archiveFolder({ storeMessageDbUrl: url }: Settings, folder: DataFolder): string {
  // nwaku's sqlite:// names the place too, as long as no SQLite file is there; settings have made sure of that.
  return url === undefined || url.engine === 'postgres' ? folder.archive : url.path
}
