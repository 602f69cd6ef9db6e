/**
 * The entries that are in memory when a partition is closed, in a file, so that opening it does not read its records. One
 * that is damaged, or follows another generation, is none: the records tell of them.
 *
 *     sha-256 of the rest | generation that they follow | number of the first record that is not in it | entries
 */
import { hash as digest } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { entryBytes } from './entry.ts'

const digestBytes = 32
const headBytes = 8

export interface EntriesFile {
  readonly generation: number
  readonly next: number
  /** One behind the other; a whole number of them. */
  readonly entries: Buffer
}

export function entriesFileOf(partition: string): string {
  return path.join(partition, 'entries')
}

export async function readEntriesFile(file: string): Promise<EntriesFile | undefined> {
  const bytes = await readFile(file).catch(() => Buffer.alloc(0))
  const body = bytes.subarray(digestBytes)
  if (
    body.length % entryBytes !== headBytes ||
    !digest('sha256', body, 'buffer').equals(bytes.subarray(0, digestBytes))
  )
    return
  return {
    generation: body.readUInt32BE(0),
    next: body.readUInt32BE(4),
    entries: body.subarray(headBytes),
  }
}

/** `entries` are bytes, in any pieces. */
export async function writeEntriesFile(
  file: string,
  { generation, next, entries }: { generation: number; next: number; entries: readonly Buffer[] },
): Promise<void> {
  const head = Buffer.alloc(headBytes)
  head.writeUInt32BE(generation, 0)
  head.writeUInt32BE(next, 4)
  const body = Buffer.concat([head, ...entries])
  await writeFile(file, Buffer.concat([digest('sha256', body, 'buffer'), body]), { flush: true })
}
