/** Finds slots by a word of their digest: open addressing in one typed array, eight bytes for a slot at the most. Pure. */
import { randomInt } from 'node:crypto'

const firstCapacity = 1024

/** An odd number without a pattern: the golden ratio's bits. */
const spread = 0x9e3779b1

export class HashTable {
  readonly #wordOf: (slot: number) => number
  /** Unknown to whoever chooses the digests, so that nobody can aim at one place of the table. */
  readonly #secret = randomInt(2 ** 32)
  /** A slot plus one, or 0. */
  #places = new Int32Array(firstCapacity)
  #size = 0

  /** `wordOf` gives 32 bits of the digest of a slot. */
  constructor(wordOf: (slot: number) => number) {
    this.#wordOf = wordOf
  }

  add(slot: number): void {
    this.#size += 1
    if (this.#size * 2 > this.#places.length) this.#grow()
    this.#put(slot)
  }

  /** The first slot with this word for which `isIt` holds. */
  find(word: number, isIt: (slot: number) => boolean): number | undefined {
    const mask = this.#places.length - 1
    for (let place = this.#placeOf(word); ; place = (place + 1) & mask) {
      const slot = this.#places[place]! - 1
      if (slot < 0) return undefined
      if (isIt(slot)) return slot
    }
  }

  #put(slot: number): void {
    const mask = this.#places.length - 1
    let place = this.#placeOf(this.#wordOf(slot))
    while (this.#places[place] !== 0) place = (place + 1) & mask
    this.#places[place] = slot + 1
  }

  #grow(): void {
    const before = this.#places
    this.#places = new Int32Array(before.length * 2)
    for (const slot of before) if (slot !== 0) this.#put(slot - 1)
  }

  #placeOf(word: number): number {
    return Math.imul(word ^ this.#secret, spread) >>> (Math.clz32(this.#places.length) + 1)
  }
}
