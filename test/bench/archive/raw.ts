/** LevelDB itself, the limit: one key for a message, batches of a group's size; pages are reads in key order. */
import { ClassicLevel } from 'classic-level'
import { defaultCommitLimits } from '../../../src/archive/commit.ts'
import type { Envelope } from '../../../src/core/envelope.ts'
import { type Keeper, type KeeperKind, type PageQuery, pageMessages } from './subject.ts'

type Raw = ClassicLevel<Buffer, Uint8Array>

const sizes = { writeBufferSize: 32 * 1024 * 1024, cacheSize: 64 * 1024 * 1024, maxFileSize: 16 * 1024 * 1024 }

export class RawKeeper implements Keeper {
  readonly #database: Raw
  readonly #sync: boolean
  #count = 0

  private constructor(database: Raw, sync: boolean) {
    this.#database = database
    this.#sync = sync
  }

  static async open(folder: string, sync = false): Promise<RawKeeper> {
    const database: Raw = new ClassicLevel(folder, { keyEncoding: 'buffer', valueEncoding: 'view', ...sizes })
    await database.open()
    return new RawKeeper(database, sync)
  }

  async insert(envelopes: readonly Envelope[]): Promise<void> {
    const group = defaultCommitLimits.groupMessages
    for (let start = 0; start < envelopes.length; start += group) {
      const batch = this.#database.batch()
      for (const { message, bytes } of envelopes.slice(start, start + group)) {
        batch.put(keyOf(message.timestamp ?? 0n, this.#count++), bytes)
      }
      await batch.write({ sync: this.#sync })
    }
  }

  /** What every page costs at the least: a hundred values in key order. */
  page({ start, contentTopics, pubsubTopic, hashes, presence, backward }: PageQuery): Promise<number> | undefined {
    const isPlain = !contentTopics && !pubsubTopic && !hashes && !presence && !backward
    return isPlain ? this.scan(start ?? 0n) : undefined
  }

  async scan(start: bigint): Promise<number> {
    const iterator = this.#database.iterator({ gte: keyOf(start, 0), highWaterMarkBytes: 4 * 1024 * 1024 })
    const rows = await iterator.nextv(pageMessages)
    await iterator.close()
    return rows.length
  }

  async held(): Promise<number> {
    return this.#count
  }

  async close(): Promise<void> {
    await this.#database.close()
  }
}

function keyOf(timestamp: bigint, count: number): Buffer {
  const key = Buffer.allocUnsafe(12)
  key.writeBigUInt64BE(timestamp)
  key.writeUInt32BE(count, 8)
  return key
}

export const raw: KeeperKind = { name: 'LevelDB itself, no sync', open: (folder) => RawKeeper.open(folder) }
