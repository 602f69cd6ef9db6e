/**
 * ChaCha20-Poly1305 for small records, in WebAssembly: through Node, OpenSSL takes ten microseconds to be set up for a
 * record, four times what a kilobyte takes here.
 *
 * There is one memory for all connections. In it stay the last key, and the last record, until the next.
 */
import { timingSafeEqual } from 'node:crypto'
import { moduleOf } from './assembly.ts'
import { chacha20, strideBytes } from './chacha20.ts'
import { blockBytes, pages, places, smallBytes } from './memory.ts'
import { poly1305 } from './poly1305.ts'

interface Functions {
  readonly memory: { readonly buffer: ArrayBuffer }
  chacha20(from: number, to: number, strides: number): void
  poly1305(at: number, length: number): void
}

/** What the types of Node leave out. Absent where V8 may not compile (`--jitless`). */
interface WithWebAssembly {
  readonly WebAssembly?: {
    readonly Module: new (bytes: Uint8Array) => object
    readonly Instance: new (module: object) => { readonly exports: Functions }
  }
}

const tagBytes = 16

export class SmallCipher {
  readonly #functions: Functions
  readonly #memory: Uint8Array

  /** Throws where there is no WebAssembly with vectors. */
  constructor() {
    const { WebAssembly } = globalThis as WithWebAssembly
    if (WebAssembly === undefined) throw new Error('no WebAssembly')
    const module = new WebAssembly.Module(moduleOf(pages, [chacha20, poly1305]))
    this.#functions = new WebAssembly.Instance(module).exports
    this.#memory = new Uint8Array(this.#functions.memory.buffer)
  }

  /** Whether a record with so many bytes of plaintext is small. */
  takes(bytes: number): boolean {
    return bytes <= smallBytes
  }

  /** Encrypts all of `record` but its last 16 bytes where it stands, and puts the tag into those. */
  sealInPlace(key: Uint8Array, nonce: Uint8Array, record: Uint8Array): void {
    const length = record.length - tagBytes
    this.#crypt(key, nonce, record, length)
    this.#functions.poly1305(places.output, length)
    record.set(this.#memory.subarray(places.output, places.output + record.length))
  }

  /** The plaintext of `record`, in a buffer of its own. Throws when its tag is another. */
  open(key: Uint8Array, nonce: Uint8Array, record: Uint8Array): Uint8Array {
    const length = record.length - tagBytes
    this.#crypt(key, nonce, record, length)
    this.#functions.poly1305(places.input, length)
    const tagAt = places.input + length
    if (!timingSafeEqual(this.#memory.subarray(tagAt, tagAt + tagBytes), record.subarray(length)))
      throw new Error('a record that was made with another key, nonce or data')
    const plaintext = Buffer.allocUnsafeSlow(length)
    plaintext.set(this.#memory.subarray(places.output, places.output + length))
    return plaintext
  }

  /** From `input` to `output`. In front of both stands block 0, which is nothing but the key of Poly1305 afterwards. */
  #crypt(key: Uint8Array, nonce: Uint8Array, record: Uint8Array, length: number): void {
    this.#memory.set(key, places.key)
    this.#memory.set(nonce, places.nonce)
    this.#memory.set(record.subarray(0, length), places.input)
    const strides = Math.ceil((blockBytes + length) / strideBytes)
    this.#functions.chacha20(places.input - blockBytes, places.output - blockBytes, strides)
  }
}

/** One for all, or none where there can be none. */
export function smallCipher(): SmallCipher | undefined {
  try {
    return new SmallCipher()
  } catch {
    return undefined
  }
}
