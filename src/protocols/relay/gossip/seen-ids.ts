/**
 * The ids of messages that have passed, and what was made of each, for two minutes and in some seventy bytes an id. An id
 * says nothing of the topic, and what is refused in one may be good in another: each topic has fates of its own.
 *
 * Two generations of open-addressed tables: ids go into the young one; when it is as old as an id must live, or full, it
 * becomes the old one, and what was old is forgotten. So an id is remembered for one lifetime at least and two at most.
 * A generation is sixteen tables, so that growing one holds up nobody for long. Which place an id gets depends on a
 * secret: whoever makes ids cannot make them collide.
 */
import { randomBytes } from 'node:crypto'
import type { Milliseconds } from '../../../core/time.ts'
import { idBytes } from './bounds.ts'

/** `waiting`: for a validator that does not answer at once. */
export const Fate = { unknown: 0, waiting: 1, accepted: 2, ignored: 3, rejected: 4 } as const
export type Fate = (typeof Fate)[keyof typeof Fate]

export interface SeenIdsOptions {
  readonly lifetime: Milliseconds
  /** Ids in one generation. */
  readonly most: number
}

const tables = 16
const wordsInId = idBytes / 4

export class SeenIds {
  readonly #options: SeenIdsOptions
  readonly #secret = new Int32Array(new Uint8Array(randomBytes(16)).buffer)
  /** The id that was asked for last, in words, and its place. */
  readonly #words = new Int32Array(wordsInId)
  #hash = 0
  #young: readonly IdTable[]
  #old: readonly IdTable[]
  #youngSince: Milliseconds
  /** As it was at the last look. */
  #now: Milliseconds
  #youngIds = 0

  constructor(options: SeenIdsOptions, now: Milliseconds) {
    this.#options = options
    this.#young = newGeneration()
    this.#old = newGeneration()
    this.#youngSince = now
    this.#now = now
  }

