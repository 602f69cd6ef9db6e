/**
 * Takes an archive of schema 1 over into partitions. It can be broken off at any point: what was taken over is stored, a
 * message that is taken over twice is held once, and the old database goes when the new one has everything.
 */
import { readdir, rm, statfs } from 'node:fs/promises'
import path from 'node:path'
import { WaypostError } from '../../core/errors.ts'
import { syncFolder } from '../../files/whole-file.ts'
import { type Amount, amountOf, type Backend, minus, nothing, plus, type Stat } from '../backend.ts'
import { Catalog } from './catalog.ts'
import { isDatabaseFile } from './database.ts'
import { envelopeOf } from './recovery.ts'
import { schemaVersion } from './schema.ts'
import { SchemaOne } from './schema-1.ts'
import { checkTables } from './tables.ts'

/** What a migration would do; it has nothing to do when both schemas are the same. */
export interface MigrationPlan {
  readonly from: number
  readonly to: number
  /** That are still to be taken over, about. */
  readonly messages: number
  /** Free bytes that it takes, about. */
  readonly bytes: number
  readonly freeBytes: number
}

/**
 * What is to be done with the archive in `folder`, which nobody has open. Changes no message. Throws what `openDatabase`
 * throws, and `archive/newer-schema`.
 */
export async function planMigration(folder: string): Promise<MigrationPlan> {
  const names = await readdir(folder)
  if (!names.includes('catalog')) return await planOf(folder)
  const catalog = await Catalog.open(folder)
  try {
    return await planOf(folder, catalog)
  } finally {
    await catalog.close()
  }
}

async function planOf(folder: string, catalog?: Catalog): Promise<MigrationPlan> {
  const { bavail, bsize } = await statfs(folder)
  const plan = { to: schemaVersion, freeBytes: bavail * bsize }
  if (!(await isOld(folder))) return { ...plan, from: schemaVersion, ...nothing }
  await using old = await SchemaOne.open(folder)
  const left = minus(await old.amount(), await takenOver(catalog))
  return { ...plan, from: 1, messages: Math.max(0, left.messages), bytes: Math.max(0, left.bytes) }
}

async function takenOver(catalog?: Catalog): Promise<Amount> {
  const entries = await catalog?.entries()
  return [...(entries?.values() ?? [])].reduce((sum, { tally }) => plus(sum, tally), nothing)
}

/** How much was done. */
export interface Migrated extends Amount {
  /** Records that are too damaged to be messages. */
  readonly unreadable: number
}

export interface MigrationOptions {
  /** Hears what was done so far, in this process. */
  readonly told: (done: Migrated) => void
  /** Breaks it off. */
  readonly signal?: AbortSignal
}

export interface MigrationParts extends MigrationOptions {
  readonly folder: string
  /** Of the archive that is open in the same folder. */
  readonly catalog: Catalog
  readonly put: Backend['put']
  /** What the archive holds. */
  readonly stat: Backend['stat']
}

/**
 * Takes over what is there, if anything. Throws `archive/unwritable` when the disk has no room for both, and
 * `archive/damaged`.
 */
export async function migrate(parts: MigrationParts): Promise<void> {
  const { folder, catalog } = parts
  if (!(await isOld(folder))) return
  if (!(await catalog.isTakenOver())) {
    await checkRoom(folder, catalog)
    await checkTables(folder, folder)
    if (!(await takeOver(parts))) return
    await catalog.setTakenOver(true)
  }
  await removeOld(folder)
  await catalog.setTakenOver(false)
}

/** False: it was broken off. */
async function takeOver({ folder, catalog, put, stat, told, signal }: MigrationParts): Promise<boolean> {
  await using old = await SchemaOne.open(folder)
  let done: Migrated = { ...nothing, unreadable: 0 }
  for await (const records of old.records()) {
    const envelopes = records.flatMap(([, record]) => envelopeOf(record) ?? [])
    await put(envelopes)
    await old.progress(records.at(-1)!)
    done = { ...plus(done, amountOf(envelopes)), unreadable: done.unreadable + records.length - envelopes.length }
    told(done)
    if (signal?.aborted) return false
  }
  await noteLoss(catalog, (await old.amount()).messages, await stat())
  return true
}

/** What was counted as stored and was not there. Of no partition: it goes when all that is as old is deleted. */
async function noteLoss(catalog: Catalog, counted: number, { messages, oldest, newest }: Stat): Promise<void> {
  if (counted <= messages) return
  const [from, to] = [oldest?.timestamp ?? 0n, newest?.timestamp ?? 0n]
  await catalog.addGap({ partition: 0, first: 0, messages: counted - messages, from, to })
}

/** True if `folder` itself is a database. */
export async function isOld(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch((): string[] => [])
  return names.some(isDatabaseFile)
}

async function checkRoom(folder: string, catalog: Catalog): Promise<void> {
  const { bytes, freeBytes } = await planOf(folder, catalog)
  if (freeBytes < bytes) {
    const why = `to bring it to schema ${schemaVersion} takes ${bytes} free bytes, there are ${freeBytes}`
    throw new WaypostError('archive/unwritable', { folder, why })
  }
}

async function removeOld(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isFile() && isDatabaseFile(entry.name)) await rm(path.join(folder, entry.name))
  }
  await syncFolder(folder)
}
