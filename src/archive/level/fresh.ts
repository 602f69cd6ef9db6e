/**
 * The entries of a partition that are in memory: what came since its index was last written. They can be made again from
 * the records, so storing a message writes nothing but its record.
 *
 * Memory holds the entries as bytes, 4,096 together; all else refers to them by their number here, a slot.
 */
import { setImmediate } from 'node:timers/promises'
import type { Envelope } from '../../core/envelope.ts'
import type { Direction } from '../../core/query.ts'
import type { Nanoseconds } from '../../core/time.ts'
import {
  byHash,
  byPubsubTopic,
  compareHash,
  contentOfEntry,
  type Entry,
  entryBytes,
  type Order,
  pubsubOfEntry,
  topicsOf,
  writeEntry,
} from './entry.ts'
import { HashTable } from './hash-table.ts'
import { EntryLane } from './lane.ts'
import { type PlaceRange, placeBytes, readTime, timeBytes } from './place.ts'
import { Run } from './run.ts'
import { cut } from './search.ts'

const slabEntries = 4096

/** A sorted list and its place in a map, measured by entries. */
const topicWeight = 8

/** Slots that a lane gives at once. */
const pieceSlots = 128

/** Bits by which all entries fall into parts, sorted by hash one after the other, so that none holds the event loop. */
const partBits = 10

export class Fresh {
  readonly #slabs: Buffer[] = []
  readonly #runs = { pubsub: new Map<string, Run>(), content: new Map<string, Run>() }
  readonly #hashes = new HashTable((slot) => this.#slabOf(slot).readUInt32LE(at(slot) + timeBytes))
  #size = 0

  /** How many entries there are. */
  get size(): number {
    return this.#size
  }

  /** What it takes of memory, in entries: a topic takes as much as some of them, and anybody may invent topics. */
  get weight(): number {
    return this.#size + topicWeight * (this.#runs.pubsub.size + this.#runs.content.size)
  }

  /** The ids of the pubsub topics that are met. */
  get pubsubTopics(): Buffer[] {
    return Array.from(this.#runs.pubsub.keys(), (key) => Buffer.from(key, 'latin1'))
  }

  /** Adds a message that is record `number`. */
  add(envelope: Envelope, number: number): void {
    const slot = this.#take()
    const topics = topicsOf(envelope)
    writeEntry(this.#slabOf(slot), at(slot), envelope, number, topics)
    this.#enter(slot, envelope.message.timestamp!, topics.pubsub.pubsubKey, topics.content.contentKey)
  }

  addEntry(entry: Entry): void {
    const slot = this.#take()
    this.#slabOf(slot).set(entry, at(slot))
    const [pubsub, content] = [pubsubOfEntry(entry).toString('latin1'), contentOfEntry(entry).toString('latin1')]
    this.#enter(slot, readTime(entry, 0), pubsub, content)
  }

  /** The entry of a message, by its hash as bytes. */
  find(hash: Buffer): Entry | undefined {
    const slot = this.#hashes.find(hash.readUInt32LE(), (slot) => compareHash(this.#entryAt(slot), hash) === 0)
    return slot === undefined ? undefined : this.#entryAt(slot)
  }

  /** The part `range` of the entries of a topic by its id, as they are now. Undefined where there are none. */
  lane({ kind }: Order, id: Buffer, range: PlaceRange, direction: Direction): EntryLane | undefined {
    const runs = kind === byPubsubTopic.kind ? this.#runs.pubsub : this.#runs.content
    const slots = runs.get(id.toString('latin1'))?.sorted
    if (slots === undefined) return undefined
    const [start, end] = cut(slots.length, range, (index, place) => {
      const slot = slots[index]!
      return this.#slabOf(slot).compare(place, 0, placeBytes, at(slot), at(slot) + placeBytes)
    })
    if (start >= end) return undefined
    return this.#lane(direction === 'forward' ? upwards(slots, start, end) : downwards(slots, start, end))
  }

  /** All entries in an order. */
  all(order: Order): EntryLane {
    if (order.kind === byHash.kind) return this.#lane(this.#byHash())
    return this.#lane(inOrder(order.kind === byPubsubTopic.kind ? this.#runs.pubsub : this.#runs.content))
  }

  /** All entries as they came, as bytes. */
  encode(): Buffer[] {
    const last = this.#size % slabEntries || slabEntries
    return this.#slabs.map((slab, index) =>
      index === this.#slabs.length - 1 ? slab.subarray(0, last * entryBytes) : slab,
    )
  }

  #take(): number {
    const slot = this.#size
    if (slot % slabEntries === 0) this.#slabs.push(Buffer.allocUnsafeSlow(slabEntries * entryBytes))
    this.#size += 1
    return slot
  }

