/**
 * ECIES on secp256k1, as go-ethereum has it and 26/WAKU2-PAYLOAD takes it: an ephemeral key of 65 bytes, an iv of 16, the
 * ciphertext of AES-128-CTR, and a MAC of 32 bytes over iv and ciphertext.
 */
import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { KeyPair, type PublicKey, uncompress, uncompressedKey, uncompressedKeyBytes } from '../keys.ts'

const ivBytes = 16
const macBytes = 32
/** Bytes that a ciphertext is longer than what is in it. */
export const eciesOverheadBytes = uncompressedKeyBytes + ivBytes + macBytes

/** `plaintext`, for the owner of `recipient` only. */
export function sealEcies(recipient: PublicKey, plaintext: Uint8Array): Uint8Array {
  const ephemeral = KeyPair.generate()
  const { encryption, authentication } = eciesKeys(ephemeral.sharedSecret(recipient))
  const iv = randomBytes(ivBytes)
  const cipher = createCipheriv('aes-128-ctr', encryption, iv)
  const body = Buffer.concat([iv, cipher.update(plaintext), cipher.final()])
  return Buffer.concat([uncompress(ephemeral.publicKey), body, macOf(authentication, body)])
}

/** What `sealed` holds; undefined where it was not sealed for `recipient`. */
export function openEcies(recipient: KeyPair, sealed: Uint8Array): Uint8Array | undefined {
  if (sealed.length < eciesOverheadBytes) return undefined
  const secret = secretWith(recipient, sealed.subarray(0, uncompressedKeyBytes))
  if (secret === undefined) return undefined
  const { encryption, authentication } = eciesKeys(secret)
  const body = sealed.subarray(uncompressedKeyBytes, -macBytes)
  if (!timingSafeEqual(macOf(authentication, body), sealed.subarray(-macBytes))) return undefined
  const decipher = createDecipheriv('aes-128-ctr', encryption, body.subarray(0, ivBytes))
  return Buffer.concat([decipher.update(body.subarray(ivBytes)), decipher.final()])
}

/** Undefined where the bytes are no key: what is sent to a topic need not be for anybody. */
function secretWith(recipient: KeyPair, ephemeral: Uint8Array): Uint8Array | undefined {
  try {
    return recipient.sharedSecret(uncompressedKey(ephemeral))
  } catch {
    return undefined
  }
}

const firstRound = Buffer.of(0, 0, 0, 1)

/** One round of the KDF of NIST SP 800-56A gives both keys; that of the MAC is hashed once more. */
export function eciesKeys(secret: Uint8Array): { encryption: Uint8Array; authentication: Uint8Array } {
  const derived = sha256(firstRound, secret)
  return { encryption: derived.subarray(0, 16), authentication: sha256(derived.subarray(16)) }
}

function macOf(key: Uint8Array, body: Uint8Array): Uint8Array {
  return createHmac('sha256', key).update(body).digest()
}

function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}
