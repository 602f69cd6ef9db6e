/** Numbers and bytes in the files of LevelDB, one after the other. */

/** Where a block lies in a table. */
export interface Handle {
  readonly offset: number
  readonly size: number
}

/** Reads numbers; where there are none, `failed` is true and they are 0. */
export class Reader {
  readonly #bytes: Buffer
  at = 0
  failed = false

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.at >= this.#bytes.length
  }

  varint(): number {
    let value = 0
    for (let factor = 1; factor < 2 ** 49; factor *= 128) {
      const byte = this.little(1)
      value += (byte & 0x7f) * factor
      if (byte < 128) return value
    }
    this.failed = true
    return 0
  }

  handle(): Handle {
    return { offset: this.varint(), size: this.varint() }
  }

  little(bytes: number): number {
    const taken = this.take(bytes)
    return taken.length === bytes && bytes > 0 ? taken.readUIntLE(0, bytes) : 0
  }

  take(bytes: number): Buffer {
    const taken = this.#bytes.subarray(this.at, this.at + bytes)
    this.skip(bytes)
    return taken
  }

  skip(bytes: number): void {
    this.at += bytes
    if (this.at > this.#bytes.length) this.failed = true
  }
}
