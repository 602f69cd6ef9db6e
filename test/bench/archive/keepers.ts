/** The ways to keep messages that the archive bench compares, by name. */
import { oneDatabase, postgres, waypost } from './archives.ts'
import { rawSynced, rawUnsynced } from './raw.ts'
import { sqliteOfNwaku, sqliteWithBestIndex } from './sqlite.ts'
import type { KeeperKind } from './subject.ts'

/** In the order of the table. */
export const keepers: Readonly<Record<string, (url: string) => KeeperKind>> = {
  raw: () => rawUnsynced,
  'raw-synced': () => rawSynced,
  waypost: () => waypost,
  'one-database': () => oneDatabase,
  postgres,
  'sqlite-nwaku': () => sqliteOfNwaku,
  'sqlite-best': () => sqliteWithBestIndex,
}

export function keeperNamed(name: string, url: string): KeeperKind {
  const kind = keepers[name]
  if (kind === undefined) throw new Error(`no keeper ${name}: there are ${Object.keys(keepers).join(', ')}`)
  return kind(url)
}
