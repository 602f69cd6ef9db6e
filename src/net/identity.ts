/**
 * The node key: secp256k1, since ENR (v4) and every Waku node's peer id `16Uiu2...` are of that kind. It stands in one
 * file of the data folder, 64 hexadecimal digits, readable by its owner only, created once.
 */
import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, link, open, rename, unlink } from 'node:fs/promises'
import path from 'node:path'
import { generateKeyPair, privateKeyFromRaw } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { systemCode, WaypostError } from '../core/errors.ts'

/** Bytes that a key file may have: 64 digits, a `0x` in front and an end of line are 68. */
const maxFileBytes = 128

/**
 * The key in `file`; when there is none, a new one that is on disk before this resolves.
 * Throws `identity/open-to-others`, `identity/not-a-file`, `identity/bad-key`, `identity/unreadable`.
 */
export async function nodeKey(file: string): Promise<PrivateKey> {
  return (await readNodeKey(file)) ?? (await createKey(file))
}

/** The key that 64 hexadecimal digits name, `0x` in front or not. Throws `identity/bad-key`; the text is not in it. */
export function nodeKeyFromHex(text: string, origin: string): PrivateKey {
  const digits = /^(?:0x)?([0-9a-f]{64})$/i.exec(text.trim())?.[1]
  if (digits === undefined) throw new WaypostError('identity/bad-key', { origin, why: 'not 64 hexadecimal digits' })
  try {
    return privateKeyFromRaw(Buffer.from(digits, 'hex'))
  } catch {
    // The cause would carry the key.
    throw new WaypostError('identity/bad-key', { origin, why: 'not a secp256k1 private key' })
  }
}

/** The key in `file`, or undefined when there is none. Throws as `nodeKey` does. */
export async function readNodeKey(file: string): Promise<PrivateKey | undefined> {
  const handle = await openKey(file)
  if (handle === undefined) return undefined
  try {
    await checkAccess(handle, file)
    const buffer = Buffer.alloc(maxFileBytes + 1)
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0)
    if (bytesRead > maxFileBytes) throw new WaypostError('identity/bad-key', { origin: file, why: 'longer than a key' })
    return nodeKeyFromHex(buffer.toString('latin1', 0, bytesRead), file)
  } finally {
    await handle.close()
  }
}

/** A symbolic link is not followed: who can write to the folder could point it at any file of ours. */
async function openKey(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file, constants.O_RDONLY | constants.O_NOFOLLOW)
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT') return undefined
    if (code === 'ELOOP') throw new WaypostError('identity/not-a-file', { file, kind: 'a symbolic link' })
    throw new WaypostError('identity/unreadable', { file, why: code }, { cause: error })
  }
}

async function checkAccess(handle: FileHandle, file: string): Promise<void> {
  const stat = await handle.stat()
  if (!stat.isFile()) throw new WaypostError('identity/not-a-file', { file, kind: 'not a regular file' })
  if (process.platform !== 'win32' && (stat.mode & 0o077) !== 0)
    throw new WaypostError('identity/open-to-others', { file, mode: (stat.mode & 0o777).toString(8).padStart(4, '0') })
}

/** A new key. */
export function newNodeKey(): Promise<PrivateKey> {
  return generateKeyPair('secp256k1')
}

async function createKey(file: string): Promise<PrivateKey> {
  const key = await newNodeKey()
  return (await writeNodeKey(file, key)) ? key : await nodeKey(file)
}

/**
 * Puts `key` into `file`; false, and nothing is changed, when a key is there. It is written beside, synced, then linked
 * into place: a crash leaves a whole key or none, and two nodes agree on one. Throws `identity/unwritable`.
 */
export function writeNodeKey(file: string, key: PrivateKey): Promise<boolean> {
  return withDraft(file, key, (draft) => linkNew(draft, file))
}

/** Puts `key` into `file` in place of the one there, which is kept as `old`. Throws `identity/unwritable`. */
export async function replaceNodeKey(file: string, key: PrivateKey, old: string): Promise<void> {
  await withDraft(file, key, async (draft) => {
    await link(file, old)
    await rename(draft, file)
  })
}

async function withDraft<T>(file: string, key: PrivateKey, place: (draft: string) => Promise<T>): Promise<T> {
  const draft = `${file}.${randomUUID()}.new`
  try {
    await writeSynced(draft, `${Buffer.from(key.raw).toString('hex')}\n`)
    const placed = await place(draft)
    await syncFolder(path.dirname(file))
    return placed
  } catch (error) {
    throw new WaypostError('identity/unwritable', { file, why: systemCode(error) }, { cause: error })
  } finally {
    await unlink(draft).catch(() => {})
  }
}

async function writeSynced(file: string, text: string): Promise<void> {
  const handle = await open(file, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** What file systems without hard links answer. */
const linkless = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'])

/** Unlike a rename, a link never replaces a key that another process has made meanwhile. False when one has. */
async function linkNew(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    const code = systemCode(error)
    if (code === 'EEXIST') return false
    if (!linkless.has(code)) throw error
    await rename(from, to)
    return true
  }
}

async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open a folder; there the file's own sync must do.
  if (process.platform === 'win32') return
  const handle = await open(folder, constants.O_RDONLY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
