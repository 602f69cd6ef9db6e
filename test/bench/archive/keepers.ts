/** The ways to keep messages that the archive bench compares, by name. */
import { oneDatabase, postgres, waypost } from './archives.ts'
import { raw } from './raw.ts'
import { sqliteOfNwaku, sqliteWithBestIndex } from './sqlite.ts'
import type { KeeperKind } from './subject.ts'
import { internedIds, longHeads, shortHeads } from './topic-ids.ts'

/** In the order of the table. */
export const keepers: Readonly<Record<string, (url: string) => KeeperKind>> = {
  raw: () => raw,
  waypost: () => waypost,
  'one-database': () => oneDatabase,
  postgres,
  'sqlite-nwaku': () => sqliteOfNwaku,
  'sqlite-best': () => sqliteWithBestIndex,
}

/** Measured only when they are asked for. */
export const experiments: Readonly<Record<string, (url: string) => KeeperKind>> = {
  'ids-long': () => longHeads,
  'ids-short': () => shortHeads,
  'ids-interned': () => internedIds,
}

export function keeperNamed(name: string, url: string): KeeperKind {
  const kind = keepers[name] ?? experiments[name]
  if (kind === undefined)
    throw new Error(`no keeper ${name}: there are ${Object.keys({ ...keepers, ...experiments }).join(', ')}`)
  return kind(url)
}
