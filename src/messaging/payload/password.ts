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
const rememberedKeys = 512

const derive = promisify(pbkdf2)

/** Keys of texts, those of the `capacity` texts that were used last. */
export class PasswordKeys {
  readonly #capacity: number
  /** By text, the one used longest ago first. */
  readonly #keys = new Map<string, Promise<Buffer>>()

  constructor(capacity = rememberedKeys) {
    this.#capacity = capacity
  }

  /** The key of 32 bytes that `password` stands for: some 40 ms on another thread when it is new. */
  async keyOf(password: string): Promise<Uint8Array> {
    const key = this.#keys.get(password) ?? derive(password, '', rounds, gcmKeyBytes, 'sha256')
    this.#keys.delete(password)
    this.#keys.set(password, key)
    const [oldest] = this.#keys.keys()
    if (this.#keys.size > this.#capacity && oldest !== undefined) this.#keys.delete(oldest)
    return Uint8Array.from(await key)
  }

  /** Texts that are remembered. */
  get size(): number {
    return this.#keys.size
  }
}

const common = new PasswordKeys()

/** The key of 32 bytes that `password` stands for, remembered for all that ask. */
export function keyFromPassword(password: string): Promise<Uint8Array> {
  return common.keyOf(password)
}
