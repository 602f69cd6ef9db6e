/** The archive as a whole, for operators: figures, export, import. Over REST, and for commands on a closed folder. */
import { readdir, stat, statfs } from 'node:fs/promises'
import path from 'node:path'
import type { Archive } from '../archive/archive.ts'
import { ExportDecoder } from '../archive/export/decoder.ts'
import { ExportEncoder } from '../archive/export/encoder.ts'
import type { ExportRecord } from '../archive/export/format.ts'
import { walk } from '../archive/export/walk.ts'
import { Importer } from '../archive/import.ts'
import { decodeMessage } from '../core/message.ts'
import { maxPageMessages, type Query } from '../core/query.ts'
import type { Milliseconds, Nanoseconds } from '../core/time.ts'
import type { ExportAsked, ImportTold, StoreAdminService, StoreStats, TopicShare } from '../rest/routes/store-admin.ts'
import { retention } from '../settings/kinds/policy.ts'
import type { Settings } from '../settings/table.ts'

export interface StoreAdminParts {
  readonly archive: Archive
  /** Those in force: a reload changes what is kept. */
  readonly settings: () => Pick<Settings, 'storeMessageRetentionPolicy' | 'storeMessageDbUrl' | 'maxMsgSize'>
  /** Where its files are, if it has files. */
  readonly folder?: string
  readonly version: string
}

/** Exports at once: each holds a page of messages, and takes its share of the node's time. */
const maxExports = 2

/** Bytes that the body of one import may unpack to: a small one can claim gigabytes. Ours are not compressed. */
const maxImportBytes = 32 * 1024 * 1024

/** Messages that figures by topic look at, and how long that may take. */
const recentMessages = 1000
const recentTime: Milliseconds = 500

/** Topics that are told of each kind. */
const toldTopics = 10

/** For REST: with `--rest-admin` and an archive only. */
export function storeAdminOf({
  archive,
  settings,
  ...rest
}: Omit<StoreAdminParts, 'archive' | 'settings'> & {
  readonly archive: Archive | undefined
  readonly settings: () => Settings
}): StoreAdmin | undefined {
  return archive !== undefined && settings().restAdmin ? new StoreAdmin({ archive, settings, ...rest }) : undefined
}

export class StoreAdmin implements StoreAdminService {
  readonly #parts: StoreAdminParts
  readonly #importer: Importer
  #exports = 0

  constructor(parts: StoreAdminParts) {
    this.#parts = parts
    this.#importer = new Importer(parts.archive, { maxMessageBytes: parts.settings().maxMsgSize })
  }

  async stats(): Promise<StoreStats> {
    const { archive } = this.#parts
    const settings = this.#parts.settings()
    const { state, messages, bytes, waiting, ...rest } = archive.status()
    const [oldest, newest, recent, disk] = await Promise.all([
      this.#outermost('forward'),
      this.#outermost('backward'),
      this.#recent(),
      this.#disk(),
    ])
    return {
      state,
      why: 'why' in rest ? rest.why : undefined,
      engine: settings.storeMessageDbUrl?.engine === 'postgres' ? 'postgres' : 'leveldb',
      messages,
      bytes,
      waiting,
      oldest,
      newest,
      ...disk,
      retention: retention.show(settings.storeMessageRetentionPolicy),
      recent,
    }
  }

  export(selection: ExportAsked): AsyncIterable<Uint8Array> | undefined {
    return this.#exports >= maxExports ? undefined : this.#export(selection)
  }

  async import(exported: Uint8Array): Promise<ImportTold> {
    const decoder = new ExportDecoder({ mostBytes: maxImportBytes })
    const records: ExportRecord[] = []
    for (const part of decoder.push(exported)) if (part.is === 'records') records.push(...part.records)
    decoder.end()
    return await this.#importer.import(records)
  }

  /** Not compressed: whoever reads it writes a file of its own, or is on this machine. */
  async *#export({ after, ...selection }: ExportAsked): AsyncGenerator<Uint8Array> {
    const { archive, version } = this.#parts
    this.#exports += 1
    try {
      const encoder = new ExportEncoder({ compress: false })
      yield encoder.header({ createdAt: Date.now(), writer: `waypost/${version}`, selection })
      for await (const records of walk(archive, selection, { after, gentle: true })) yield* encoder.add(records)
      yield* encoder.end()
    } finally {
      this.#exports -= 1
    }
  }

  async #disk(): Promise<Disk> {
    const { settings, folder } = this.#parts
    return folder === undefined || settings().storeMessageDbUrl?.engine === 'postgres'
      ? unmeasured
      : await diskOf(folder)
  }

  async #outermost(direction: Query['direction']): Promise<Nanoseconds | undefined> {
    const { messages } = await this.#parts.archive.query({ direction, limit: 1, includeData: true })
    const [data] = messages.flatMap((message) => message.data ?? [])
    return data && decodeMessage(data.bytes).timestamp
  }

  async #recent(): Promise<StoreStats['recent']> {
    const pubsubTopics = new Map<string, TopicShare>()
    const contentTopics = new Map<string, TopicShare>()
    const until = performance.now() + recentTime
    const query: Query = { direction: 'backward', limit: maxPageMessages, includeData: true }
    let count = 0
    let cursor: string | undefined
    do {
      const page = await this.#parts.archive.query({ ...query, cursor })
      for (const { pubsubTopic, bytes } of page.messages.flatMap((message) => message.data ?? [])) {
        count += 1
        addTo(pubsubTopics, pubsubTopic, bytes.length)
        addTo(contentTopics, decodeMessage(bytes).contentTopic, bytes.length)
      }
      cursor = page.cursor
    } while (cursor !== undefined && count < recentMessages && performance.now() < until)
    return { messages: count, pubsubTopics: top(pubsubTopics), contentTopics: top(contentTopics) }
  }
}

function addTo(shares: Map<string, TopicShare>, topic: string, length: number): void {
  const { messages, bytes } = shares.get(topic) ?? { messages: 0, bytes: 0 }
  shares.set(topic, { topic, messages: messages + 1, bytes: bytes + length })
}

function top(shares: ReadonlyMap<string, TopicShare>): TopicShare[] {
  return [...shares.values()].sort((a, b) => b.messages - a.messages).slice(0, toldTopics)
}

type Disk = Pick<StoreStats, 'diskBytes' | 'diskFreeBytes'>
const unmeasured: Disk = { diskBytes: undefined, diskFreeBytes: undefined }

/** What the files take, and what is left. Nothing where that cannot be measured. */
async function diskOf(folder: string): Promise<Disk> {
  try {
    const [{ bavail, bsize }, diskBytes] = await Promise.all([statfs(folder), folderBytes(folder)])
    return { diskBytes, diskFreeBytes: bavail * bsize }
  } catch {
    return unmeasured
  }
}

async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  let bytes = 0
  for (const entry of entries.filter((one) => one.isFile())) {
    // Files come and go below a running database.
    const found = await stat(path.join(entry.parentPath, entry.name)).catch(() => undefined)
    bytes += found?.size ?? 0
  }
  return bytes
}
