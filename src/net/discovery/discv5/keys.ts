/**
 * The cryptography of discv5: key agreement, the proof of identity, and the seal of a message (discv5-theory v5.1,
 * "Handshake Steps").
 */
import { createCipheriv, createDecipheriv, createHash, hkdfSync } from 'node:crypto'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { idBytes, type NodeId } from './ids.ts'

const keyBytes = 16
const tagBytes = 16
const agreement = 'discovery v5 key agreement'
const proof = 'discovery v5 identity proof'

/** Who opens a session, to whom, and the WHOAREYOU that it answers. */
export interface Handshake {
  readonly initiator: NodeId
  readonly recipient: NodeId
  readonly challenge: Uint8Array
}

/** Keys of a session: what the initiator writes with, and what the recipient writes with. */
export interface SessionKeys {
  readonly initiator: Uint8Array
  readonly recipient: Uint8Array
}

export interface KeyPair {
  readonly privateKey: Uint8Array
  /** Compressed. */
  readonly publicKey: Uint8Array
}

export function ephemeralKeyPair(): KeyPair {
  const { secretKey, publicKey } = secp256k1.keygen()
  return { privateKey: secretKey, publicKey }
}

/** The compressed product of both keys. Throws when one is none. */
export function sharedSecret(publicKey: Uint8Array, privateKey: Uint8Array): Uint8Array {
  return secp256k1.getSharedSecret(privateKey, publicKey, true)
}

export function sessionKeys(secret: Uint8Array, { initiator, recipient, challenge }: Handshake): SessionKeys {
  const info = Buffer.concat([Buffer.from(agreement), idBytes(initiator), idBytes(recipient)])
  const keys = Buffer.from(hkdfSync('sha256', secret, challenge, info, 2 * keyBytes))
  return { initiator: keys.subarray(0, keyBytes), recipient: keys.subarray(keyBytes) }
}

/** Proves to the recipient that we hold the key of our record, for this challenge alone. */
export function signIdentity(privateKey: Uint8Array, ephemeralKey: Uint8Array, handshake: Handshake): Uint8Array {
  return secp256k1.sign(proofDigest(ephemeralKey, handshake), privateKey, { prehash: false })
}

/** Whether the initiator holds the key of its record. */
export function provesIdentity(
  signature: Uint8Array,
  publicKey: Uint8Array,
  ephemeralKey: Uint8Array,
  handshake: Handshake,
): boolean {
  try {
    return secp256k1.verify(signature, proofDigest(ephemeralKey, handshake), publicKey, {
      prehash: false,
      lowS: false,
    })
  } catch {
    // Not a point of the curve, or numbers out of range.
    return false
  }
}

/** The message sealed, its tag at the end. One nonce serves one message. */
export function seal(key: Uint8Array, nonce: Uint8Array, message: Uint8Array, head: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-128-gcm', key, nonce).setAAD(head)
  return Buffer.concat([cipher.update(message), cipher.final(), cipher.getAuthTag()])
}

/** The message; undefined when it was not sealed with this key, or was changed. */
export function unseal(
  key: Uint8Array,
  nonce: Uint8Array,
  sealed: Uint8Array,
  head: Uint8Array,
): Uint8Array | undefined {
  if (sealed.length < tagBytes) return undefined
  const end = sealed.length - tagBytes
  const decipher = createDecipheriv('aes-128-gcm', key, nonce).setAAD(head).setAuthTag(sealed.subarray(end))
  const message = decipher.update(sealed.subarray(0, end))
  try {
    decipher.final()
    return message
  } catch {
    return undefined
  }
}

function proofDigest(ephemeralKey: Uint8Array, { challenge, recipient }: Handshake): Uint8Array {
  return createHash('sha256').update(proof).update(challenge).update(ephemeralKey).update(idBytes(recipient)).digest()
}
