/**
 * Brings a damaged archive in order, as far as that can be done: on a copy, which takes the place of the archive at the
 * end. The damaged files stay beside it, so a repair loses nothing, and one that is broken off has changed nothing.
 *
 * What is lost stays known: marks and gaps are carried over, and what a repair takes out becomes a gap.
 */
import { constants } from 'node:fs'
import { copyFile, link, mkdir, readdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { messageOf, WaypostError } from '../../core/errors.ts'
import { type Clock, systemClock } from '../../core/time.ts'
import { syncFolder } from '../../files/whole-file.ts'
import type { Loss } from '../backend.ts'
import { Catalog } from './catalog.ts'
import { checkUnused, isDamage, openDatabase, repairDatabase } from './database.ts'
import { mendPartition, type PartitionRepair } from './mend.ts'
import { isOld } from './migrate.ts'
import { partitionIds } from './partitions.ts'
import { SchemaOne } from './schema-1.ts'
import { disarmTables } from './tables.ts'
import { type Told, verify } from './verify.ts'

export interface RepairOptions {
  /** Only says what a repair would do. */
  readonly dryRun?: boolean
  readonly clock?: Clock
  readonly told?: Told
}

export interface RepairReport {
  /** False: nothing had to be done, and nothing was. */
  readonly changed: boolean
  /** That are there after it. */
  readonly messages: number
  /** Those that were not in order. */
  readonly partitions: readonly PartitionRepair[]
  /** The marks of what was acknowledged were damaged: more may be missing than is known. */
  readonly marksLost: boolean
  /** Acknowledged messages that are known to be lost, in all. */
  readonly losses: readonly Loss[]
  /** Where the damaged files are now. */
  readonly kept?: string
}

/**
 * Repairs the archive in `folder`, which nobody has open. Throws `archive/locked`, `archive/unwritable` and
 * `archive/newer-schema`.
 */
export async function repair(folder: string, options: RepairOptions = {}): Promise<RepairReport> {
  const { dryRun = false, clock = systemClock } = options
  await checkUnused(path.join(folder, 'catalog'), folder)
  const before = await filesOf(folder)
  const [copy, kept] = [`${folder}.repair-${clock()}`, `${folder}.broken-${clock()}`]
  try {
    await copyFiles(folder, copy)
    const report = await mend(copy, options)
    if (dryRun || !report.changed) return report
    await checkUnused(path.join(folder, 'catalog'), folder)
    // Whoever opens a database leaves other files.
    if ((await filesOf(folder)) !== before) throw new WaypostError('archive/locked', { folder })
    await replace(folder, copy, kept)
    return { ...report, kept }
  } finally {
    await rm(copy, { recursive: true, force: true })
  }
}

async function filesOf(folder: string): Promise<string> {
  return (await readdir(folder, { recursive: true }))
    .filter((name) => !/(LO(G|CK)(\.old)?|ballast|probe\.tmp)$/.test(name))
    .sort()
    .join()
}

/** A copy that shares the tables, which LevelDB never changes. */
async function copyFiles(from: string, to: string): Promise<void> {
  await mkdir(to, { mode: 0o700 })
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [path.join(from, entry.name), path.join(to, entry.name)]
    if (entry.isDirectory()) await copyFiles(source, target)
    else if (/\.(ldb|sst)$/.test(entry.name)) await link(source, target).catch(() => copyFile(source, target))
    // The ballast is made again by the node.
    else if (entry.isFile() && entry.name !== 'ballast') await copyFile(source, target, constants.COPYFILE_FICLONE)
  }
}

async function replace(folder: string, copy: string, kept: string): Promise<void> {
  try {
    await rename(folder, kept)
    await rename(copy, folder)
    await syncFolder(path.dirname(folder))
  } catch (error) {
    throw new WaypostError('archive/unwritable', { folder, why: messageOf(error) }, { cause: error })
  }
}

async function mend(folder: string, { told }: RepairOptions): Promise<RepairReport> {
  const marks = await mendCatalog(folder)
  const old = await mendOld(folder)
  const graves = await mendGraves(folder)
  const mended = await mendPartitions(folder)
  const { messages, losses } = await count(folder, told)
  const partitions = mended.filter((repair) => repair !== undefined)
  const changed = [marks, old, ...graves].some((outcome) => outcome !== 'whole') || partitions.length > 0
  return { changed, messages, partitions, marksLost: [marks, old].includes('mended'), losses }
}

/** `disarmed`: all can be read, though not all of its tables were as they were written. */
type Outcome = 'whole' | 'disarmed' | 'mended'

/** Does `look` at the database in `place`, and when that meets damage, `mend`. */
async function unlessDamaged(place: string, look: () => Promise<void>, mend: () => Promise<void>): Promise<Outcome> {
  const disarmed = await disarmTables(place)
  try {
    await look()
    return disarmed ? 'disarmed' : 'whole'
  } catch (error) {
    if (!isDamage(error)) throw error
    await mend()
    return 'mended'
  }
}

/** The catalog; made anew out of the folders where nothing can be read of it. */
function mendCatalog(folder: string): Promise<Outcome> {
  const place = path.join(folder, 'catalog')
  const look = () => readCatalog(folder)
  return unlessDamaged(place, look, async () => {
    await repairDatabase(place)
    const restored = await unlessDamaged(
      place,
      () => Catalog.restore(folder).then(look),
      () => rm(place, { recursive: true }),
    )
    if (restored === 'mended') await look()
  })
}

async function readCatalog(folder: string): Promise<void> {
  const catalog = await Catalog.open(folder)
  try {
    await catalog.entries()
    await catalog.gaps()
  } finally {
    await catalog.close()
  }
}

/** What a release of schema 1 left, and is still to be taken over. */
async function mendOld(folder: string): Promise<Outcome> {
  if (!(await isOld(folder))) return 'whole'
  return await unlessDamaged(
    folder,
    () => readOld(folder),
    () => repairDatabase(folder),
  )
}

async function readOld(folder: string): Promise<void> {
  await using old = await SchemaOne.open(folder)
  for await (const _ of old.records());
}

/** Graves are for cursors of this hour: one that is damaged goes. */
async function mendGraves(folder: string): Promise<Outcome[]> {
  const names = await readdir(path.join(folder, 'dropped')).catch((): string[] => [])
  return await Promise.all(
    names.map((name) => {
      const grave = path.join(folder, 'dropped', name)
      const index = path.join(grave, 'index')
      return unlessDamaged(
        index,
        () => readGrave(index),
        () => rm(grave, { recursive: true }),
      )
    }),
  )
}

async function readGrave(index: string): Promise<void> {
  const database = await openDatabase(index, { writeBufferSize: 1024 * 1024, cacheSize: 0, compression: true })
  try {
    for await (const _ of database.keys());
  } finally {
    await database.close()
  }
}

async function mendPartitions(folder: string): Promise<(PartitionRepair | undefined)[]> {
  const catalog = await Catalog.open(folder)
  try {
    const entries = await catalog.entries()
    const names = await readdir(path.join(folder, 'partitions')).catch((): string[] => [])
    const repairs: (PartitionRepair | undefined)[] = []
    for (const id of partitionIds(names)) repairs.push(await mendPartition({ folder, catalog, id }, entries.get(id)))
    return repairs
  } finally {
    await catalog.close()
  }
}

/** Opens what was mended as a node does, and counts what is there. */
async function count(folder: string, told: Told | undefined) {
  const walk = verify(folder, told)
  let messages = 0
  let step = await walk.next()
  for (; !step.done; step = await walk.next()) messages += step.value.messages
  return { messages, losses: step.value }
}
