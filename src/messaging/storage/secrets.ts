/**
 * The secret rows: sealed by the keys of the ring, and known by name, so that it costs nothing to see that a row is replaced,
 * and little to find what lives in a slot.
 */
import { isSecret, secretTable } from './keys.ts'
import { Ring, ringSlots, slotOf } from './ring.ts'
import type { RingFile } from './ring-file.ts'
import { type Change, damaged, type RowFiles } from './row-files.ts'

/** Rows that are written anew at once. */
const rowsAtOnce = 64

export class Secrets {
  readonly #file: RingFile
  readonly #rows: RowFiles
  #ring: Ring
  /** By slot, the keys of the rows that are there. */
  readonly #living: readonly Set<string>[] = Array.from({ length: ringSlots }, () => new Set<string>())

  private constructor(file: RingFile, rows: RowFiles, ring: Ring) {
    this.#file = file
    this.#rows = rows
    this.#ring = ring
  }

  /** `ring`: the one of the file; undefined makes the first one, of a database without rows. */
  static async open(file: RingFile, rows: RowFiles, ring: Ring | undefined): Promise<Secrets> {
    const secrets = new Secrets(file, rows, ring ?? Ring.create())
    if (ring === undefined) await file.write(secrets.#ring)
    for await (const key of rows.keys(`${secretTable}/`)) secrets.#slot(key).add(key)
    return secrets
  }

  /** How many there are. */
  get size(): number {
    return this.#living.reduce((sum, slot) => sum + slot.size, 0)
  }

  has(key: string): boolean {
    return this.#slot(key).has(key)
  }

  seal(key: string, value: Uint8Array): Uint8Array {
    return this.#ring.seal(key, value)
  }

  open(key: string, sealed: Uint8Array): Uint8Array | undefined {
    return this.#ring.open(key, sealed)
  }

  /** `change` is on disk. */
  committed({ key, value }: Change): void {
    if (!isSecret(key)) return
    if (value === undefined) this.#slot(key).delete(key)
    else this.#slot(key).add(key)
  }

  /**
   * Gives each of `slots` a new key, writes what lives in them anew, and destroys the old keys once all who read have ended.
   * Goes on first with what was interrupted. No other change may happen meanwhile.
   */
  async turn(slots: ReadonlySet<number>, readersEnd: () => Promise<void>): Promise<void> {
    await this.#file.clear(this.#ring)
    await this.#finish(readersEnd)
    if (slots.size === 0) return
    await this.#put(this.#ring.withNewKeys(slots))
    await this.#finish(readersEnd)
  }

  async #finish(readersEnd: () => Promise<void>): Promise<void> {
    const turning = this.#ring.turning
    if (turning.length === 0) return
    for (const slot of turning) await this.#rewrite([...(this.#living[slot] ?? [])])
    await readersEnd()
    await this.#put(this.#ring.withoutOldKeys())
  }

  async #rewrite(keys: readonly string[]): Promise<void> {
    for (let at = 0; at < keys.length; at += rowsAtOnce) {
      const some = keys.slice(at, at + rowsAtOnce)
      const sealed = await this.#rows.getMany(some)
      // Each time on disk: the log that holds these rows may end before the last ones are written.
      await this.#rows.write(some.flatMap((key, index) => this.#renewed(key, sealed[index])))
    }
  }

  /** A row that cannot be opened stays as it is: who reads it is told. */
  #renewed(key: string, sealed: Uint8Array | undefined): Change[] {
    if (sealed === undefined || this.#ring.isNewest(key, sealed)) return []
    const value = this.#ring.open(key, sealed)
    return value === undefined ? [] : [{ key, value: this.#ring.seal(key, value) }]
  }

  /** `ring` is in force as soon as it is on disk; then the one before goes. */
  async #put(ring: Ring): Promise<void> {
    await this.#file.write(ring)
    this.#ring = ring
    await this.#file.clear(ring)
  }

  #slot(key: string): Set<string> {
    return this.#living[slotOf(key)] as Set<string> // A slot is below their number.
  }
}

/**
 * The ring in force; undefined where it is still to be made: a crash while the database was made leaves a part of it at most,
 * and no rows. Throws `storage/wrong-key`, and `storage/damaged` where rows are there without their ring.
 */
export async function readRing(folder: string, file: RingFile, rows: RowFiles): Promise<Ring | undefined> {
  const ring = await file.read()
  if (ring !== undefined) return ring
  for await (const _ of rows.keys('')) throw damaged(folder, 'its ring of keys is missing or not whole')
  return undefined
}
