/** What a handshake has agreed on so far: the SymmetricState of the Noise Protocol Framework, revision 34, section 5.2. */
import { hash, hkdfSync } from 'node:crypto'
import { Cipher, tagBytes } from './cipher.ts'

/** Bytes of a hash, a chaining key and a key. */
const hashBytes = 32

const nothing = new Uint8Array()

/** The two keys with which a handshake ends. */
export interface Split {
  /** From the initiator to the responder. */
  readonly first: Cipher
  readonly second: Cipher
}

export class SymmetricState {
  #chainingKey: Uint8Array
  #hash: Uint8Array
  /** None until the first DH. */
  #cipher: Cipher | undefined

  constructor(protocolName: string) {
    const name = Buffer.from(protocolName)
    this.#hash = name.length <= hashBytes ? Buffer.concat([name], hashBytes) : sha256(name)
    this.#chainingKey = this.#hash
  }

  /** Of all that was said: both ends have the same at the end. */
  get hash(): Uint8Array {
    return this.#hash
  }

  mixHash(bytes: Uint8Array): void {
    this.#hash = sha256(Buffer.concat([this.#hash, bytes]))
  }

  mixKey(secret: Uint8Array): void {
    const [chainingKey, key] = this.#derive(secret)
    this.#chainingKey = chainingKey
    this.#cipher = new Cipher(key)
  }

  /** Bytes by which what is sent is longer than what is meant. */
  get overhead(): number {
    return this.#cipher === undefined ? 0 : tagBytes
  }

  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    const sealed = Buffer.concat([plaintext], plaintext.length + this.overhead)
    this.#cipher?.sealInPlace(sealed, this.#hash)
    this.mixHash(sealed)
    return sealed
  }

  decryptAndHash(sealed: Uint8Array): Uint8Array {
    const plaintext = this.#cipher?.open(sealed, this.#hash) ?? sealed
    this.mixHash(sealed)
    return plaintext
  }

  split(): Split {
    const [first, second] = this.#derive(nothing)
    return { first: new Cipher(first), second: new Cipher(second) }
  }

  /** HKDF with two outputs, which section 4.3 defines as RFC 5869 does. */
  #derive(secret: Uint8Array): [Uint8Array, Uint8Array] {
    const bytes = Buffer.from(hkdfSync('sha256', secret, this.#chainingKey, nothing, 2 * hashBytes))
    return [bytes.subarray(0, hashBytes), bytes.subarray(hashBytes)]
  }
}

function sha256(bytes: Uint8Array): Uint8Array {
  return hash('sha256', bytes, 'buffer')
}
