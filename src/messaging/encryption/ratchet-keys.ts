/**
 * The key schedule of the double ratchet, as status-im/doubleratchet has it with status-go's functions plugged in: which key
 * follows from which, and how a message is encrypted by one.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'

const rootInfo = 'rsZUpEuXUqqwXBvSy3EcievAh4cMj6QL'
const messageInfo = 'pcwSByyx2CRdryCffXJwy7xgVZWtW5Sh'

const keyBytes = 32
const ivBytes = 16
const macBytes = 32
/** Bytes that a ciphertext is longer than what is in it. */
const ratchetOverheadBytes = ivBytes + macBytes

/** Drawn from the root: root key, chain key, and a header key that nobody uses. */
const rootDrawBytes = 3 * keyBytes
const messageDrawBytes = 2 * keyBytes + ivBytes

const chainStep = Buffer.of(0x0f)
const messageStep = Buffer.of(0x10)

/** The root after a Diffie-Hellman step, and the chain that begins there. */
export function stepRoot(rootKey: Uint8Array, secret: Uint8Array): { rootKey: Uint8Array; chainKey: Uint8Array } {
  const drawn = new Uint8Array(hkdfSync('sha256', secret, rootKey, rootInfo, rootDrawBytes))
  return { rootKey: drawn.slice(0, keyBytes), chainKey: drawn.slice(keyBytes, 2 * keyBytes) }
}

/** The chain one message further, and the key of that message. */
export function stepChain(chainKey: Uint8Array): { chainKey: Uint8Array; messageKey: Uint8Array } {
  return { chainKey: hmac(chainKey, chainStep), messageKey: hmac(chainKey, messageStep) }
}

/**
 * `plaintext` under a message key: iv, AES-256-CTR, and a MAC over `associated` and both. The iv follows from the key:
 * a key must never encrypt two messages.
 */
export function sealRatcheted(messageKey: Uint8Array, plaintext: Uint8Array, associated: Uint8Array): Uint8Array {
  const { encryption, authentication, iv } = deriveMessageKeys(messageKey)
  const cipher = createCipheriv('aes-256-ctr', encryption, iv)
  const body = Buffer.concat([iv, cipher.update(plaintext), cipher.final()])
  return Buffer.concat([body, hmac(authentication, associated, body)])
}

/** What `sealed` holds; undefined where it was not sealed by this key with this `associated`. */
export function openRatcheted(
  messageKey: Uint8Array,
  sealed: Uint8Array,
  associated: Uint8Array,
): Uint8Array | undefined {
  if (sealed.length < ratchetOverheadBytes) return undefined
  const { encryption, authentication } = deriveMessageKeys(messageKey)
  const body = sealed.subarray(0, -macBytes)
  if (!timingSafeEqual(hmac(authentication, associated, body), sealed.subarray(-macBytes))) return undefined
  const decipher = createDecipheriv('aes-256-ctr', encryption, body.subarray(0, ivBytes))
  return Buffer.concat([decipher.update(body.subarray(ivBytes)), decipher.final()])
}

const zeroSalt = Buffer.alloc(keyBytes)

function deriveMessageKeys(messageKey: Uint8Array) {
  const drawn = new Uint8Array(hkdfSync('sha256', messageKey, zeroSalt, messageInfo, messageDrawBytes))
  return {
    encryption: drawn.subarray(0, keyBytes),
    authentication: drawn.subarray(keyBytes, 2 * keyBytes),
    iv: drawn.subarray(2 * keyBytes),
  }
}

function hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
  const mac = createHmac('sha256', key)
  for (const part of parts) mac.update(part)
  return mac.digest()
}
