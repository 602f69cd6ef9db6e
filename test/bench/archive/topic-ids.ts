/**
 * How the id of a topic weighs in the index of an archive: the rows of a partition's index alone, no records, with ids of
 * different lengths in their keys. Heads of digests need nothing else; numbers need a table, which is a map here and costs
 * no look-up on disk, so what is measured of them is the best that they can be.
 */
import { hash as digest } from 'node:crypto'
import { ClassicLevel } from 'classic-level'
import { defaultCommitLimits } from '../../../src/archive/commit.ts'
import { encodePlace } from '../../../src/archive/level/place.ts'
import type { Envelope } from '../../../src/core/envelope.ts'
import { contentTopics, pubsubTopicOf, rareTopic } from './messages.ts'
import { type Keeper, type KeeperKind, type PageQuery, pageMessages } from './subject.ts'

type Database = ClassicLevel<Buffer, Buffer>
type IdOf = (topic: string) => Buffer

/** As the newest partition of the archive opens its index. */
const sizes = { writeBufferSize: 16 * 1024 * 1024, cacheSize: 16 * 1024 * 1024, maxFileSize: 16 * 1024 * 1024 }

const Kind = { pubsubTopic: 1, contentTopic: 2, hash: 3 } as const
const timeBytes = 8
const headBytes = 16

interface Ids {
  readonly pubsub: IdOf
  readonly content: IdOf
}

class IndexKeeper implements Keeper {
  readonly #database: Database
  readonly #ids: Ids
  #count = 0

  constructor(database: Database, ids: Ids) {
    this.#database = database
    this.#ids = ids
  }

  async insert(envelopes: readonly Envelope[]): Promise<void> {
    const group = defaultCommitLimits.groupMessages
    for (let start = 0; start < envelopes.length; start += group) {
      const batch = this.#database.batch()
      for (const envelope of envelopes.slice(start, start + group))
        for (const [key, row] of this.#rowsOf(envelope)) batch.put(key, row)
      await batch.write()
    }
  }

  page({ contentTopics = [], start = 0n, hashes, backward, pubsubTopic }: PageQuery): Promise<number> | undefined {
    const [topic, ...others] = contentTopics
    if (topic === undefined || others.length > 0 || hashes || backward || pubsubTopic) return undefined
    return this.#scan(this.#ids.content(topic), start)
  }

  async held(): Promise<number> {
    return (await this.#database.keys({ gte: Buffer.of(Kind.hash), lt: Buffer.of(Kind.hash + 1) }).all()).length
  }

  async close(): Promise<void> {
    await this.#database.close()
  }

  /** The same as ../../../src/archive/level/layout.ts has. */
  #rowsOf({ pubsubTopic, message, hash, bytes }: Envelope): [Buffer, Buffer][] {
    const [pubsub, content] = [this.#ids.pubsub(pubsubTopic), this.#ids.content(message.contentTopic)]
    const place = encodePlace({ timestamp: message.timestamp ?? 0n, hash })
    const entry = Buffer.allocUnsafe(8)
    entry.writeUInt32BE(this.#count++)
    entry.writeUInt32BE(bytes.length, 4)
    const row = Buffer.concat([entry, pubsub, place.subarray(0, timeBytes)])
    return [
      [keyOf(Kind.pubsubTopic, pubsub, place), entry],
      [keyOf(Kind.contentTopic, content, place), row.subarray(0, entry.length + pubsub.length)],
      [keyOf(Kind.hash, place.subarray(timeBytes, timeBytes + headBytes)), row],
    ]
  }

  async #scan(content: Buffer, start: bigint): Promise<number> {
    const from = encodePlace({ timestamp: start, hash: '00'.repeat(32) })
    const range = {
      gte: keyOf(Kind.contentTopic, content, from),
      lt: keyOf(Kind.contentTopic, content, Buffer.alloc(40, 255)),
    }
    const iterator = this.#database.iterator({ ...range, highWaterMarkBytes: 256 * 1024 })
    const rows = await iterator.nextv(pageMessages)
    await iterator.close()
    return rows.length
  }
}

function keyOf(kind: number, ...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.of(kind), ...parts])
}

/** Heads of digests, of so many bytes. What was met is remembered, as in the archive. */
function heads(bytes: number): IdOf {
  const known = new Map<string, Buffer>()
  return remembered(known, (topic) => digest('sha256', topic, 'buffer').subarray(0, bytes))
}

/** Numbers of a table that is there before the first message, the same in each process. */
function numbers(topics: readonly string[]): IdOf {
  const table = new Map(topics.map((topic, number) => [topic, Buffer.from(Uint32Array.of(number).buffer).swap32()]))
  return remembered(table, (topic) => {
    throw new Error(`no number for ${topic}`)
  })
}

function remembered(known: Map<string, Buffer>, make: IdOf): IdOf {
  return (topic) => {
    const found = known.get(topic)
    if (found !== undefined) return found
    const made = make(topic)
    known.set(topic, made)
    return made
  }
}

const allTopics = [rareTopic, ...contentTopics]

function index(name: string, ids: () => Ids): KeeperKind {
  return {
    name,
    async open(folder) {
      const database: Database = new ClassicLevel(folder, { keyEncoding: 'buffer', valueEncoding: 'buffer', ...sizes })
      await database.open()
      return new IndexKeeper(database, ids())
    },
  }
}

export const longHeads = index('index, heads of 16 and 8 bytes', () => ({ pubsub: heads(8), content: heads(16) }))
export const shortHeads = index('index, heads of 8 and 8 bytes', () => ({ pubsub: heads(8), content: heads(8) }))
export const internedIds = index('index, numbers of 4 bytes', () => ({
  pubsub: numbers(allTopics.map(pubsubTopicOf)),
  content: numbers(allTopics),
}))
