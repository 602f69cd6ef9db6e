/**
 * The node key: secp256k1, since ENR (v4) and every Waku node's peer id `16Uiu2...` are of that kind. It stands in one
 * file of the data folder, 64 hexadecimal digits, readable by its owner only, created once.
 */
import { link, rename } from 'node:fs/promises'
import { generateKeyPair, privateKeyFromRaw } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { systemCode, WaypostError } from '../core/errors.ts'
import { type PrivateFileFault, readPrivateFile } from '../files/private-file.ts'
import { withDraft, writeNewFile } from '../files/whole-file.ts'

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
  const read = await readPrivateFile(file, maxFileBytes)
  if (read === undefined) return undefined
  return 'text' in read ? nodeKeyFromHex(read.text, file) : refuse(file, read)
}

function refuse(file: string, { fault, why, cause }: PrivateFileFault): never {
  switch (fault) {
    case 'not-a-file':
      throw new WaypostError('identity/not-a-file', { file, kind: why })
    case 'open-to-others':
      throw new WaypostError('identity/open-to-others', { file, mode: why })
    case 'too-long':
      throw new WaypostError('identity/bad-key', { origin: file, why: 'longer than a key' })
    case 'unreadable':
      throw new WaypostError('identity/unreadable', { file, why }, { cause })
  }
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
 * Puts `key` into `file`; false, and nothing is changed, when a key is there. A crash leaves a whole key or none, and two
 * nodes agree on one. Throws `identity/unwritable`.
 */
export function writeNodeKey(file: string, key: PrivateKey): Promise<boolean> {
  return written(file, writeNewFile(file, textOf(key)))
}

/** Puts `key` into `file` in place of the one there, which is kept as `old`. Throws `identity/unwritable`. */
export async function replaceNodeKey(file: string, key: PrivateKey, old: string): Promise<void> {
  const place = async (draft: string): Promise<void> => {
    await link(file, old)
    await rename(draft, file)
  }
  await written(file, withDraft(file, textOf(key), place))
}

function textOf(key: PrivateKey): string {
  return `${Buffer.from(key.raw).toString('hex')}\n`
}

async function written<T>(file: string, writing: Promise<T>): Promise<T> {
  try {
    return await writing
  } catch (error) {
    throw new WaypostError('identity/unwritable', { file, why: systemCode(error) }, { cause: error })
  }
}
