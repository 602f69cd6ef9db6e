/**
 * Messages that wait on disk, in the order in which they came: a LevelDB of its own.
 *
 *     number of the message, 8 bytes | bytes of the value, 4 -> length of the pubsub topic, 4 | pubsub topic | message
 *
 * The length stands in the key so that opening reads keys only.
 */
import { mkdir } from 'node:fs/promises'
import { ClassicLevel } from 'classic-level'
import { type Envelope, openEnvelope } from '../../core/envelope.ts'
import { messageOf, WaypostError } from '../../core/errors.ts'

/** What may wait. Above either bound nothing more is taken. */
export interface SpoolLimits {
  readonly messages: number
  readonly bytes: number
}

/** A million small messages are as much work for the database as a gigabyte of large ones. */
export const maxSpoolMessages = 1_000_000

/** What is taken out at once: as one group commit. */
export const portionMessages = 500
const portionBytes = 1024 * 1024

const keyBytes = 12
const lengthBytes = 4

/** Bytes that LevelDB gathers in memory: a spool is mostly empty. */
const writeBufferSize = 4 * 1024 * 1024

/** The oldest that wait, and the keys under which they do. */
export interface SpoolPortion {
  readonly envelopes: readonly Envelope[]
  readonly keys: readonly Buffer[]
}

/** Opens the spool in `folder`, and makes it when there is none. Throws `archive/unwritable`. */
export async function openSpool(folder: string, limits: SpoolLimits): Promise<SpoolQueue> {
  const database = new ClassicLevel<Buffer, Buffer>(folder, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    writeBufferSize,
  })
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await database.open()
    const queue = new SpoolQueue(database, limits)
    await queue.load()
    return queue
  } catch (error) {
    await database.close().catch(() => {})
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
    throw new WaypostError('archive/unwritable', { folder, why: messageOf(cause) }, { cause: error })
  }
}

export class SpoolQueue {
  readonly #database: ClassicLevel<Buffer, Buffer>
  readonly #limits: SpoolLimits
  #next = 0n
  #messages = 0
  #bytes = 0
  /** The writing under way; writings follow each other, so that what is on disk has no gap. */
  #writing: Promise<void> = Promise.resolve()

  /** Use `openSpool`. */
  constructor(database: ClassicLevel<Buffer, Buffer>, limits: SpoolLimits) {
    this.#database = database
    this.#limits = limits
  }

  /** Counts what waits since the last time. */
  async load(): Promise<void> {
    for await (const key of this.#database.keys()) {
      this.#next = key.readBigUInt64BE() + 1n
      this.#messages += 1
      this.#bytes += bytesIn(key)
    }
  }

  /** Messages that wait, those included that are being written. */
  get messages(): number {
    return this.#messages
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Part of the bounds that is taken: of that which is nearer. */
  get used(): number {
    return Math.max(this.#messages / this.#limits.messages, this.#bytes / this.#limits.bytes)
  }

  get isFull(): boolean {
    return this.used >= 1
  }

  /** Resolves when all of `envelopes` are on disk. Throws `archive/spool-full`. */
  async append(envelopes: readonly Envelope[]): Promise<void> {
    if (this.isFull) throw new WaypostError('archive/spool-full', { messages: this.#messages, bytes: this.#bytes })
    const entries = envelopes.map((envelope) => this.#entryOf(envelope))
    const bytes = entries.reduce((sum, { key }) => sum + bytesIn(key), 0)
    this.#messages += entries.length
    this.#bytes += bytes
    const written = this.#writing.then(() => this.#database.batch(entries, { sync: true }))
    this.#writing = written.catch(() => {
      this.#messages -= entries.length
      this.#bytes -= bytes
    })
    await written
  }

  /** The oldest that wait, at least one if there are any. */
  async peek(): Promise<SpoolPortion> {
    await this.#writing
    const envelopes: Envelope[] = []
    const keys: Buffer[] = []
    let bytes = 0
    for await (const [key, value] of this.#database.iterator({ limit: portionMessages })) {
      bytes += value.length
      if (keys.length > 0 && bytes > portionBytes) break
      envelopes.push(envelopeIn(value))
      keys.push(key)
    }
    return { envelopes, keys }
  }

  /** Takes out what is safe elsewhere. Should that be lost in a crash, it is delivered once more. */
  async remove(keys: readonly Buffer[]): Promise<void> {
    await this.#database.batch(keys.map((key) => ({ type: 'del', key })))
    this.#messages -= keys.length
    this.#bytes -= keys.reduce((sum, key) => sum + bytesIn(key), 0)
  }

  async close(): Promise<void> {
    await this.#writing
    await this.#database.close()
  }

  #entryOf({ pubsubTopic, bytes }: Envelope) {
    const topic = Buffer.from(pubsubTopic)
    const head = Buffer.alloc(lengthBytes)
    head.writeUInt32BE(topic.length)
    const value = Buffer.concat([head, topic, bytes])
    const key = Buffer.alloc(keyBytes)
    key.writeBigUInt64BE(this.#next)
    key.writeUInt32BE(value.length, keyBytes - lengthBytes)
    this.#next += 1n
    return { type: 'put', key, value } as const
  }
}

function bytesIn(key: Buffer): number {
  return key.readUInt32BE(keyBytes - lengthBytes)
}

function envelopeIn(value: Buffer): Envelope {
  const topicEnd = lengthBytes + value.readUInt32BE()
  return openEnvelope(value.toString('utf8', lengthBytes, topicEnd), value.subarray(topicEnd), 0)
}
