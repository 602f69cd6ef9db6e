/** What a transaction has put and removed so far, above what is on disk. */
import { inspect } from 'node:util'
import { WaypostError } from '../../core/errors.ts'
import { checkKey } from './keys.ts'
import type { Rows } from './rows.ts'

export class Draft implements Rows {
  /** By key, the value that is put; undefined: the row is removed. */
  readonly changes = new Map<string, Uint8Array | undefined>()
  readonly #stored: (key: string) => Promise<Uint8Array | undefined>
  #ended = false

  constructor(stored: (key: string) => Promise<Uint8Array | undefined>) {
    this.#stored = stored
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    this.#check(key)
    if (!this.changes.has(key)) return this.#stored(key)
    const value = this.changes.get(key)
    return value && Buffer.from(value)
  }

  put(key: string, value: Uint8Array): void {
    this.#check(key)
    // A copy: what happens to the bytes of the caller until the commit is the caller's.
    this.changes.set(key, Buffer.from(value))
  }

  remove(key: string): void {
    this.#check(key)
    this.changes.set(key, undefined)
  }

  /** What is put from now on would be lost. */
  end(): void {
    this.#ended = true
  }

  toJSON(): { changes: number } {
    return { changes: this.changes.size }
  }

  [inspect.custom](): string {
    return `Rows ${JSON.stringify(this)}`
  }

  #check(key: string): void {
    if (this.#ended) throw new WaypostError('internal/bug', { why: 'rows are used after their transaction' })
    checkKey(key)
  }
}
