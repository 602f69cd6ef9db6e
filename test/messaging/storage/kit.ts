/** Databases for tests, and what stands in them. */
import path from 'node:path'
import type { Test } from 'tap'
import { openDatabase } from '../../../src/messaging/storage/database.ts'
import type { Database, Range } from '../../../src/messaging/storage/rows.ts'

export const databaseKey = Buffer.alloc(32, 7)

export function bytes(text: string): Uint8Array {
  return Buffer.from(text)
}

export function text(value: Uint8Array | undefined): string | undefined {
  return value && Buffer.from(value).toString()
}

/** A database that is closed with the test, if not before. */
export async function opened(
  t: Test,
  folder = path.join(t.testdir(), 'messages'),
  key: Uint8Array = databaseKey,
): Promise<Database> {
  const database = await openDatabase(folder, key)
  t.teardown(() => database[Symbol.asyncDispose]().catch(() => {}))
  return database
}

export function close(database: Database): Promise<void> {
  return Promise.resolve(database[Symbol.asyncDispose]())
}

/** Puts rows whose values say where they belong. */
export function put(database: Database, ...keys: readonly string[]): Promise<void> {
  return database.transaction(async (rows) => {
    for (const key of keys) rows.put(key, bytes(`of ${key}`))
  })
}

export function remove(database: Database, ...keys: readonly string[]): Promise<void> {
  return database.transaction(async (rows) => {
    for (const key of keys) rows.remove(key)
  })
}

/** Keys and values of a range, in the order of the scan. */
export async function scanned(database: Database, range: Range = { prefix: '' }): Promise<[string, string][]> {
  const found: [string, string][] = []
  for await (const { key, value } of database.scan(range)) found.push([key, Buffer.from(value).toString()])
  return found
}

export async function keysOf(database: Database, range: Range = { prefix: '' }): Promise<string[]> {
  return (await scanned(database, range)).map(([key]) => key)
}

/** Rows as a scan of all gives them. */
export function inOrder(rows: ReadonlyMap<string, string>): [string, string][] {
  return [...rows].sort(([one], [other]) => Buffer.compare(bytes(one), bytes(other)))
}
