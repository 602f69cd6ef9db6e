/**
 * Which tables belong to a database: its manifest is a log (doc/log_format.md of LevelDB 1.20) of edits, each a list of
 * fields (db/version_edit.cc).
 */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { Reader } from './reader.ts'

const blockBytes = 32 * 1024
const headerBytes = 7
const Part = { whole: 1, first: 2, last: 4 } as const

/** The numbers of its tables, as far as the manifest can be read: LevelDB itself refuses one that is damaged. */
export async function liveTables(folder: string): Promise<Set<number>> {
  const live = new Set<number>()
  const current = await readFile(path.join(folder, 'CURRENT'), 'utf8').catch(() => '')
  if (!isManifestName(current)) return live
  const manifest = await readFile(path.join(folder, current.trim())).catch(() => Buffer.alloc(0))
  for (const edit of recordsOf(manifest)) apply(new Reader(edit), live)
  return live
}

/** True for what the file CURRENT is to hold. */
export function isManifestName(current: string): boolean {
  return /^MANIFEST-\d+\n$/.test(current)
}

function* recordsOf(log: Buffer): Generator<Buffer, void, undefined> {
  let parts: Buffer[] = []
  let at = 0
  while (at + headerBytes <= log.length) {
    const left = blockBytes - (at % blockBytes)
    const [length, type] = [log.readUInt16LE(at + 4), log[at + 6]!]
    // The end of a block holds no record.
    if (left < headerBytes || type === 0) {
      at += left
      continue
    }
    const part = log.subarray(at + headerBytes, at + headerBytes + length)
    parts = type === Part.whole || type === Part.first ? [part] : [...parts, part]
    if (type === Part.whole || type === Part.last) yield Buffer.concat(parts)
    at += headerBytes + length
  }
}

/** What each field of an edit is made of. */
const fields: Readonly<Record<number, readonly ('number' | 'text')[]>> = {
  1: ['text'],
  2: ['number'],
  3: ['number'],
  4: ['number'],
  5: ['number', 'text'],
  6: ['number', 'number'],
  7: ['number', 'number', 'number', 'text', 'text'],
  9: ['number'],
}
const Field = { deleted: 6, added: 7 } as const

function apply(edit: Reader, live: Set<number>): void {
  while (!edit.isAtEnd && !edit.failed) {
    const field = edit.varint()
    const parts = fields[field]
    if (parts === undefined) return
    const numbers = parts.map((part) => {
      const number = edit.varint()
      if (part === 'text') edit.skip(number)
      return number
    })
    const [, table = 0] = numbers
    if (field === Field.added) live.add(table)
    if (field === Field.deleted) live.delete(table)
  }
}
