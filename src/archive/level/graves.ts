/**
 * Partitions that were deleted. Their records go at once; for an hour their index tells where a message stood, so that a
 * client whose cursor is deleted while it pages can go on.
 */
import { readdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import type { MessageHash } from '../../core/hash.ts'
import type { Clock, Milliseconds } from '../../core/time.ts'
import { syncFolder } from '../../files/whole-file.ts'
import { cursorGrace, type Place } from '../backend.ts'
import { ensureFolder, isDamage } from './database.ts'
import { markName } from './inspection.ts'
import { Line } from './line.ts'
import { PartitionIndex } from './partition-index.ts'
import { decodePlace } from './place.ts'
import { checkTables } from './tables.ts'

/** Graves kept at the most, however fast partitions are deleted. */
const maxGraves = 64

const sizes = { writeBufferSize: 1024 * 1024, cacheSize: 1024 * 1024, compression: true }

/** What goes of a partition, and its index stays. */
const notBuried = ['records', 'filter', markName]

interface Grave {
  readonly folder: string
  readonly partition: number
  readonly deletedAt: Milliseconds
  /** False: the message was surely not in it. */
  readonly mayHave: (hash: MessageHash) => boolean
}

export interface GravesOptions {
  /** Of the archive. */
  readonly folder: string
  readonly clock: Clock
}

export class Graves {
  readonly #archive: string
  readonly #folder: string
  readonly #clock: Clock
  /** Oldest first. */
  #graves: Grave[] = []
  /** Those whose tables are as they were written. */
  readonly #checked = new WeakSet<Grave>()
  /** What is done with graves, one after the other: LevelDB opens nothing twice. */
  readonly #work = new Line()

  constructor({ folder, clock }: GravesOptions) {
    this.#archive = folder
    this.#folder = path.join(folder, 'dropped')
    this.#clock = clock
  }

  /** Finds the graves, and ends what a crash left half done. */
  async open(): Promise<void> {
    const names = await ensureFolder(this.#folder, this.#archive)
    this.#graves = names.flatMap((name) => this.#parse(name) ?? []).sort((a, b) => a.deletedAt - b.deletedAt)
    for (const grave of this.#graves) this.#empty(grave)
  }

  /** The ids of partitions that were deleted lately. */
  get partitions(): readonly number[] {
    return this.#graves.map(({ partition }) => partition)
  }

  /** Takes the folder of a closed partition. Its name is gone when this resolves; its records go in the background. */
  async bury({ id, folder, mayHaveHash }: Buried): Promise<void> {
    const deletedAt = this.#clock()
    const grave = {
      folder: path.join(this.#folder, `${id}-${deletedAt}`),
      partition: id,
      deletedAt,
      mayHave: mayHaveHash,
    }
    await rename(folder, grave.folder)
    await syncFolder(this.#folder)
    this.#graves.push(grave)
    this.#empty(grave)
  }

  /** Where a message stood that was deleted within `cursorGrace`. */
  locate(hash: MessageHash): Promise<Place | undefined> {
    return this.#work.run(async () => {
      const since = this.#clock() - cursorGrace
      for (const grave of this.#graves.toReversed()) {
        if (grave.deletedAt < since || !grave.mayHave(hash)) continue
        const place = await this.#lookUp(grave, hash)
        if (place !== undefined) return place
      }
      return undefined
    })
  }

  /** Removes graves older than `cursorGrace`. */
  forget(): Promise<void> {
    return this.#work.run(async () => {
      const since = this.#clock() - cursorGrace
      const old = this.#graves.filter(({ deletedAt }, index) => {
        return deletedAt < since || index < this.#graves.length - maxGraves
      })
      this.#graves = this.#graves.filter((grave) => !old.includes(grave))
      for (const { folder } of old) await rm(folder, { recursive: true, force: true })
    })
  }

  /** Resolves when nothing is under way any more. */
  async settle(): Promise<void> {
    await this.#work.end()
  }

  /** Asks the index of a grave. One that is damaged goes. */
  async #lookUp(grave: Grave, hash: MessageHash): Promise<Place | undefined> {
    try {
      return await this.#ask(grave, hash)
    } catch (error) {
      if (!isDamage(error)) throw error
      this.#graves = this.#graves.filter((other) => other !== grave)
      await rm(grave.folder, { recursive: true, force: true })
      return undefined
    }
  }

  async #ask(grave: Grave, hash: MessageHash): Promise<Place | undefined> {
    const { folder } = grave
    if (!(await readdir(folder).catch((): string[] => [])).includes('index')) return undefined
    if (!this.#checked.has(grave)) await checkTables(path.join(folder, 'index'), this.#archive)
    this.#checked.add(grave)
    const index = await PartitionIndex.open({
      folder,
      archive: this.#archive,
      sizes,
      maxFresh: Number.POSITIVE_INFINITY,
    })
    try {
      const [entry] = await index.find([hash])
      return entry && decodePlace(entry)
    } finally {
      await index.abandon()
    }
  }

  #empty({ folder }: Grave): void {
    this.#work
      .run(async () => {
        for (const name of notBuried) await rm(path.join(folder, name), { recursive: true, force: true })
      })
      .catch(() => {})
  }

  #parse(name: string): Grave | undefined {
    const [, partition, deletedAt] = /^(\d+)-(\d+)$/.exec(name) ?? []
    if (partition === undefined) return undefined
    const folder = path.join(this.#folder, name)
    return { folder, partition: Number(partition), deletedAt: Number(deletedAt), mayHave: () => true }
  }
}

/** A partition as its grave takes it. */
export interface Buried {
  readonly id: number
  readonly folder: string
  readonly mayHaveHash: (hash: MessageHash) => boolean
}
