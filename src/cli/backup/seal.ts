/**
 * Small secret files under a password: scrypt (RFC 7914) makes the key, AES-256-GCM seals. Whoever reads a sealed file
 * trusts none of its numbers: parameters that would cost gigabytes or minutes are refused before they are used.
 *
 *     8 magic | 1 version | 1 log2 N | 1 r | 1 p | 16 salt | 12 nonce | ciphertext | 16 tag
 *
 * The head and the name of the file are authenticated too, so sealed files cannot change places.
 */
import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto'
import { promisify } from 'node:util'
import { WaypostError } from '../../core/errors.ts'

const magic = Buffer.from([0x89, 0x57, 0x50, 0x53, 0x0d, 0x0a, 0x1a, 0x0a])
const version = 1
const saltBytes = 16
const nonceBytes = 12
const tagBytes = 16
const headBytes = magic.length + 4 + saltBytes + nonceBytes
const keyBytes = 32

interface Cost {
  readonly log2N: number
  readonly r: number
  readonly p: number
}

/** 128 MiB and some tenths of a second for each guess. */
const cost: Cost = { log2N: 17, r: 8, p: 1 }

/** What a file may ask of us: 256 MiB and some seconds; and what it must: less is no protection. */
const leastLog2N = 14
const mostMemory = 256 * 1024 * 1024
const mostPasses = 4

/** Bytes of a sealed file at the most: keys and settings are small. */
export const maxSealedBytes = 1024 * 1024

const derive = promisify<string, Buffer, number, object, Buffer>(scrypt)

/** Seals and opens the files of one backup; the key of a salt is made once. */
export class Sealer {
  readonly #password: string
  readonly #salt = randomBytes(saltBytes)
  readonly #keys = new Map<string, Promise<Buffer>>()

  constructor(password: string) {
    this.#password = password
  }

  /** `content` sealed, for a file of this name. */
  async seal(name: string, content: Uint8Array): Promise<Buffer> {
    const nonce = randomBytes(nonceBytes)
    const head = Buffer.concat([magic, Buffer.of(version, cost.log2N, cost.r, cost.p), this.#salt, nonce])
    const cipher = createCipheriv('aes-256-gcm', await this.#key(this.#salt, cost), nonce)
    cipher.setAAD(Buffer.concat([head, Buffer.from(name)]))
    return Buffer.concat([head, cipher.update(content), cipher.final(), cipher.getAuthTag()])
  }

  /** The content of a sealed file. Throws `backup/cannot-open`; neither password nor content is in the error. */
  async open(name: string, sealed: Buffer): Promise<Buffer> {
    const { salt, nonce, ...asked } = readHead(name, sealed)
    const decipher = createDecipheriv('aes-256-gcm', await this.#key(salt, asked), nonce)
    decipher.setAAD(Buffer.concat([sealed.subarray(0, headBytes), Buffer.from(name)]))
    decipher.setAuthTag(sealed.subarray(-tagBytes))
    try {
      return Buffer.concat([decipher.update(sealed.subarray(headBytes, -tagBytes)), decipher.final()])
    } catch {
      throw cannotOpen(name, 'the password is another one, or the file was changed')
    }
  }

  #key(salt: Buffer, { log2N, r, p }: Cost): Promise<Buffer> {
    const id = `${salt.toString('hex')} ${log2N} ${r} ${p}`
    const options = { N: 2 ** log2N, r, p, maxmem: 2 * mostMemory }
    const key = this.#keys.get(id) ?? derive(this.#password.normalize('NFKC'), salt, keyBytes, options)
    this.#keys.set(id, key)
    return key
  }
}

function readHead(name: string, sealed: Buffer): Cost & { readonly salt: Buffer; readonly nonce: Buffer } {
  const isSealed = sealed.length >= headBytes + tagBytes && sealed.subarray(0, magic.length).equals(magic)
  if (!isSealed) throw cannotOpen(name, 'it is no sealed file')
  const [found = 0, log2N = 0, r = 0, p = 0] = sealed.subarray(magic.length)
  if (found > version) throw cannotOpen(name, `it is sealed in form ${found}, this release knows ${version}`)
  const memory = 128 * r * 2 ** log2N
  if (log2N < leastLog2N || r < 1 || p < 1 || p > mostPasses || memory > mostMemory)
    throw cannotOpen(name, 'its scrypt parameters are outside of what is used')
  const nonceAt = headBytes - nonceBytes
  return {
    log2N,
    r,
    p,
    salt: sealed.subarray(nonceAt - saltBytes, nonceAt),
    nonce: sealed.subarray(nonceAt, headBytes),
  }
}

function cannotOpen(name: string, why: string): WaypostError {
  return new WaypostError('backup/cannot-open', { name, why })
}
