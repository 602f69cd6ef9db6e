/** The archive of a node that does not run: nothing is deleted while it is open here, whatever retention says. */
import { existsSync } from 'node:fs'
import type { Archive } from '../archive/archive.ts'
import type { ExportRecord } from '../archive/export/format.ts'
import { walk } from '../archive/export/walk.ts'
import { Importer } from '../archive/import.ts'
import { WaypostError } from '../core/errors.ts'
import { archiveFolder, openStore } from '../node/archive.ts'
import { dataFolderAt, openDataFolder } from '../node/data-folder.ts'
import { StoreAdmin } from '../node/store-admin.ts'
import type { ExportAsked, ImportTold, StoreStats } from '../rest/routes/store-admin.ts'
import type { Settings } from '../settings/table.ts'
import { silentLog } from '../telemetry/log.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import type { StoreAccess } from './store-access.ts'

export interface ClosedStoreOptions {
  /** True: makes an archive where there is none. */
  readonly create: boolean
  readonly version: string
}

/** Opens it. Throws `cli/no-such-file`, `data/unwritable`, and what opening an archive throws. */
export async function openClosedStore(settings: Settings, options: ClosedStoreOptions): Promise<StoreAccess> {
  const folder = options.create ? await openDataFolder(settings.dataDir) : dataFolderAt(settings.dataDir)
  const isDatabase = settings.storeMessageDbUrl?.engine === 'postgres'
  const place = archiveFolder(settings, folder)
  if (!options.create && !isDatabase && !existsSync(place))
    throw new WaypostError('cli/no-such-file', {
      path: place,
      why: 'there is no archive: name its node with --data-dir',
    })
  const kept = { ...settings, store: true, storeMessageRetentionPolicy: [] }
  const archive = await openStore({ settings: kept, folder, metrics: createMetrics(), log: silentLog() })
  if (archive === undefined) throw new WaypostError('internal/bug', { why: 'no archive is opened' })
  const admin = new StoreAdmin({ archive, settings: () => settings, folder: place, version: options.version })
  return new ClosedStore(isDatabase ? 'the database of the closed node' : place, archive, admin, settings)
}

class ClosedStore implements StoreAccess {
  readonly running = false
  readonly at: string
  readonly #archive: Archive
  readonly #admin: StoreAdmin
  readonly #importer: Importer

  constructor(at: string, archive: Archive, admin: StoreAdmin, { maxMsgSize }: Settings) {
    this.at = at
    this.#archive = archive
    this.#admin = admin
    this.#importer = new Importer(archive, { maxMessageBytes: maxMsgSize })
  }

  stats(): Promise<StoreStats> {
    return this.#admin.stats()
  }

  export({ after, ...selection }: ExportAsked): AsyncIterable<readonly ExportRecord[]> {
    return walk(this.#archive, selection, { after })
  }

  import(records: readonly ExportRecord[]): Promise<ImportTold> {
    return this.#importer.import(records)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#archive[Symbol.asyncDispose]()
  }
}
