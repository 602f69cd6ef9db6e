/** The archive on its backends. Every message is acknowledged after its sync. */
import path from 'node:path'
import { type Archive, openArchive } from '../../../src/archive/archive.ts'
import type { Backend } from '../../../src/archive/backend.ts'
import { defaultCommitLimits } from '../../../src/archive/commit.ts'
import type { Source } from '../../../src/archive/eligibility.ts'
import type { ExportRecord } from '../../../src/archive/export/format.ts'
import { Importer } from '../../../src/archive/import.ts'
import { openLevel } from '../../../src/archive/level/level.ts'
import { partitionLimits } from '../../../src/archive/level/route.ts'
import { overlapped } from '../../../src/archive/overlapped.ts'
import { openPostgres } from '../../../src/archive/postgres/postgres.ts'
import type { Envelope } from '../../../src/core/envelope.ts'
import { defaultMaxMessageBytes } from '../../../src/core/message.ts'
import { silentLog } from '../../../src/telemetry/log.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { openLevel as openSchemaOne } from '../../archive/schema-1/level.ts'
import { type Keeper, type KeeperKind, type PageQuery, pageMessages } from './subject.ts'

/** Messages deleted in a step, as retention does. */
const stepMessages = 200

/** Messages under way at once: two groups, one that is synced and one that is gathered. */
export const underWay = 2 * defaultCommitLimits.groupMessages

/** Records of a file that are handed over at once, as `store import` does. */
const importMessages = 1000
const batchesUnderWay = 2

/** Where the messages are said to come from: those of live traffic would be too old. */
const source: Source = 'history'

class ArchiveKeeper implements Keeper {
  readonly #archive: Archive

  constructor(archive: Archive) {
    this.#archive = archive
  }

  async insert(envelopes: readonly Envelope[]): Promise<void> {
    let next = 0
    const writer = async () => {
      for (let envelope = envelopes[next++]; envelope !== undefined; envelope = envelopes[next++]) {
        await this.#archive.put(envelope, source)
      }
    }
    await Promise.all(Array.from({ length: underWay }, writer))
  }

  async put(envelope: Envelope): Promise<void> {
    await this.#archive.put(envelope, source)
  }

  async import(envelopes: readonly Envelope[]): Promise<void> {
    const importer = new Importer(this.#archive, { maxMessageBytes: defaultMaxMessageBytes })
    let stored = 0
    const batches = overlapped(batchesOf(envelopes), (records) => importer.import(records), batchesUnderWay)
    for await (const told of batches) stored += told.stored
    if (stored !== envelopes.length) throw new Error(`${stored} of ${envelopes.length} records were imported`)
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
    // Behind what deletes the files.
    await this.#archive.reclaim()
  }

  async held(): Promise<number> {
    return this.#archive.held.messages
  }

  async close(): Promise<void> {
    await this.#archive[Symbol.asyncDispose]()
  }
}

function* batchesOf(envelopes: readonly Envelope[]): Generator<ExportRecord[]> {
  for (let first = 0; first < envelopes.length; first += importMessages)
    yield envelopes.slice(first, first + importMessages).map(({ pubsubTopic, message, hash, bytes }) => ({
      pubsubTopic,
      bytes,
      hash,
      timestamp: message.timestamp ?? 0n,
    }))
}

function archive(name: string, open: (folder: string, messages: number) => Promise<Backend>): KeeperKind {
  return {
    name,
    async open(folder, messages) {
      const backend = await open(folder, messages)
      return new ArchiveKeeper(await openArchive({ backend, metrics: createMetrics(), log: silentLog() }))
    },
  }
}

/** Partitions are those of a node with `--store-message-retention-policy=capacity:<messages>`; nothing is deleted by itself. */
export const waypost = archive('Waypost', (folder, maxMessages) =>
  openLevel({ folder: path.join(folder, 'archive'), limits: partitionLimits({ maxMessages }) }),
)

/** The layout of schema 1: one database for all, deleted key by key. */
export const oneDatabase = archive('one database (schema 1)', (folder) => openSchemaOne({ folder }))

/** On a server that is named; in the same schema for a whole run. */
export function postgres(url: string): KeeperKind {
  return archive('Waypost on PostgreSQL', () => openPostgres({ url, connections: 4, schema: 'bench' }))
}
