/** A stretch of history in a folder of its own: opened when it is used, and closed when others are used more. */
import { open, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Envelope } from '../../core/envelope.ts'
import type { MessageHash } from '../../core/hash.ts'
import { type Amount, minus, type Selection } from '../backend.ts'
import type { Catalog, Entry } from './catalog.ts'
import { readingError } from './database.ts'
import { topicId } from './entry.ts'
import { Filter, hashWord, wordBytes } from './filter.ts'
import type { Inspector } from './inspection.ts'
import { numberKey, numberOf } from './layout.ts'
import { type Age, Pair, settledBytes } from './pair.ts'
import type { TimeRange } from './place.ts'
import { filterOf, recover } from './recovery.ts'
import { emptyTally, type Tally } from './tally.ts'

export interface PartitionPlace {
  readonly id: number
  /** Of the archive. */
  readonly archive: string
  /** Of the partition. */
  readonly folder: string
  readonly catalog: Catalog
  readonly inspector: Inspector
}

/** What is assumed of a partition that the catalog does not know. */
export const unknownEntry: Entry = { tally: emptyTally, clean: false }

/** Where a partition of the archive in `archive` lies. */
export function folderOfPartition(archive: string, id: number): string {
  return path.join(archive, 'partitions', String(id).padStart(8, '0'))
}

/** What a filter looks at, for as long as it does. */
const scratch = Buffer.alloc(wordBytes)

/** Records on their way to the disk, of which the first is record `first`. */
export interface Appended {
  readonly first: number
  readonly written: Promise<void>
}

export class Partition {
  readonly id: number
  readonly folder: string
  readonly #archive: string
  readonly #catalog: Catalog
  readonly #inspector: Inspector
  /** What is visible in it. */
  tally: Tally
  /** What it will amount to when all that is on its way is there. */
  claimed: Tally
  #clean: boolean
  #isInspected = false
  /** What was found after it was opened: nothing more is read of it. */
  #damage: unknown
  /** Which record comes next. */
  #next: number
  #settled = { note: 0, bytes: 0, tail: 0 }
  #filter: Filter | undefined
  #pair: Promise<Pair> | undefined
  /** The closing under way; LevelDB opens nothing twice. */
  #closing: Promise<void> = Promise.resolve()
  #age: Age = 'older'
  #users = 0
  #idle: PromiseWithResolvers<void> | undefined
  #dropped = false
  /** When it was used last, by a counter. */
  usedAt = 0

  constructor(place: PartitionPlace, entry: Entry = { tally: emptyTally, clean: true }) {
    this.id = place.id
    this.folder = place.folder
    this.#archive = place.archive
    this.#catalog = place.catalog
    this.#inspector = place.inspector
    this.tally = entry.tally
    this.claimed = entry.tally
    this.#next = entry.tally.next
    this.#clean = entry.clean
  }

  get isOpen(): boolean {
    return this.#pair !== undefined
  }

  get isIdle(): boolean {
    return this.#users === 0
  }

  get filterBytes(): number {
    return this.#filter?.bytes ?? 0
  }

  /** Says that it takes new messages; it opens with more memory. */
  becomeNewest(): void {
    this.#age = 'newest'
  }

