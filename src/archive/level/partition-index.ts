/**
 * The index of a partition: a generation on disk, and in memory what came since. When that is much, it is written out as
 * the next generation; meanwhile others come into memory beside it.
 */
import path from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { Envelope } from '../../core/envelope.ts'
import { hashToBytes, type MessageHash } from '../../core/hash.ts'
import { type Database, type DatabaseSizes, openDatabase } from './database.ts'
import { entriesFileOf, readEntriesFile, writeEntriesFile } from './entries-file.ts'
import { type Entry, entriesIn, entryBytes, lengthOfEntry, type Order } from './entry.ts'
import { Fresh } from './fresh.ts'
import type { EntryLane } from './lane.ts'
import { Pace } from './pace.ts'
import { type PlaceRange, readTime } from './place.ts'
import { type IsLost, readSeal, type Seal, sweep, writeGeneration } from './seal.ts'
import { everyEntry, type Reading, Sealed } from './sealed.ts'
import { type Tally, withMessage } from './tally.ts'

export interface IndexOptions {
  /** Of the partition. */
  readonly folder: string
  /** Of the archive. */
  readonly archive: string
  readonly sizes: DatabaseSizes
  /** Entries in memory (by `Fresh.weight`) after which the next generation is written: at first, and at the most. */
  readonly leastFresh?: number
  readonly maxFresh: number
}

/** Bytes of entries that are taken from a file at once: some milliseconds. */
const pieceBytes = 4096 * entryBytes

export class PartitionIndex {
  readonly database: Database
  readonly #file: string
  readonly #leastFresh: number
  readonly #maxFresh: number
  #seal: Seal
  /** What is being written out, and the number of the first record that is not in it. */
  #frozen: { readonly fresh: Fresh; readonly next: number } | undefined
  #fresh = new Fresh()
  #sealing: Promise<void> = Promise.resolve()
  readonly #pace = new Pace()
  /** The number of the first record that is neither in the generation nor in the file. */
  #saved: number
  /** Of all that is in it; `next` is the number of the first record that is not. */
  tally: Tally

  private constructor(database: Database, seal: Seal, { folder, maxFresh, leastFresh = maxFresh }: IndexOptions) {
    this.database = database
    this.#file = entriesFileOf(folder)
    this.#leastFresh = leastFresh
    this.#maxFresh = maxFresh
    this.#seal = seal
    this.#saved = seal.tally.next
    this.tally = seal.tally
  }

