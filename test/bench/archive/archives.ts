/** The archive on its backends. Every message is acknowledged after its sync. */
import path from 'node:path'
import { type Archive, openArchive } from '../../../src/archive/archive.ts'
import type { Backend } from '../../../src/archive/backend.ts'
import { defaultCommitLimits } from '../../../src/archive/commit.ts'
import { openLevel } from '../../../src/archive/level/level.ts'
import { openPostgres } from '../../../src/archive/postgres/postgres.ts'
import type { Envelope } from '../../../src/core/envelope.ts'
import { silentLog } from '../../../src/telemetry/log.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { openLevel as openSchemaOne } from '../../archive/schema-1/level.ts'
import { type Keeper, type KeeperKind, type PageQuery, pageMessages } from './subject.ts'

/** Messages deleted in a step, as retention does. */
const stepMessages = 200

/** Messages under way at once: two groups, one that is synced and one that is gathered. */
const underWay = 2 * defaultCommitLimits.groupMessages

class ArchiveKeeper implements Keeper {
  readonly #archive: Archive

  constructor(archive: Archive) {
    this.#archive = archive
  }

  async insert(envelopes: readonly Envelope[]): Promise<void> {
    let next = 0
    const writer = async () => {
      for (let envelope = envelopes[next++]; envelope !== undefined; envelope = envelopes[next++]) {
        await this.#archive.put(envelope, 'history')
      }
    }
    await Promise.all(Array.from({ length: underWay }, writer))
  }

  async page({ backward, presence, ...criteria }: PageQuery): Promise<number> {
    const direction = backward ? 'backward' : 'forward'
    const { messages } = await this.#archive.query({
      ...criteria,
      direction,
      limit: pageMessages,
      includeData: !presence,
    })
    return messages.length
  }

  async forget(messages: number): Promise<void> {
    const keepMessages = this.#archive.held.messages - messages
    while ((await this.#archive.prune({ keepMessages }, stepMessages)).messages > 0);
    await this.#archive.reclaim()
  }

  async held(): Promise<number> {
    return this.#archive.held.messages
  }

  async close(): Promise<void> {
    await this.#archive[Symbol.asyncDispose]()
  }
}

function archive(name: string, open: (folder: string) => Promise<Backend>): KeeperKind {
  return {
    name,
    async open(folder) {
      const backend = await open(folder)
      return new ArchiveKeeper(await openArchive({ backend, metrics: createMetrics(), log: silentLog() }))
    },
  }
}

export const waypost = archive('Waypost', (folder) => openLevel({ folder: path.join(folder, 'archive') }))

/** The layout of schema 1: one database for all, deleted key by key. */
export const oneDatabase = archive('one database (schema 1)', (folder) => openSchemaOne({ folder }))

/** On a server that is named; in a schema of its own, which stays. */
export function postgres(url: string): KeeperKind {
  const schema = `bench_${process.pid}`
  return archive('Waypost on PostgreSQL', () => openPostgres({ url, connections: 4, schema }))
}
