/** The archive on LevelDB: one database in one folder, for one process. Reads and writes run in the worker pool. */
import type { Envelope } from '../../core/envelope.ts'
import type { MessageHash } from '../../core/hash.ts'
import { type Clock, systemClock } from '../../core/time.ts'
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
} from '../backend.ts'
import { type Database, type Operation, openDatabase, probeDisk } from './database.ts'
import {
  contentId,
  contentTopicKey,
  decodeAmount,
  decodeHashRow,
  decodePlace,
  encodeAmount,
  encodeHashRow,
  encodeIndexRow,
  encodePlace,
  encodeRecord,
  firstPlace,
  graveKey,
  gravesBefore,
  hashKey,
  messageKey,
  messageLane,
  pubsubId,
  pubsubTopicKey,
  pubsubTopicRange,
  settingKeys,
} from './layout.ts'
import { amountOfCandidates, burial, exhumation, surplus } from './prune.ts'
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

  put(envelopes: readonly Envelope[]): Promise<readonly Envelope[]> {
    return this.#exclusive(() => this.#putNew(envelopes))
  }

  async locate(hash: MessageHash): Promise<Place | undefined> {
    const row = await this.#database.get(hashKey(hash))
    return row && decodePlace(decodeHashRow(row, hash).place)
  }

  scan(selection: Selection, bounds: Bounds): Promise<Slice> {
    return scan(this.#database, this.#extent, selection, bounds)
  }

  prune(limits: PruneLimits, most: number): Promise<Amount> {
    return this.#exclusive(() => this.#pruneOldest(limits, most))
  }

  async reclaim(): Promise<void> {
    for await (const [grave, row] of this.#database.iterator(gravesBefore(this.#clock() - cursorGrace))) {
      await this.#exclusive(async () => this.#database.batch(await exhumation(this.#database, grave, row)))
    }
    if (this.#floor !== firstPlace) await this.#compactBefore(this.#floor)
  }

  async stat(): Promise<Stat> {
    const [oldest, newest] = await Promise.all([this.#first('forward'), this.#first('backward')])
    return { ...this.#held, oldest, newest }
  }

  async recover(): Promise<void> {
    await probeDisk(this.#folder)
    await this.close()
    await this.open()
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

  async #putNew(envelopes: readonly Envelope[]): Promise<readonly Envelope[]> {
    const rows = envelopes.map((envelope) => ({ envelope, place: placeOfEnvelope(envelope) }))
    const known = await this.#database.hasMany(
      rows.map(({ envelope, place }) => messageKey(pubsubId(envelope.pubsubTopic), place)),
    )
    const fresh = rows.filter((_, index) => !known[index])
    const added = fresh.map(({ envelope }) => envelope)
    if (added.length === 0) return added
    for (const { place } of fresh) if (Buffer.compare(place, this.#floor) < 0) this.#floor = place
    const topics = new Set(
      added.map(({ pubsubTopic }) => pubsubTopic).filter((topic) => !this.#pubsubTopics.has(topic)),
    )
    const held = plus(this.#held, amountOf(added))
    await this.#write(
      [...fresh.flatMap(({ envelope, place }) => insertion(envelope, place)), ...[...topics].map(registration)],
      held,
      true,
    )
    for (const topic of topics) this.#pubsubTopics.set(topic, pubsubId(topic))
    return added
  }

  async #pruneOldest(limits: PruneLimits, most: number): Promise<Amount> {
    const candidates = await surplus(this.#database, this.#extent, this.#held, limits, most)
    if (candidates.length === 0) return nothing
    const amount = amountOfCandidates(candidates)
    this.#graves += 1
    await this.#write(burial(candidates, graveKey(this.#clock(), this.#graves)), minus(this.#held, amount), false)
    this.#floor = candidates.at(-1)!.place
    return amount
  }

  /** One batch, all or none of it: the operations, and what is held after them. */
  async #write(operations: readonly Operation[], held: Amount, sync: boolean): Promise<void> {
    const amount: Operation = { type: 'put', key: settingKeys.amount, value: encodeAmount(held) }
    await this.#database.batch([...operations, amount], { sync })
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

function placeOfEnvelope({ message, hash }: Envelope): Buffer {
  // The archive takes no message without a timestamp.
  return encodePlace({ timestamp: message.timestamp!, hash })
}

/** The rows of one message: its record, and the indices that lead to it. */
function insertion({ pubsubTopic, message, hash, bytes }: Envelope, place: Buffer): Operation[] {
  const pubsub = pubsubId(pubsubTopic)
  const index = encodeIndexRow({ pubsub, bytes: bytes.length })
  return [
    { type: 'put', key: messageKey(pubsub, place), value: encodeRecord(pubsubTopic, bytes) },
    { type: 'put', key: contentTopicKey(contentId(message.contentTopic), place), value: index },
    { type: 'put', key: hashKey(hash), value: encodeHashRow(index, place) },
  ]
}

function registration(topic: string): Operation {
  return { type: 'put', key: pubsubTopicKey(pubsubId(topic)), value: Buffer.from(topic) }
}