  #enter(slot: number, timestamp: Nanoseconds, pubsub: string, content: string): void {
    this.#runOf(this.#runs.pubsub, pubsub).add(slot, timestamp)
    this.#runOf(this.#runs.content, content).add(slot, timestamp)
    this.#hashes.add(slot)
  }

  #runOf(runs: Map<string, Run>, key: string): Run {
    const known = runs.get(key)
    if (known !== undefined) return known
    const run = new Run((a, b) => this.#comparePlaces(a, b))
    runs.set(key, run)
    return run
  }

  /** A lane of pieces; where there is none yet, others have their turn first. */
  #lane(pieces: Generator<readonly number[] | undefined, undefined>): EntryLane {
    const next = async () => {
      let piece = pieces.next()
      for (; !piece.done && piece.value === undefined; piece = pieces.next()) await setImmediate()
      return piece.value?.map((slot) => this.#entryAt(slot)) ?? []
    }
    return new EntryLane({ next, close: async () => {} })
  }

  #entryAt(slot: number): Entry {
    return this.#slabOf(slot).subarray(at(slot), at(slot) + entryBytes)
  }

  #slabOf(slot: number): Buffer {
    return this.#slabs[Math.floor(slot / slabEntries)]!
  }

  #comparePlaces(a: number, b: number): number {
    return this.#slabOf(a).compare(this.#slabOf(b), at(b), at(b) + placeBytes, at(a), at(a) + placeBytes)
  }

  #compareHashes(a: number, b: number): number {
    const [from, to] = [at(b) + timeBytes, at(b) + placeBytes]
    return this.#slabOf(a).compare(this.#slabOf(b), from, to, at(a) + timeBytes, at(a) + placeBytes)
  }

  *#byHash(): Generator<readonly number[] | undefined, undefined> {
    const parts = Array.from({ length: 2 ** partBits }, (): number[] => [])
    for (let slot = 0; slot < this.#size; slot++) {
      if (slot % slabEntries === slabEntries - 1) yield undefined
      parts[this.#headOf(slot) >>> (32 - partBits)]!.push(slot)
    }
    const compare = (a: number, b: number) => this.#headOf(a) - this.#headOf(b) || this.#compareHashes(a, b)
    for (const part of parts) yield* upwards(part.sort(compare))
  }

  /** The first four bytes of a hash. */
  #headOf(slot: number): number {
    return this.#slabOf(slot).readUInt32BE(at(slot) + timeBytes)
  }
}

/** Where a slot lies in its slab. */
function at(slot: number): number {
  return (slot % slabEntries) * entryBytes
}

function* upwards(slots: readonly number[], start = 0, end = slots.length): Generator<readonly number[], undefined> {
  for (let from = start; from < end; from += pieceSlots) yield slots.slice(from, Math.min(end, from + pieceSlots))
}

function* downwards(slots: readonly number[], start: number, end: number): Generator<readonly number[], undefined> {
  for (let to = end; to > start; to -= pieceSlots) yield slots.slice(Math.max(start, to - pieceSlots), to).reverse()
}

/** Keys are bytes as text: their order is that of the bytes. */
function* inOrder(runs: ReadonlyMap<string, Run>): Generator<readonly number[], undefined> {
  for (const key of [...runs.keys()].sort()) yield* upwards(runs.get(key)!.sorted)
}
