/** The archive on LevelDB: one database in one folder, for one process. Reads and writes run in the worker pool. */

import {
  type Amount,
  amountOf,
  type Backend,
  type Bounds,
  cursorGrace,
  minus,
  nothing,
  type Place,
  type PruneLimits,
  plus,
  type Selection,
  type Slice,
  type Stat,
} from '../../../src/archive/backend.ts'
import type { Envelope } from '../../../src/core/envelope.ts'
import type { MessageHash } from '../../../src/core/hash.ts'
import { type Clock, systemClock } from '../../../src/core/time.ts'
import { type Batch, type Database, openDatabase, probeDisk } from './database.ts'
import {
  decodeAmount,
  decodeHashRow,
  decodePlace,
  encodeAmount,
  firstPlace,
  graveKey,
  gravesBefore,
  hashKey,
  type MessageRows,
  messageLane,
  messageRows,
  pubsubId,
  pubsubTopicKey,
  pubsubTopicRange,
  settingKeys,
} from './layout.ts'
import { amountOfCandidates, bury, exhume, surplus } from './prune.ts'
import { type Extent, scan } from './scan.ts'

export interface LevelOptions {
  readonly folder: string
  readonly clock?: Clock
}

/** Opens the archive in `folder`, and makes it when there is none. Throws what `openDatabase` throws. */
export async function openLevel({ folder, clock = systemClock }: LevelOptions): Promise<Backend> {
  const backend = new LevelBackend(folder, clock)
  await backend.open()
  return backend
}

class LevelBackend implements Backend {
  readonly #folder: string
  readonly #clock: Clock
  #opened: Database | undefined
  /** The pubsub topics that messages lie under, and their ids. */
  #pubsubTopics = new Map<string, Buffer>()
  /** No message stands before this place. */
  #floor: Buffer = firstPlace
  #held: Amount = nothing
  #graves = 0
  /** The writing under way. Writings follow each other, since each changes the amount held. */
  #writing: Promise<unknown> = Promise.resolve()

  constructor(folder: string, clock: Clock) {
    this.#folder = folder
    this.#clock = clock
  }

  async open(): Promise<void> {
    const database = await openDatabase(this.#folder)
    const amount = await database.get(settingKeys.amount)
    this.#held = amount === undefined ? nothing : decodeAmount(amount)
    this.#pubsubTopics = new Map()
    for await (const [, topic] of database.iterator(pubsubTopicRange)) {
      this.#pubsubTopics.set(topic.toString(), pubsubId(topic.toString()))
    }
    this.#opened = database
  }

  async put(envelopes: readonly Envelope[]): Promise<readonly Envelope[]> {
    const rows = envelopes.map(messageRows)
    const known = await this.#database.hasMany(rows.map(({ messageKey }) => messageKey))
    const added = envelopes.filter((_, index) => !known[index])
    if (added.length > 0) {
      const fresh = rows.filter((_, index) => !known[index])
      await this.#insert(fresh, amountOf(added), this.#newTopics(added))
    }
    return added
  }

  async locate(hash: MessageHash): Promise<Place | undefined> {
    const row = decodeHashRow(await this.#database.get(hashKey(hash)), hash)
    return row && decodePlace(row.place)
  }

  scan(selection: Selection, bounds: Bounds): Promise<Slice> {
    return scan(this.#database, this.#extent, selection, bounds)
  }

  prune(limits: PruneLimits, most: number): Promise<Amount> {
    return this.#exclusive(() => this.#pruneOldest(limits, most))
  }

  async reclaim(): Promise<void> {
    for await (const [grave, row] of this.#database.iterator(gravesBefore(this.#clock() - cursorGrace))) {
      await this.#exclusive(() => exhume(this.#database, grave, row))
    }
    if (this.#floor !== firstPlace) await this.#compactBefore(this.#floor)
  }

  async stat(): Promise<Stat> {
    const [oldest, newest] = await Promise.all([this.#first('forward'), this.#first('backward')])
    return { ...this.#held, oldest, newest }
  }

  async recover(): Promise<void> {
    await probeDisk(this.#folder)
    await this.#exclusive(async () => {
      await this.#opened?.close()
      await this.open()
    })
  }

  async close(): Promise<void> {
    await this.#writing
    await this.#opened?.close()
  }

  get #database(): Database {
    if (this.#opened === undefined) throw new Error('the database is not open')
    return this.#opened
  }

  get #extent(): Extent {
    return { pubsubIds: [...this.#pubsubTopics.values()], floor: this.#floor }
  }

  async #insert(rows: readonly MessageRows[], amount: Amount, topics: ReadonlySet<string>): Promise<void> {
    const batch: Batch = this.#database.batch()
    for (const topic of topics) batch.put(pubsubTopicKey(pubsubId(topic)), Buffer.from(topic))
    for (const { messageKey, record, contentTopicKey, index, hashKey, hashRow } of rows) {
      batch.put(messageKey, record).put(contentTopicKey, index).put(hashKey, hashRow)
    }
    await this.#exclusive(async () => {
      for (const { place } of rows) if (Buffer.compare(place, this.#floor) < 0) this.#floor = place
      await this.#write(batch, plus(this.#held, amount), true)
    })
    for (const topic of topics) this.#pubsubTopics.set(topic, pubsubId(topic))
  }

  #newTopics(envelopes: readonly Envelope[]): Set<string> {
    return new Set(envelopes.map(({ pubsubTopic }) => pubsubTopic).filter((topic) => !this.#pubsubTopics.has(topic)))
  }

  async #pruneOldest(limits: PruneLimits, most: number): Promise<Amount> {
    const candidates = await surplus(this.#database, this.#extent, this.#held, limits, most)
    if (candidates.length === 0) return nothing
    const amount = amountOfCandidates(candidates)
    const batch: Batch = this.#database.batch()
    this.#graves += 1
    bury(batch, candidates, graveKey(this.#clock(), this.#graves))
    await this.#write(batch, minus(this.#held, amount), false)
    this.#floor = candidates.at(-1)!.place
    return amount
  }

  /** Writes `batch`, and with it what is held afterwards. */
  async #write(batch: Batch, held: Amount, sync: boolean): Promise<void> {
    await batch.put(settingKeys.amount, encodeAmount(held)).write({ sync })
    this.#held = held
  }

  async #first(direction: 'forward' | 'backward'): Promise<Place | undefined> {
    const bounds: Bounds = { includeData: false, messages: 1, bytes: 0, rows: 1, expired: () => false }
    const { rows } = await this.scan({ direction }, bounds)
    return rows[0]
  }

  /** The records before a place are deleted: what they took goes back to the disk. */
  async #compactBefore(place: Buffer): Promise<void> {
    for (const id of this.#extent.pubsubIds) {
      const { gte, lt } = messageLane(id, { gte: firstPlace, lt: place })
      await this.#database.compactRange(gte!, lt!)
    }
  }

  #exclusive<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#writing.then(work)
    this.#writing = done.catch(() => {})
    return done
  }
}
