/**
 * The key that a name or secret text stands for (Status: chat names, negotiated topics): PBKDF2-HMAC-SHA256 with an empty
 * salt and 65 356 rounds. Anyone who can guess the text has the key.
 */
import { pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'
import { gcmKeyBytes } from '../aes-gcm.ts'

/** Not 65 536: the number is part of the format. */
const rounds = 65_356

/** Texts whose key is remembered: the conversations and chats that one person has at a time. */
export const rememberedKeys = 512

const derive = promisify(pbkdf2)

/** By text, the one used longest ago first. */
const keys = new Map<string, Promise<Buffer>>()

/** The key of 32 bytes that `password` stands for: some 40 ms on another thread when it is new. */
export async function keyFromPassword(password: string): Promise<Uint8Array> {
  const key = keys.get(password) ?? derive(password, '', rounds, gcmKeyBytes, 'sha256')
  keys.delete(password)
  keys.set(password, key)
  const [oldest] = keys.keys()
  if (keys.size > rememberedKeys && oldest !== undefined) keys.delete(oldest)
  return Uint8Array.from(await key)
}
