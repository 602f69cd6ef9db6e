/**
 * What an archive knows of its partitions without opening them, in a small database of its own, whose lock is that of
 * the archive.
 *
 *     0                                   -> number of the schema | its checksum
 *     1 partition                         -> clean or not | tally
 *     2 partition | first number          -> gap: messages that were acknowledged and are lost
 *     3                                   -> there when a database of schema 1 is taken over, and to be deleted
 *
 * Which partitions there are is what the folder says. The tally of a partition that is not clean is its high-water mark:
 * what was acknowledged. Each commit writes one, before it is acknowledged; it is synced together with the records of the
 * next commit, or a moment later when there is none. So the mark is never ahead of the disk; it is complete after a crash
 * of the process, and lags by one commit at the most after a power cut.
 */
import path from 'node:path'
import type { Milliseconds } from '../../core/time.ts'
import type { Loss } from '../backend.ts'
import { type Batch, type Database, openDatabase } from './database.ts'
import { Line } from './line.ts'
import { earlier, later, readTime, timeBytes, writeTime } from './place.ts'
import { checkSchema, restoreSchema } from './schema.ts'
import { checkTables } from './tables.ts'
import { decodeTally, encodeTally, type Tally } from './tally.ts'

const Kind = { schema: 0, partition: 1, gap: 2, takenOver: 3 } as const
const schemaKey = Buffer.of(Kind.schema)
const takenOverKey = Buffer.of(Kind.takenOver)

/** Time after which a mark is synced when no commit follows. */
const markDelay: Milliseconds = 20

const sizes = { writeBufferSize: 4 * 1024 * 1024, cacheSize: 1024 * 1024, compression: true }

/** What the catalog says of a partition. */
export interface Entry {
  readonly tally: Tally
  /** True if it was closed with this tally. */
  readonly clean: boolean
}

/** What is lost of a partition. */
export interface Gap extends Loss {
  readonly partition: number
  /** The number of the first record that is lost. */
  readonly first: number
}

export class Catalog {
  readonly #database: Database
  readonly #noted = new Map<number, Tally>()
  readonly #writes = new Line()
  #timer: NodeJS.Timeout | undefined

  private constructor(database: Database) {
    this.#database = database
  }

  /** Opens the catalog of the archive in `folder`. Throws what `openDatabase` throws, and `archive/newer-schema`. */
  static async open(folder: string): Promise<Catalog> {
    await checkTables(path.join(folder, 'catalog'), folder)
    const database = await openDatabase(path.join(folder, 'catalog'), sizes, folder)
    try {
      await checkSchema(database, schemaKey, folder)
      return new Catalog(database)
    } catch (error) {
      await database.close()
      throw error
    }
  }

  /** Mends what says in which schema it is. Throws what `openDatabase` throws. */
  static async restore(folder: string): Promise<void> {
    const database = await openDatabase(path.join(folder, 'catalog'), sizes, folder)
    try {
      await restoreSchema(database, schemaKey)
    } finally {
      await database.close()
    }
  }

  async entries(): Promise<Map<number, Entry>> {
    const entries = new Map<number, Entry>()
    for await (const [key, row] of this.#database.iterator(rangeOf(Kind.partition))) {
      const tally = decodeTally(row.subarray(1))
      if (tally !== undefined) entries.set(key.readUInt32BE(1), { clean: row[0] === 1, tally })
    }
    return entries
  }

  async write(partition: number, { clean, tally }: Entry): Promise<void> {
    this.#noted.delete(partition)
    await this.#writes.run(() =>
      this.#database.put(partitionKey(partition), encodeEntry({ clean, tally }), { sync: true }),
    )
  }

  /** Notes what is about to be acknowledged of a partition; it is written when this resolves, and synced by `flush`. */
  async note(partition: number, tally: Tally): Promise<void> {
    this.#noted.set(partition, tally)
    this.#timer ??= setTimeout(() => this.flush().catch(() => {}), markDelay)
    await this.#writes.run(() => this.#database.put(partitionKey(partition), encodeEntry({ clean: false, tally })))
  }

  /** Syncs what was noted. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#noted.size === 0) return
    const batch: Batch = this.#database.batch()
    for (const [partition, tally] of this.#noted)
      batch.put(partitionKey(partition), encodeEntry({ clean: false, tally }))
    this.#noted.clear()
    await this.#writes.run(() => batch.write({ sync: true }))
  }

  /** Forgets a partition. */
  async remove(partition: number): Promise<void> {
    this.#noted.delete(partition)
    await this.#writes.run(() => this.#database.del(partitionKey(partition), { sync: true }))
  }

  /** What is known to be lost. */
  async gaps(): Promise<Gap[]> {
    const gaps: Gap[] = []
    for await (const [key, row] of this.#database.iterator(rangeOf(Kind.gap))) gaps.push(decodeGap(key, row))
    return gaps
  }

  /** Notes what is lost. Of what was noted before the times reach as far as they did. */
  async addGap(gap: Gap): Promise<void> {
    const key = gapKey(gap)
    const row = await this.#database.get(key)
    const { from, to } = row === undefined ? gap : decodeGap(key, row)
    const noted = { ...gap, from: earlier(gap.from, from), to: later(gap.to, to) }
    await this.#database.put(key, encodeGap(noted), { sync: true })
  }

  async removeGap(gap: Gap): Promise<void> {
    await this.#database.del(gapKey(gap))
  }

  /** True when all of an old database is here, and its files are still to be deleted. */
  isTakenOver(): Promise<boolean> {
    return this.#database.has(takenOverKey)
  }

  async setTakenOver(takenOver: boolean): Promise<void> {
    if (takenOver) await this.#database.put(takenOverKey, Buffer.alloc(0), { sync: true })
    else await this.#database.del(takenOverKey, { sync: true })
  }

  async close(): Promise<void> {
    await this.flush().catch(() => {})
    await this.#database.close()
  }
}

function rangeOf(kind: number) {
  return { gte: Buffer.of(kind), lt: Buffer.of(kind + 1) }
}

function partitionKey(partition: number): Buffer {
  const key = Buffer.alloc(5)
  key[0] = Kind.partition
  key.writeUInt32BE(partition, 1)
  return key
}

function encodeEntry({ clean, tally }: Entry): Buffer {
  return Buffer.concat([Buffer.of(clean ? 1 : 0), encodeTally(tally)])
}

function gapKey({ partition, first }: Gap): Buffer {
  const key = Buffer.alloc(9)
  key[0] = Kind.gap
  key.writeUInt32BE(partition, 1)
  key.writeUInt32BE(first, 5)
  return key
}

function encodeGap({ messages, from, to }: Gap): Buffer {
  const row = Buffer.alloc(4 + 2 * timeBytes)
  row.writeUInt32BE(messages)
  writeTime(row, from, 4)
  writeTime(row, to, 4 + timeBytes)
  return row
}

function decodeGap(key: Buffer, row: Buffer): Gap {
  const [partition, first] = [key.readUInt32BE(1), key.readUInt32BE(5)]
  return { partition, first, messages: row.readUInt32BE(), from: readTime(row, 4), to: readTime(row, 4 + timeBytes) }
}
