/**
 * The keys of a database, each for one use, all derived from its one secret (HKDF-SHA256): whoever has the files alone
 * reads neither rows nor ring.
 */
import { createHmac, hkdfSync } from 'node:crypto'
import { WaypostError } from '../../core/errors.ts'
import { openGcm, sealGcm } from '../aes-gcm.ts'

/** Bytes of the secret that opens a database. */
export const databaseKeyBytes = 32
/** Bytes by which a ring of keys proves that it belongs to a secret. */
export const proofBytes = 16
const tagBytes = 16

export class StorageKeys {
  readonly #values: Uint8Array
  readonly #ring: Uint8Array
  readonly #tags: Uint8Array
  /** Says nothing of the secret, and is another for each: by it a wrong key is told from a damaged file. */
  readonly proof: Uint8Array

  /** Throws `key/invalid` where `secret` is not 32 bytes. */
  constructor(secret: Uint8Array) {
    if (secret.length !== databaseKeyBytes) {
      throw new WaypostError('key/invalid', { why: `${secret.length} bytes instead of ${databaseKeyBytes}` })
    }
    this.#values = derived(secret, 'values')
    this.#ring = derived(secret, 'ring')
    this.#tags = derived(secret, 'tags')
    this.proof = derived(secret, 'proof', proofBytes)
  }

  /** A value, bound to the key of its row: it opens in no other place. */
  sealValue(rowKey: string, value: Uint8Array): Uint8Array {
    return sealGcm(this.#values, value, Buffer.from(rowKey))
  }

  openValue(rowKey: string, sealed: Uint8Array): Uint8Array | undefined {
    return openGcm(this.#values, sealed, Buffer.from(rowKey))
  }

  sealRing(plaintext: Uint8Array, header: Uint8Array): Uint8Array {
    return sealGcm(this.#ring, plaintext, header)
  }

  openRing(sealed: Uint8Array, header: Uint8Array): Uint8Array | undefined {
    return openGcm(this.#ring, sealed, header)
  }

  tag(text: string): string {
    return createHmac('sha256', this.#tags).update(text).digest().toString('hex', 0, tagBytes)
  }
}

function derived(secret: Uint8Array, use: string, length: number = databaseKeyBytes): Uint8Array {
  return Buffer.from(hkdfSync('sha256', secret, '', `waypost storage ${use}`, length))
}
