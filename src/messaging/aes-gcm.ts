/** AES-256-GCM as the Status layers write it: the ciphertext, its tag of 16 bytes, and last the nonce of 12. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

export const gcmKeyBytes = 32
const tagBytes = 16
const nonceBytes = 12
/** Bytes that a ciphertext is longer than what is in it. */
const gcmOverheadBytes = tagBytes + nonceBytes

const nothing = new Uint8Array(0)

/** `plaintext` under `key`, with a random nonce. It opens only together with what it is `bound` to, which is not in it. */
export function sealGcm(key: Uint8Array, plaintext: Uint8Array, bound: Uint8Array = nothing): Uint8Array {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(bound)
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag(), nonce])
}

/** What `sealed` holds; undefined where it was not sealed by `key`, which is nothing unusual: many try many keys. */
export function openGcm(key: Uint8Array, sealed: Uint8Array, bound: Uint8Array = nothing): Uint8Array | undefined {
  const tagAt = sealed.length - gcmOverheadBytes
  if (tagAt < 0) return undefined
  const nonceAt = tagAt + tagBytes
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(nonceAt), { authTagLength: tagBytes })
  decipher.setAAD(bound).setAuthTag(sealed.subarray(tagAt, nonceAt))
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, tagAt)), decipher.final()])
  } catch {
    return undefined
  }
}

/** The same sealed bytes with the nonce in front, as entries of a rekey have it. */
export function nonceToFront(sealed: Uint8Array): Uint8Array {
  const nonceAt = sealed.length - nonceBytes
  return Buffer.concat([sealed.subarray(nonceAt), sealed.subarray(0, nonceAt)])
}

/** Undoes `nonceToFront`. */
export function nonceToEnd(sealed: Uint8Array): Uint8Array {
  return Buffer.concat([sealed.subarray(nonceBytes), sealed.subarray(0, nonceBytes)])
}
