/**
 * secp256k1 keys and keccak-256, as the Status layers use them: on this curve stand identities, prekeys and ratchets.
 *
 * A public key has two forms on the wire: 33 bytes in bundles and ratchet headers, 65 bytes where it names a user. Both
 * are plain bytes here, told apart by their type, so that one cannot be handed in for the other.
 */
import { createECDH, type ECDH, randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { isPoint, isPrivate, pointCompress, pointFromScalar, recover, signRecoverable } from 'tiny-secp256k1'
import { WaypostError } from '../core/errors.ts'

declare const form: unique symbol

/** A public key as 33 bytes, 02 or 03 in front. A point of the curve, looked at where the bytes came in. */
export type CompressedKey = Uint8Array & { readonly [form]: 'compressed' }
/** A public key as 65 bytes, 04 in front. A point of the curve, looked at where the bytes came in. */
export type UncompressedKey = Uint8Array & { readonly [form]: 'uncompressed' }
export type PublicKey = CompressedKey | UncompressedKey

export const compressedKeyBytes = 33
export const uncompressedKeyBytes = 65
export const secretKeyBytes = 32
/** Bytes of a signature: r, s, and the number by which the key is recovered. */
export const signatureBytes = 65

/** Bytes of another party as a key of 33 bytes. Throws `key/invalid`. */
export function compressedKey(bytes: Uint8Array): CompressedKey {
  if (bytes.length !== compressedKeyBytes) throw invalid(`${bytes.length} bytes instead of ${compressedKeyBytes}`)
  checkPoint(bytes)
  return bytes as CompressedKey
}

/** The same of a copy, undefined where `compressedKey` throws: what was read is a view of a whole message, and a key stays. */
export function keyOrNone(bytes: Uint8Array): CompressedKey | undefined {
  try {
    return compressedKey(Uint8Array.from(bytes))
  } catch {
    return undefined
  }
}

/** Bytes of another party as a key of 65 bytes. Throws `key/invalid`. */
export function uncompressedKey(bytes: Uint8Array): UncompressedKey {
  if (bytes.length !== uncompressedKeyBytes) throw invalid(`${bytes.length} bytes instead of ${uncompressedKeyBytes}`)
  checkPoint(bytes)
  return bytes as UncompressedKey
}

export function compress(key: PublicKey): CompressedKey {
  return pointCompress(key, true) as CompressedKey
}

export function uncompress(key: PublicKey): UncompressedKey {
  return pointCompress(key, false) as UncompressedKey
}

/** The name of a user, as people hand it on: `0x` and 130 lower-case digits. */
export function userId(key: PublicKey): string {
  return `0x${hex(uncompress(key))}`
}

/** The key of the user that `text` names: digits of either form, `0x` in front or not. Throws `key/invalid`. */
export function keyOfUser(text: string): UncompressedKey {
  const digits = /^(?:0x)?((?:[0-9a-f]{66}|[0-9a-f]{130}))$/i.exec(text)?.[1]
  if (digits === undefined) throw invalid('neither 66 nor 130 hexadecimal digits')
  const bytes = Buffer.from(digits, 'hex')
  return bytes.length === uncompressedKeyBytes ? uncompressedKey(bytes) : uncompress(compressedKey(bytes))
}

export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0
}

/** A secret key with its public one. What prints or serialises it shows the public key only. */
export class KeyPair {
  readonly #secret: Uint8Array
  #agreement: ECDH | undefined
  #publicKey: CompressedKey | undefined

  private constructor(secret: Uint8Array) {
    this.#secret = secret
  }

  /** Computed when it is first asked for: a session that is read from disk need not be. */
  get publicKey(): CompressedKey {
    // Of a secret that was looked at there is a point.
    this.#publicKey ??= pointFromScalar(this.#secret, true)! as CompressedKey
    return this.#publicKey
  }

  static generate(): KeyPair {
    for (;;) {
      const secret = randomBytes(secretKeyBytes)
      if (isPrivate(secret)) return new KeyPair(secret)
    }
  }

  /** Takes a copy. Throws `key/invalid`; the bytes are not in it. */
  static fromSecret(secret: Uint8Array): KeyPair {
    if (!isPrivate(secret)) throw invalid('not a secret key of secp256k1')
    return new KeyPair(Uint8Array.from(secret))
  }

  /** A copy of the secret, to be put where secrets are kept. */
  secretBytes(): Uint8Array {
    return Uint8Array.from(this.#secret)
  }

  /** The X coordinate of the Diffie-Hellman point: always 32 bytes, zeros in front where it is short. Not hashed. */
  sharedSecret(theirs: PublicKey): Uint8Array {
    this.#agreement ??= agreementOf(this.#secret)
    return this.#agreement.computeSecret(theirs)
  }

  /** The signature of a digest of 32 bytes: r, s, v, with v 0 or 1. Deterministic (RFC 6979), s in the lower half. */
  sign(digest: Uint8Array): Uint8Array {
    const { signature, recoveryId } = signRecoverable(digest, this.#secret)
    return Buffer.concat([signature, Buffer.of(recoveryId)])
  }

  toJSON(): { publicKey: string } {
    return { publicKey: hex(this.publicKey) }
  }

  [inspect.custom](): string {
    return `KeyPair ${hex(this.publicKey)}`
  }
}

/** What v may be: 0 and 1 as Status writes, 27 and 28 as 26/WAKU2-PAYLOAD says. */
const recoveryBits: Readonly<Record<number, 0 | 1>> = { 0: 0, 1: 1, 27: 0, 28: 1 }

/** The key that signed `digest`; undefined where no key did. Every party that can be recovered has signed: compare. */
export function recoverSigner(digest: Uint8Array, signature: Uint8Array): UncompressedKey | undefined {
  const bit = signature.length === signatureBytes ? recoveryBits[signature[signatureBytes - 1] ?? -1] : undefined
  if (bit === undefined) return undefined
  try {
    return (recover(digest, signature.subarray(0, signatureBytes - 1), bit, false) ?? undefined) as
      | UncompressedKey
      | undefined
  } catch {
    return undefined
  }
}

/** keccak-256 as Ethereum has it (not SHA3-256) of the parts, one behind the other. */
export function keccak256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = keccak_256.create()
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/**
 * By OpenSSL, whose time does not tell of the secret; the multiplication of the other library may, and whoever writes to us
 * chooses the point.
 */
function agreementOf(secret: Uint8Array): ECDH {
  const agreement = createECDH('secp256k1')
  agreement.setPrivateKey(secret)
  return agreement
}

function checkPoint(bytes: Uint8Array): void {
  if (!isPoint(bytes)) throw invalid('no point of secp256k1')
}

function invalid(why: string): WaypostError {
  return new WaypostError('key/invalid', { why })
}

/** Bytes as lower-case hexadecimal digits. */
export function hex(bytes: Uint8Array): string {
  return Buffer.prototype.hexSlice.call(bytes, 0, bytes.length)
}
