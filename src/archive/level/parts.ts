/** What an archive on LevelDB is made of, opened together. */
import { Catalog } from './catalog.ts'
import { readingError } from './database.ts'
import { Graves } from './graves.ts'
import type { InspectionOptions } from './inspection.ts'
import { Partitions } from './partitions.ts'
import type { PartitionLimits } from './route.ts'

export interface ArchiveParts {
  readonly catalog: Catalog
  readonly graves: Graves
  readonly partitions: Partitions
}

export interface PartsOptions extends InspectionOptions {
  readonly limits: PartitionLimits
}

/** Opens the archive in `folder`, and makes it when there is none. Throws what `Catalog.open` and `Partitions.open` throw. */
export async function openParts(options: PartsOptions): Promise<ArchiveParts> {
  const catalog = await Catalog.open(options.folder).catch((error: unknown) => {
    throw readingError(options.folder, 'catalog', error)
  })
  const graves = new Graves(options)
  const partitions = new Partitions({ ...options, catalog, graves })
  try {
    await graves.open()
    await partitions.open()
    return { catalog, graves, partitions }
  } catch (error) {
    await partitions.abandon()
    await catalog.close()
    throw readingError(options.folder, 'catalog', error)
  }
}