  /** Ids that are remembered. */
  get size(): number {
    return [...this.#young, ...this.#old].reduce((sum, { size }) => sum + size, 0)
  }

  /** Bytes that the tables take. */
  get bytes(): number {
    return [...this.#young, ...this.#old].reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** What became of the message with this id, 32 bytes as characters, in the topic with this number. */
  fateOf(id: string, topic: number): Fate {
    this.#enter(id, topic)
    return this.#fate()
  }

  /** The same for an id as bytes, of which there are 32. */
  fateOfBytes(id: Uint8Array, topic: number): Fate {
    this.#enterBytes(id, topic)
    return this.#fate()
  }

  #fate(): Fate {
    const table = this.#hash >>> 28
    const fate = this.#young[table]?.fateOf(this.#words, this.#hash) ?? Fate.unknown
    return fate === Fate.unknown ? (this.#old[table]?.fateOf(this.#words, this.#hash) ?? Fate.unknown) : fate
  }

  /** Remembers what became of it. An id that is known already gets no longer life by it. */
  set(id: string, topic: number, fate: Fate): void {
    this.#enter(id, topic)
    const table = this.#hash >>> 28
    if (this.#old[table]?.change(this.#words, this.#hash, fate) === true) return
    if (this.#young[table]?.set(this.#words, this.#hash, fate) !== true) return
    this.#youngIds += 1
    if (this.#youngIds >= this.#options.most) this.#age()
  }

  /** Forgets what is too old. To be called now and then. */
  look(now: Milliseconds): void {
    this.#now = now
    if (now - this.#youngSince >= this.#options.lifetime) this.#age()
  }

  #age(): void {
    this.#old = this.#young
    // As large as the last had to be, so that a steady stream grows no table.
    this.#young = this.#old.map(({ size }) => new IdTable(size))
    this.#youngSince = this.#now
    this.#youngIds = 0
  }

  #enter(id: string, topic: number): void {
    const words = this.#words
    for (let word = 0; word < wordsInId; word += 1) {
      const at = 4 * word
      words[word] =
        id.charCodeAt(at) | (id.charCodeAt(at + 1) << 8) | (id.charCodeAt(at + 2) << 16) | (id.charCodeAt(at + 3) << 24)
    }
    this.#mix(topic)
  }

  #enterBytes(id: Uint8Array, topic: number): void {
    const words = this.#words
    for (let word = 0; word < wordsInId; word += 1) {
      const at = 4 * word
      words[word] = (id[at] ?? 0) | ((id[at + 1] ?? 0) << 8) | ((id[at + 2] ?? 0) << 16) | ((id[at + 3] ?? 0) << 24)
    }
    this.#mix(topic)
  }

  #mix(topic: number): void {
    const words = this.#words
    const secret = this.#secret
    // Ids are hashes: nobody finds two that differ by the numbers of two topics.
    words[0] = (words[0] ?? 0) ^ topic
    let hash = Math.imul((words[0] ?? 0) ^ (secret[0] ?? 0), (secret[1] ?? 0) | 1)
    hash = Math.imul((hash ^ (hash >>> 15)) + ((words[3] ?? 0) ^ (secret[2] ?? 0)), (secret[3] ?? 0) | 1)
    hash = Math.imul(hash ^ (hash >>> 13), 0x2c1b3c6d)
    this.#hash = hash ^ (hash >>> 16)
  }
}

function newGeneration(): readonly IdTable[] {
  return Array.from({ length: tables }, () => new IdTable(0))
}

/** Places of the smallest table, and the share of places that may be taken. */
const leastPlaces = 64
const fill = 0.75

/** Ids at the places that their hashes name, or the next free ones after. At most three places in four are taken. */
class IdTable {
  size = 0
  #words!: Int32Array
  /** The hash of the id in each place: it says at once that an id is another one, and where the id goes in a larger table. */
  #hashes!: Int32Array
  /** What became of it; unknown: the place is free. */
  #fates!: Uint8Array

  /** With room for `expected` ids. */
  constructor(expected: number) {
    let places = leastPlaces
    while (places * fill < expected) places *= 2
    this.#allot(places)
  }

  get bytes(): number {
    return this.#words.byteLength + this.#hashes.byteLength + this.#fates.byteLength
  }

  fateOf(id: Int32Array, hash: number): Fate {
    // What stands there was put there as a Fate.
    return (this.#fates[this.#place(id, hash)] ?? Fate.unknown) as Fate
  }

  /** Changes what became of an id that is known; false when it is not. */
  change(id: Int32Array, hash: number, fate: Fate): boolean {
    const place = this.#place(id, hash)
    if (this.#fates[place] === Fate.unknown) return false
    this.#fates[place] = fate
    return true
  }

  /** True when the id is new. */
  set(id: Int32Array, hash: number, fate: Fate): boolean {
    if (this.change(id, hash, fate)) return false
    if (this.size >= this.#fates.length * fill) this.#grow()
    this.#put(id, hash, fate)
    this.size += 1
    return true
  }

  #allot(places: number): void {
    this.#words = new Int32Array(places * wordsInId)
    this.#hashes = new Int32Array(places)
    this.#fates = new Uint8Array(places)
  }

  #put(id: Int32Array, hash: number, fate: Fate | number): void {
    const place = this.#place(id, hash)
    this.#words.set(id, place * wordsInId)
    this.#hashes[place] = hash
    this.#fates[place] = fate
  }

  #grow(): void {
    const [words, hashes, fates] = [this.#words, this.#hashes, this.#fates]
    this.#allot(2 * fates.length)
    for (const [place, fate] of fates.entries())
      if (fate !== Fate.unknown)
        this.#put(words.subarray(place * wordsInId, (place + 1) * wordsInId), hashes[place] ?? 0, fate)
  }

  /** Where the id is, or the free place where it would be. */
  #place(id: Int32Array, hash: number): number {
    const mask = this.#fates.length - 1
    let place = hash & mask
    while (this.#fates[place] !== Fate.unknown && !(this.#hashes[place] === hash && this.#isAt(place, id)))
      place = (place + 1) & mask
    return place
  }

  #isAt(place: number, id: Int32Array): boolean {
    const from = place * wordsInId
    for (let word = 0; word < wordsInId; word += 1) if (this.#words[from + word] !== id[word]) return false
    return true
  }
}
