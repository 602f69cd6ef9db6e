/**
 * Takes an archive of schema 1 over into partitions. It can be broken off at any point: what was taken over is stored, a
 * message that is taken over twice is held once, and the old database goes when the new one has everything.
 */
import { readdir, rm, statfs } from 'node:fs/promises'
import path from 'node:path'
import { WaypostError } from '../../core/errors.ts'
import type { Backend } from '../backend.ts'
import type { Catalog } from './catalog.ts'
import { isDatabaseFile, syncFolder } from './database.ts'
import { envelopeOf } from './recovery.ts'
import { schemaVersion } from './schema.ts'
import { SchemaOne } from './schema-1.ts'

/** What a migration would do. */
export interface MigrationPlan {
  readonly from: number
  readonly to: number
  readonly messages: number
  /** Free bytes that it takes, about. */
  readonly bytes: number
  readonly freeBytes: number
}

/** What is to be done with the archive in `folder`; undefined when it is of the present schema. Changes nothing. */
export async function planMigration(folder: string): Promise<MigrationPlan | undefined> {
  if (!(await isOld(folder))) return undefined
  await using old = await SchemaOne.open(folder)
  const { bavail, bsize } = await statfs(folder)
  return { from: 1, to: schemaVersion, ...(await old.amount()), freeBytes: bavail * bsize }
}

export interface MigrationParts {
  readonly folder: string
  /** Of the archive that is open in the same folder. */
  readonly catalog: Catalog
  readonly put: Backend['put']
  /** Hears how many messages are done. */
  readonly told: (messages: number) => void
}

/** Takes over what is there, if anything. Throws `archive/unwritable` when the disk has no room for both. */
export async function migrate(parts: MigrationParts): Promise<void> {
  const { folder, catalog } = parts
  if (!(await isOld(folder))) return
  if (!(await catalog.isTakenOver())) {
    await checkRoom(folder)
    await takeOver(parts)
    await catalog.setTakenOver(true)
  }
  await removeOld(folder)
  await catalog.setTakenOver(false)
}

async function takeOver({ folder, put, told }: MigrationParts): Promise<void> {
  await using old = await SchemaOne.open(folder)
  let messages = 0
  for await (const records of old.records()) {
    await put(records.flatMap(([, record]) => envelopeOf(record) ?? []))
    await old.progress(records.at(-1)!)
    messages += records.length
    told(messages)
  }
}

/** True if `folder` itself is a database. */
export async function isOld(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch((): string[] => [])
  return names.some(isDatabaseFile)
}

async function checkRoom(folder: string): Promise<void> {
  const { bytes = 0, freeBytes = 0 } = (await planMigration(folder)) ?? {}
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