  /** Says that others take new messages now: it is to be opened anew, with less memory. */
  async becomeOlder(): Promise<void> {
    if (this.#age === 'older') return
    this.#age = 'older'
    if (this.isOpen) await this.use(({ index }) => index.writeOut())
    await this.whenIdle(() => this.close())
  }

  /** Does `work` with the open partition. Undefined when it was dropped. */
  async use<Result>(work: (pair: Pair) => Promise<Result>): Promise<Result | undefined> {
    if (this.#dropped) return undefined
    if (this.#damage !== undefined) throw this.#damage
    this.#users += 1
    try {
      return await work(await this.#open())
    } catch (error) {
      throw readingError(this.#archive, path.relative(this.#archive, this.folder), error)
    } finally {
      this.release()
    }
  }

  /** Takes back what was claimed for messages that are in it already. */
  unclaim(amount: Amount): void {
    this.claimed = { ...this.claimed, ...minus(this.claimed, amount) }
  }

  /** Keeps it open until `release`. */
  retain(): void {
    this.#users += 1
  }

  release(): void {
    this.#users -= 1
    if (this.#users === 0) this.#idle?.resolve()
  }

  /** Does `work` when nobody uses it. */
  async whenIdle(work: () => Promise<void>): Promise<void> {
    while (this.#users > 0) {
      this.#idle ??= Promise.withResolvers()
      await this.#idle.promise
      this.#idle = undefined
    }
    await work()
  }

  /** False: nothing in it can be asked for by `selection`, whose times are `range`. Hashes are not looked at. */
  mayHold({ contentTopics }: Selection, { from, to }: TimeRange): boolean {
    const { oldest, newest } = this.tally
    if (oldest === undefined || oldest > to || newest! < from) return false
    return !contentTopics?.length || contentTopics.some((topic) => this.mayHaveTopic(topic))
  }

  readonly mayHaveHash = (hash: MessageHash): boolean => {
    return this.mayHaveWord(hashWord(hash, scratch))
  }

  /** The same by what a filter looks at. */
  mayHaveWord(word: Buffer): boolean {
    return this.#filter === undefined || this.#filter.mayHave(word)
  }

  mayHaveTopic(topic: string): boolean {
    return this.#filter === undefined || this.#filter.mayHave(topicId(topic).content)
  }

  /** Makes ready for `append`. */
  async prepare({ index }: Pair): Promise<void> {
    if (this.#clean) await this.#setClean(false)
    await index.room()
  }

  /** Begins to write the records of messages that are not in it. */
  append(pair: Pair, envelopes: readonly Envelope[]): Appended {
    const first = this.#next
    this.#next = first + envelopes.length
    const written = pair.append(envelopes, first)
    // Who waits for it hears of it, though perhaps later.
    written.catch(() => {})
    return { first, written }
  }

  /** Makes appended messages visible. */
  async enter({ index }: Pair, envelopes: readonly Envelope[], first: number): Promise<void> {
    for (const envelope of envelopes) this.#addToFilter(envelope)
    index.enter(envelopes, first)
    this.tally = { ...index.tally, tail: this.#tail(first, envelopes) }
    await this.#catalog.note(this.id, this.tally)
  }

  /** Closes its databases and remembers what it holds. It opens again when it is used. Only while nobody uses it. */
  close(): Promise<void> {
    return this.#closeBy(async (pair) => {
      await pair.close()
      // On a disk that takes no more it is left as a crash leaves it: opening it looks through it again.
      if (!this.#clean) await this.#writeSummary().catch(() => {})
    })
  }

  /** Closes its databases, whatever they say. */
  abandon(): Promise<void> {
    return this.#closeBy((pair) => pair.abandon()).catch(() => {})
  }

  /** Resolves when nobody uses it any more and its databases are closed. */
  async drop(): Promise<void> {
    this.#dropped = true
    await this.whenIdle(() => this.#closeBy((pair) => pair.close()).catch(() => {}))
  }

  /** Of a partition that is begun, and empty. */
  startFilter(): void {
    this.#filter = new Filter()
  }

  forgetFilter(): void {
    this.#filter = undefined
  }

  /**
   * False: it was not closed with the tally of the catalog, and is to be looked through. The filter goes before a message
   * comes, so its absence tells of one of which a damaged catalog does not know.
   */
  async isAsClosed(): Promise<boolean> {
    const handle = this.#clean ? await open(this.#filterFile).catch(() => undefined) : undefined
    if (handle === undefined) return false
    await using file = handle
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0)
    this.#clean = bytesRead === 4 && numberOf(buffer) === this.tally.next
    return this.#clean
  }

  /** Reads the filter that was written when it was closed. A partition without one is asked itself. */
  async readFilter(): Promise<void> {
    const file = await readFile(this.#filterFile).catch(() => Buffer.alloc(0))
    const isCurrent = file.length > 4 && file.readUInt32BE() === this.tally.next
    this.#filter = isCurrent ? Filter.decode(file.subarray(4)) : undefined
  }

  get #filterFile(): string {
    return path.join(this.folder, 'filter')
  }

  #closeBy(close: (pair: Pair) => Promise<void>): Promise<void> {
    const opened = this.#pair
    if (opened === undefined) return this.#closing
    this.#pair = undefined
    const closing = opened.then(close)
    this.#closing = closing.catch(() => {})
    return closing
  }

  #open(): Promise<Pair> {
    if (this.#pair === undefined) {
      const opening = this.#closing.then(() => this.#openPair())
      this.#pair = opening
      opening.catch(() => {
        if (this.#pair === opening) this.#pair = undefined
      })
    }
    return this.#pair
  }

  async #openPair(): Promise<Pair> {
    await this.#inspect()
    const pair = await Pair.open(this.folder, this.#age, this.#archive)
    try {
      if (!this.#clean || !(await this.#holdsItsEnd(pair))) await this.#recover(pair)
      this.#settled = { note: this.#next, bytes: 0, tail: this.#next }
      return pair
    } catch (error) {
      await pair.abandon()
      throw error
    }
  }

  /** Once for each process. */
  async #inspect(): Promise<void> {
    if (this.#isInspected) return
    const ended = (damage?: unknown) => {
      this.#damage = damage
    }
    await this.#inspector.inspect({ folder: this.folder, wasClosed: this.#clean, ended })
    this.#isInspected = true
  }

  /** False: the end of a log was lost while it was closed. */
  async #holdsItsEnd({ records, index }: Pair): Promise<boolean> {
    const { next, messages } = this.tally
    if (index.tally.next !== next || index.tally.messages !== messages) return false
    return next === 0 || (await records.get(numberKey(next - 1))) !== undefined
  }

  async #recover(pair: Pair): Promise<void> {
    const tally = await recover(pair, this.tally, (gap) => this.#catalog.addGap({ ...gap, partition: this.id }))
    this.tally = tally
    this.claimed = tally
    this.#next = tally.next
    this.#filter = await filterOf(pair.index)
    await this.#writeSummary()
  }

  /** Writes what is known of it while it is closed. */
  async #writeSummary(): Promise<void> {
    await this.#writeFilter()
    await this.#setClean(true)
  }

  async #setClean(clean: boolean): Promise<void> {
    // A filter that was written before may deny what comes now.
    if (!clean) await rm(this.#filterFile, { force: true })
    await this.#catalog.write(this.id, { clean, tally: this.tally })
    this.#clean = clean
  }

  async #writeFilter(): Promise<void> {
    if (this.#filter === undefined) return
    const file = Buffer.concat([numberKey(this.tally.next), this.#filter.encode()])
    await writeFile(this.#filterFile, file, { flush: true })
  }

  #addToFilter({ message, hash }: Envelope): void {
    if (this.#filter === undefined) return
    const { content } = topicId(message.contentTopic)
    if (!this.#filter.mayHave(content)) this.#filter.add(content)
    this.#filter.add(hashWord(hash, scratch))
  }

  #tail(first: number, envelopes: readonly Envelope[]): number {
    const { note, bytes, tail } = this.#settled
    const written = bytes + envelopes.reduce((sum, { bytes }) => sum + bytes.length, 0)
    this.#settled = written < settledBytes ? { note, bytes: written, tail } : { note: first, bytes: 0, tail: note }
    return this.#settled.tail
  }
}