  /** Opens the index of a partition, and makes it when there is none. Throws what `openDatabase` throws. */
  static async open(options: IndexOptions): Promise<PartitionIndex> {
    const { folder, sizes, archive } = options
    const database = await openDatabase(path.join(folder, 'index'), sizes, archive)
    try {
      const index = new PartitionIndex(database, await readSeal(database), options)
      await sweep(database, index.#seal)
      await index.#readEntries()
      return index
    } catch (error) {
      await database.close()
      throw error
    }
  }

  /** The generation on disk. */
  get seal(): Seal {
    return this.#seal
  }

  /** Enters messages as records from `first` on. */
  enter(envelopes: readonly Envelope[], first: number): void {
    let { tally } = this
    for (const [index, envelope] of envelopes.entries()) {
      this.#fresh.add(envelope, first + index)
      tally = withMessage(tally, envelope.message.timestamp!, envelope.bytes.length)
    }
    this.skipTo(first + envelopes.length, tally)
    if (this.#isFull && this.#frozen === undefined) this.writeOut().catch(() => {})
  }

  /** Goes on with record `next`, whatever is before it. */
  skipTo(next: number, tally: Tally = this.tally): void {
    this.tally = { ...tally, next }
  }

  /** Resolves when there is room for entries in memory. Throws when what is there cannot be written out. */
  async room(): Promise<void> {
    while (this.#isFull) await this.#pace.hurry(this.writeOut())
  }

  /** Writes out what is in memory, at leisure. */
  writeOut(): Promise<void> {
    return this.#write()
  }

  /** Takes out of it what is lost. Nothing is to be entered meanwhile. */
  async forget(isLost: IsLost): Promise<void> {
    // What could not be written out before goes first: all else is then one memory.
    await this.#pace.hurry(this.#sealing)
    if (this.#frozen !== undefined) await this.#pace.hurry(this.#write())
    await this.#pace.hurry(this.#write(isLost))
  }

  /** The entries of messages. */
  async find(hashes: readonly MessageHash[]): Promise<(Entry | undefined)[]> {
    await using moment = this.moment()
    return await moment.find(hashes)
  }

  /** What is in it now. */
  moment(): Moment {
    const sealed = this.#seal.generation === 0 ? undefined : new Sealed(this.database, this.#seal)
    return new Moment(sealed, this.#memory)
  }

  /** All entries in an order, on disk and in memory. Not while it changes. */
  all(order: Order): EntryLane[] {
    const memory = this.#memory.map((fresh) => fresh.all(order))
    return this.#seal.generation === 0 ? memory : [everyEntry(this.database, order, this.#seal), ...memory]
  }

  /** Closes it; what is in memory goes to a file. */
  async close(): Promise<void> {
    await this.#pace.hurry(this.#sealing)
    // On a disk that takes no more, the records tell of them.
    if (this.tally.next !== this.#saved) await this.#writeEntries().catch(() => {})
    await this.database.close()
  }

  /** Closes it as a crash does. */
  async abandon(): Promise<void> {
    await this.#pace.hurry(this.#sealing)
    await this.database.close()
  }

  /** As much in memory as on disk, within limits: each entry is written a few times, however many come. */
  get #isFull(): boolean {
    return this.#fresh.weight >= Math.min(this.#maxFresh, Math.max(this.#leastFresh, this.#seal.tally.messages))
  }

  get #memory(): Fresh[] {
    return this.#frozen === undefined ? [this.#fresh] : [this.#frozen.fresh, this.#fresh]
  }

  #write(isLost?: IsLost): Promise<void> {
    const written = this.#sealing.then(() => this.#writeGeneration(isLost))
    this.#sealing = written.catch(() => {})
    return written
  }

  async #writeGeneration(isLost?: IsLost): Promise<void> {
    if (this.#frozen === undefined) {
      if (this.#fresh.size === 0 && isLost === undefined) return
      this.#frozen = { fresh: this.#fresh, next: this.tally.next }
      this.#fresh = new Fresh()
    }
    const [{ fresh, next }, before] = [this.#frozen, this.#seal]
    // What an attempt before this one left.
    await sweep(this.database, before)
    const { pause } = this.#pace
    this.#seal = await writeGeneration({ database: this.database, before, fresh, next, isLost, pause })
    this.#saved = next
    this.#frozen = undefined
    if (isLost !== undefined) this.skipTo(this.tally.next, this.#seal.tally)
    await sweep(this.database, this.#seal)
  }

  /** Reads the entries that were in memory when it was closed. */
  async #readEntries(): Promise<void> {
    const file = await readEntriesFile(this.#file)
    if (file?.generation !== this.#seal.generation) return
    for (let at = 0; at < file.entries.length; at += pieceBytes) {
      let { tally } = this
      for (const entry of entriesIn(file.entries.subarray(at, at + pieceBytes))) {
        this.#fresh.addEntry(entry)
        tally = withMessage(tally, readTime(entry, 0), lengthOfEntry(entry))
      }
      this.tally = tally
      await setImmediate()
    }
    this.skipTo(file.next)
    this.#saved = file.next
  }

  async #writeEntries(): Promise<void> {
    const [{ generation }, { next }] = [this.#seal, this.tally]
    const entries = this.#memory.flatMap((fresh) => fresh.encode())
    await writeEntriesFile(this.#file, { generation, next, entries })
  }
}

/** An index as it was at one moment. */
export class Moment {
  readonly #sealed: Sealed | undefined
  readonly #memory: readonly Fresh[]

  constructor(sealed: Sealed | undefined, memory: readonly Fresh[]) {
    this.#sealed = sealed
    this.#memory = memory
  }

  /** The ids of the pubsub topics that are met. */
  get pubsubTopics(): Buffer[] {
    const ids = [this.#sealed?.pubsubTopics ?? [], ...this.#memory.map(({ pubsubTopics }) => pubsubTopics)].flat()
    return [...new Map(ids.map((id) => [id.toString('latin1'), id])).values()]
  }

  /** The entries of a topic in `range`: lanes to merge. */
  lanes(order: Order, id: Buffer, range: PlaceRange, reading: Reading): EntryLane[] {
    const memory = this.#memory.flatMap((fresh) => fresh.lane(order, id, range, reading.direction) ?? [])
    return this.#sealed === undefined ? memory : [this.#sealed.lane(order, id, range, reading), ...memory]
  }

  async find(hashes: readonly MessageHash[]): Promise<(Entry | undefined)[]> {
    const wanted = hashes.map(hashToBytes)
    const found = wanted.map((hash) => this.#memory.map((fresh) => fresh.find(hash)).find((entry) => entry))
    if (this.#sealed === undefined || !found.includes(undefined)) return found
    const sealed = await this.#sealed.find(wanted)
    return found.map((entry, at) => entry ?? sealed[at])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sealed?.[Symbol.asyncDispose]()
  }
}
