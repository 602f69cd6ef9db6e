/** Partitions, and hands in the files of an archive, for the tests of this folder. */
import { cp, readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { ClassicLevel } from 'classic-level'
import type { PartitionLimits } from '../../../src/archive/level/route.ts'

/** Partitions of a few messages, so that a test has several. */
export const smallPartitions: PartitionLimits = { bytes: 1e9, messages: 12, span: 2n ** 62n, count: 1024 }

/** One partition for all that a test stores. */
export const onePartition: PartitionLimits = { ...smallPartitions, messages: 1e6 }

export type Level = ClassicLevel<Buffer, Buffer>

/** Where the first partition of an archive lies, and its databases. */
export function firstPartition(folder: string): { folder: string; records: string; index: string } {
  const first = path.join(folder, 'partitions/00000001')
  return { folder: first, records: path.join(first, 'records'), index: path.join(first, 'index') }
}

/** Changes the rows of a database that nobody has open. */
export async function edit(folder: string, change: (database: Level) => Promise<void>): Promise<void> {
  const database: Level = new ClassicLevel(folder, { keyEncoding: 'buffer', valueEncoding: 'buffer' })
  await database.open()
  await change(database)
  await database.close()
}

/** Copies an archive as it stands on disk: what a process leaves that is killed now. */
export async function crashed(folder: string, copy: string): Promise<string> {
  await cp(folder, copy, { recursive: true })
  return copy
}

/** The partitions in a folder. */
export async function partitionsOf(folder: string): Promise<string[]> {
  return (await readdir(path.join(folder, 'partitions'))).sort()
}

export async function remove(...names: string[]): Promise<void> {
  await rm(path.join(...names), { recursive: true })
}
