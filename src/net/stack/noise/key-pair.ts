/** X25519 (RFC 7748): the DH functions of the Noise Protocol Framework, revision 34, section 12.1. */
import { createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from 'node:crypto'

/** Bytes of a public key, and of what two keys share. */
export const keyBytes = 32

export interface KeyPair {
  readonly privateKey: KeyObject
  /** As it goes over the wire. */
  readonly publicBytes: Uint8Array
}

export function generateKeyPair(): KeyPair {
  return keyPairOf(generateKeyPairSync('x25519').privateKey)
}

/** The pair to which a private key belongs. */
export function keyPairOf(privateKey: KeyObject): KeyPair {
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' })
  return { privateKey, publicBytes: Buffer.from(x, 'base64url') }
}

/** What both ends can compute. Throws for a public key that would make it zero (RFC 7748, section 6.1). */
export function sharedSecret({ privateKey }: KeyPair, publicBytes: Uint8Array): Uint8Array {
  const x = Buffer.from(publicBytes).toString('base64url')
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' })
  return diffieHellman({ privateKey, publicKey })
}
