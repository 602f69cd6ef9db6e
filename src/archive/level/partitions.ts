/** All partitions of an archive, in the order of history: found, begun, opened a few at a time, and deleted whole. */
import { mkdir, rm } from 'node:fs/promises'
import path from 'node:path'
import type { Nanoseconds } from '../../core/time.ts'
import { syncFolder } from '../../files/whole-file.ts'
import type { Selection, Trouble } from '../backend.ts'
import type { Catalog, Entry } from './catalog.ts'
import { ensureFolder } from './database.ts'
import type { Graves } from './graves.ts'
import { Inspection, type InspectionOptions } from './inspection.ts'
import { Line } from './line.ts'
import type { Pair } from './pair.ts'
import { folderOfPartition, Partition, unknownEntry } from './partition.ts'
import type { TimeRange } from './place.ts'
import { type PartitionLimits, route } from './route.ts'
import { withMessage } from './tally.ts'

/**
 * Partitions that are open at once at the most, beside those in use: 16 GiB of history. Each takes a dozen files and some
 * megabytes; to open one that was closed takes as long as ten pages.
 */
const maxOpen = 64

/** Bytes of filters in memory at the most: two for each message. Partitions beyond are asked themselves. */
const maxFilterBytes = 64 * 1024 * 1024

export interface PartitionsOptions extends InspectionOptions {
  readonly catalog: Catalog
  readonly graves: Graves
  readonly limits: PartitionLimits
}

export class Partitions {
  readonly #archive: string
  readonly #folder: string
  readonly #catalog: Catalog
  readonly #graves: Graves
  readonly #inspection: Inspection
  #limits: PartitionLimits
  /** Those that hold something, or are about to, oldest first. */
  #all: Partition[] = []
  #newest: Partition | undefined
  readonly #leaving = new Line()
  #nextId = 1
  #uses = 0

  constructor({ catalog, graves, limits, ...options }: PartitionsOptions) {
    const { folder } = options
    this.#archive = folder
    this.#folder = path.join(folder, 'partitions')
    this.#catalog = catalog
    this.#graves = graves
    this.#inspection = new Inspection(options)
    this.#limits = limits
  }

  /** Oldest first. */
  get all(): readonly Partition[] {
    return this.#all
  }

  /** What was found in one that is open. */
  get trouble(): Trouble | undefined {
    return this.#inspection.trouble
  }

