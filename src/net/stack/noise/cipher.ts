/**
 * ChaCha20-Poly1305 with a counter for a nonce: the CipherState of the Noise Protocol Framework, revision 34, sections 5.1
 * and 12.3 (https://noiseprotocol.org/noise.html).
 *
 * Small records go through WebAssembly, all others through OpenSSL. For that the key is a KeyObject: of raw bytes OpenSSL
 * makes one for each record, which on Node 24 takes longer than a record of a kilobyte.
 */
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto'
import { smallCipher } from './wasm/small-cipher.ts'

/** Bytes by which a ciphertext is longer than its plaintext. */
export const tagBytes = 16

/** Of a nonce: four bytes that stay zero, and the counter, little-endian. */
const nonceBytes = 12
const counterAt = 4

/**
 * The last counter that is used; with it the connection ends, which at a million records a second takes 285 years. Noise
 * would allow 2^64 - 2, which a number does not hold.
 */
export const lastNonce = Number.MAX_SAFE_INTEGER

const algorithm = 'chacha20-poly1305'
const options = { authTagLength: tagBytes }

const small = smallCipher()

/** One direction of a connection, or a moment of its handshake. */
export class Cipher {
  readonly #bytes: Uint8Array
  readonly #key: KeyObject
  readonly #nonce = Buffer.alloc(nonceBytes)
  #counter: number

  /** `key`: 32 bytes. */
  constructor(key: Uint8Array, counter = 0) {
    this.#bytes = Uint8Array.from(key)
    this.#key = createSecretKey(key)
    this.#counter = counter
  }

  /** Encrypts all of `record` but its last 16 bytes where it stands, and puts the tag into those. */
  sealInPlace(record: Uint8Array, associated?: Uint8Array): void {
    const end = record.length - tagBytes
    if (associated === undefined && small?.takes(end)) small.sealInPlace(this.#bytes, this.#next(), record)
    else this.#sealByOpenssl(record, end, associated)
  }

  #sealByOpenssl(record: Uint8Array, end: number, associated: Uint8Array | undefined): void {
    const cipher = createCipheriv(algorithm, this.#key, this.#next(), options)
    if (associated !== undefined) cipher.setAAD(associated)
    record.set(cipher.update(record.subarray(0, end)))
    cipher.final()
    record.set(cipher.getAuthTag(), end)
  }

  /** The ciphertext of `plaintext`, in a buffer of its own; its tag goes into `tag`, of 16 bytes. */
  seal(plaintext: Uint8Array, tag: Uint8Array): Uint8Array {
    const cipher = createCipheriv(algorithm, this.#key, this.#next(), options)
    const ciphertext = cipher.update(plaintext)
    cipher.final()
    tag.set(cipher.getAuthTag())
    return ciphertext
  }

  /** The plaintext of `record`, a ciphertext and its tag. Throws when it was made with another key, nonce or data. */
  open(record: Uint8Array, associated?: Uint8Array): Uint8Array {
    const end = record.length - tagBytes
    if (end < 0) throw new Error('a ciphertext shorter than its tag')
    if (associated === undefined && small?.takes(end)) return small.open(this.#bytes, this.#next(), record)
    const decipher = createDecipheriv(algorithm, this.#key, this.#next(), options)
    if (associated !== undefined) decipher.setAAD(associated)
    decipher.setAuthTag(record.subarray(end))
    const plaintext = decipher.update(record.subarray(0, end))
    decipher.final()
    return plaintext
  }

  #next(): Buffer {
    if (this.#counter > lastNonce) throw new Error('all nonces of a key are used')
    this.#nonce.writeUInt32LE(this.#counter >>> 0, counterAt)
    this.#nonce.writeUInt32LE(Math.floor(this.#counter / 2 ** 32), counterAt + 4)
    this.#counter += 1
    return this.#nonce
  }
}
