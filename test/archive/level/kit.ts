/** Partitions, and hands in the files of an archive, for the tests of this folder. */
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { ClassicLevel } from 'classic-level'
import type { Test } from 'tap'
import { openLevel } from '../../../src/archive/level/level.ts'
import type { PartitionLimits } from '../../../src/archive/level/route.ts'
import type { Envelope } from '../../../src/core/envelope.ts'
import { archiveOn, envelopeAt, envelopes, store } from '../kit.ts'

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

/** Changes the rows of a database that nobody has open. Tables that LevelDB writes anew meanwhile do not shrink. */
export async function edit(folder: string, change: (database: Level) => Promise<void>): Promise<void> {
  const options = { keyEncoding: 'buffer', valueEncoding: 'buffer', compression: false } as const
  const database: Level = new ClassicLevel(folder, options)
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

/** An archive of one partition, closed, whose records stand in tables. */
export async function filledPartition(
  t: Test,
  stored = envelopes(300),
): Promise<{ folder: string; partition: string; table: string }> {
  const folder = path.join(t.testdir(), 'archive')
  const archive = await archiveOn(t, await openLevel({ folder, limits: onePartition }))
  for (let at = 0; at < stored.length; at += 25) await store(archive, stored.slice(at, at + 25))
  await archive[Symbol.asyncDispose]()
  const { folder: partition, records } = firstPartition(folder)
  await edit(records, (database) => database.compactRange(Buffer.alloc(4), Buffer.alloc(4, 0xff)))
  return { folder, partition, table: await firstTable(records) }
}

/** The first table of a database. */
export async function firstTable(folder: string): Promise<string> {
  return path.join(folder, (await readdir(folder)).filter((name) => name.endsWith('.ldb')).sort()[0]!)
}

/** Flips a bit, `at` bytes from the start, or from the end. */
export async function flip(table: string, at: number): Promise<void> {
  const bytes = await readFile(table)
  bytes[at < 0 ? bytes.length + at : at]! ^= 1
  await writeFile(table, bytes)
}

/** More than is checked before a partition is opened. */
export function largeMessages(): Envelope[] {
  const payload = (number: number) => Buffer.alloc(300_000, `${number}`)
  return Array.from({ length: 300 }, (_, number) => envelopeAt(BigInt(number), { payload: payload(number) }))
}