  /** Finds what there is, and mends what was not closed. Throws what `openDatabase` throws. */
  async open(): Promise<void> {
    const ids = partitionIds(await ensureFolder(this.#folder, this.#archive))
    const entries = await this.#catalog.entries()
    this.#nextId = Math.max(0, ...ids, ...entries.keys(), ...this.#graves.partitions) + 1
    const found: Partition[] = []
    for (const id of ids) found.push(...(await this.#find(id, entries.get(id) ?? unknownEntry)))
    this.#all = found.sort((a, b) => (a.tally.oldest! < b.tally.oldest! ? -1 : 1))
    for (const [id, entry] of entries) if (!ids.includes(id)) await this.#miss(id, entry)
    await this.#readFilters()
    this.#newest = this.#all.at(-1)
    await this.#newest?.close()
    this.#newest?.becomeNewest()
    // What is wrong with it is to be known now, not when the first message comes.
    await this.#newest?.use(async () => {})
  }

  /** Partitions are full at other limits from now on; those that are there stay as they are. */
  change(limits: PartitionLimits): void {
    this.#limits = limits
  }

  /** The partition that a message belongs to; undefined when one has to be begun for it. */
  claim(timestamp: Nanoseconds, length: number): Partition | undefined {
    const found = route(this.#all, timestamp, this.#limits)
    const partition = 'to' in found ? this.#all[found.to] : undefined
    if (partition !== undefined) partition.claimed = withMessage(partition.claimed, timestamp, length)
    return partition
  }

  /** Begins a partition with a message that belongs to none. Not while another is begun. */
  async begin(timestamp: Nanoseconds, length: number): Promise<Partition> {
    const partition = this.#make(this.#nextId)
    this.#nextId += 1
    await mkdir(partition.folder, { mode: 0o700 })
    await syncFolder(this.#folder)
    partition.startFilter()
    partition.claimed = withMessage(partition.claimed, timestamp, length)
    const newer = this.#all.findIndex(({ claimed }) => claimed.oldest! > timestamp)
    this.#all = newer === -1 ? [...this.#all, partition] : this.#all.toSpliced(newer, 0, partition)
    if (newer === -1) this.#succeed(partition)
    this.#boundFilters()
    return partition
  }

  /** Those that may hold something of a selection, in the order of its walk. */
  matching(selection: Selection, times: TimeRange): readonly Partition[] {
    const found = this.#all.filter((partition) => partition.mayHold(selection, times))
    return selection.direction === 'forward' ? found : found.reverse()
  }

  /** Does `work` with an open partition. Undefined when it was dropped meanwhile. */
  async use<Result>(partition: Partition, work: (pair: Pair) => Promise<Result>): Promise<Result | undefined> {
    this.#uses += 1
    partition.usedAt = this.#uses
    try {
      return await partition.use(work)
    } finally {
      this.#closeUnused()
    }
  }

  /**
   * Takes a partition away, and resolves when nobody uses it any more. Its messages are gone at once; its index stays in
   * a grave for those who page with one of them as cursor.
   */
  drop(partition: Partition): Promise<void> {
    this.#all = this.#all.filter((other) => other !== partition)
    return this.#leaving.run(async () => {
      await partition.drop()
      await this.#graves.bury(partition)
      await syncFolder(this.#folder)
      await this.#catalog.remove(partition.id)
    })
  }

  /** Resolves when each partition that was taken away has its grave. */
  async settle(): Promise<void> {
    await this.#leaving.end()
  }

  /** Closes all of them, well. */
  async close(): Promise<void> {
    await this.#inspection[Symbol.asyncDispose]()
    await Promise.all(this.#all.map((partition) => partition.whenIdle(() => partition.close())))
  }

  /** Closes all of them, whatever they say. */
  async abandon(): Promise<void> {
    await this.#inspection[Symbol.asyncDispose]()
    await Promise.all(this.#all.map((partition) => partition.abandon()))
  }

  #make(id: number, entry?: Entry): Partition {
    const folder = folderOfPartition(this.#archive, id)
    const place = { id, folder, archive: this.#archive, catalog: this.#catalog, inspector: this.#inspection }
    return new Partition(place, entry)
  }

  /** The partition of a folder. A folder in which nothing was stored, or nothing is left, is none. */
  async #find(id: number, entry: Entry): Promise<Partition[]> {
    const partition = this.#make(id, entry)
    if (!(await partition.isAsClosed())) await partition.use(async () => {})
    if (partition.tally.messages > 0) return [partition]
    await partition.close()
    await rm(partition.folder, { recursive: true })
    await this.#catalog.remove(id)
    return []
  }

  /** A partition that the catalog knows and whose folder is gone: deleted, or lost. */
  async #miss(id: number, { tally }: Entry): Promise<void> {
    const { messages, oldest: from, newest: to } = tally
    if (messages > 0 && !this.#graves.partitions.includes(id)) {
      await this.#catalog.addGap({ partition: id, first: 0, messages, from: from!, to: to! })
    }
    await this.#catalog.remove(id)
  }

  /** New messages go to another partition from now on. */
  #succeed(partition: Partition): void {
    const before = this.#newest
    this.#newest = partition
    partition.becomeNewest()
    void before?.becomeOlder().catch(() => {})
  }

  async #readFilters(): Promise<void> {
    let bytes = 0
    for (const partition of this.#all.toReversed()) {
      if (bytes < maxFilterBytes) await partition.readFilter()
      bytes += partition.filterBytes
    }
  }

  #boundFilters(): void {
    let bytes = 0
    for (const partition of this.#all.toReversed()) {
      bytes += partition.filterBytes
      if (bytes > maxFilterBytes) partition.forgetFilter()
    }
  }

  #closeUnused(): void {
    const open = this.#all.filter((partition) => partition.isOpen)
    if (open.length <= maxOpen) return
    const unused = open.filter((partition) => partition.isIdle && partition !== this.#newest)
    const [oldest] = unused.sort((a, b) => a.usedAt - b.usedAt)
    void oldest?.close().catch(() => {})
  }
}

/** The partitions whose folders have these names. */
export function partitionIds(names: readonly string[]): number[] {
  return names.filter((name) => /^\d{8,}$/.test(name)).map(Number)
}
