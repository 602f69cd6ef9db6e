/** Who has copied all files of a device, and knows the key of its database. */
import { cpSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { ClassicLevel } from 'classic-level'
import { systemCode } from '../../../src/core/errors.ts'
import { openGcm } from '../../../src/messaging/aes-gcm.ts'
import { StorageKeys } from '../../../src/messaging/storage/sealing.ts'
import { databaseKey } from './kit.ts'

/** Bytes around the sealed keys in the file of a ring: word, number and proof; checksum. */
const ringHeaderBytes = 32
const ringChecksumBytes = 32
const generationBytes = 4

/** All files as they are now. */
export function stolen(folder: string, to: string): string {
  cpSync(folder, to, { recursive: true })
  return to
}

/** By key, the bytes that stand in the database of a copied folder. */
export async function sealedRows(copy: string): Promise<Map<string, Buffer>> {
  const level = new ClassicLevel<string, Buffer>(path.join(copy, 'rows'), { valueEncoding: 'buffer' })
  try {
    return new Map(await level.iterator().all())
  } finally {
    await level.close()
  }
}

/** Each key in each ring that is left, in a file of whatever name. */
export function ringKeys(folder: string): Buffer[] {
  const files = readdirSync(folder).filter((name) => name.startsWith('ring'))
  return files.flatMap((name) => keysIn(readFileSync(path.join(folder, name))))
}

function keysIn(file: Buffer): Buffer[] {
  const sealed = file.subarray(ringHeaderBytes, -ringChecksumBytes)
  const opened = new StorageKeys(databaseKey).openRing(sealed, file.subarray(0, ringHeaderBytes))
  const keys: Buffer[] = []
  for (let at = 0; opened !== undefined && at < opened.length; at += 1 + (opened[at] ?? 0) * 36) {
    for (let index = 0; index < (opened[at] ?? 0); index += 1) {
      const keyAt = at + 1 + index * 36 + generationBytes
      keys.push(Buffer.from(opened.subarray(keyAt, keyAt + 32)))
    }
  }
  return keys
}

/** The value of a row whose sealed bytes are known, if any key that is left in `folder` opens them. */
export function broken(folder: string, key: string, sealed: Buffer): string | undefined {
  const row = Buffer.from(key)
  const byRing = ringKeys(folder).map((secret) => openGcm(secret, sealed.subarray(generationBytes), row))
  const byKey = new StorageKeys(databaseKey).openValue(key, sealed)
  const found = [byKey, ...byRing].find((value) => value !== undefined)
  return found && Buffer.from(found).toString()
}

/** The files of a folder, and of the folders in it, in which `needle` stands. */
export function filesWith(folder: string, needle: Uint8Array): string[] {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
  const files = names.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name))
  return files.filter((file) => contentOf(file).includes(needle)).map((file) => path.relative(folder, file))
}

/** Nothing of a file that has gone meanwhile. */
function contentOf(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return Buffer.alloc(0)
    throw error
  }
}
