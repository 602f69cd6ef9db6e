/**
 * Keeps the archive from filling its disk: storing stops while something is left. The ballast, a file of no use, holds
 * room for what has to be written even so: another process may fill the disk within a second, and LevelDB writes when it
 * closes and when it opens again.
 */
import { randomFillSync } from 'node:crypto'
import { type FileHandle, open, rename, rm, stat, statfs } from 'node:fs/promises'
import path from 'node:path'
import { messageOf } from '../core/errors.ts'
import { type Clock, type Milliseconds, type Schedule, systemClock, systemSchedule } from '../core/time.ts'
import type { Log } from '../telemetry/log.ts'
import type { Trouble } from './backend.ts'

/** Bytes, or a share of the disk. */
export type DiskAmount = { readonly bytes: number } | { readonly percent: number }

/** What is left free. Absent: `defaultMinFree`, `defaultBallast`. */
export interface DiskLimits {
  /** Below it nothing is stored; 0: never stop. */
  readonly minFree?: DiskAmount | undefined
  /** Bytes of the ballast; 0: none. */
  readonly ballast?: number | undefined
}

/** Bytes that a process without privileges may still write, and of the disk in all. */
export interface DiskRoom {
  readonly free: number
  readonly size: number
}

export interface DiskGuardOptions {
  /** Of the archive. */
  readonly folder: string
  readonly limits: DiskLimits
  readonly log: Log
  readonly clock?: Clock
  readonly schedule?: Schedule
  readonly measure?: (folder: string) => Promise<DiskRoom>
}

const mebibyte = 1024 * 1024

/** Less free than this: storing goes on when a tenth more is free, so that it does not stop and start all the time. */
const hysteresis = 1.1

/** Time between two looks. */
const interval: Milliseconds = 5000

/** Bytes stored after which a look is due whatever the time. */
const bytesBetweenLooks = 4 * mebibyte

/** Free bytes below which closing and opening may fail: LevelDB writes its buffers out. Then the ballast goes. */
const tight = 64 * mebibyte

/** Name of the ballast in the folder of the archive. */
const ballastName = 'ballast'

/** Time after which a ballast that could not be made is tried again. */
const retryBallastAfter: Milliseconds = 60_000

/** Where nothing is said: 5 % of the disk, and 512 MiB at the most. */
export function defaultMinFree(size: number): number {
  return Math.min(0.05 * size, 512 * mebibyte)
}

/** Where nothing is said: 64 MiB, and a tenth of the disk at the most. */
export function defaultBallast(size: number): number {
  return Math.floor(Math.min(0.1 * size, 64 * mebibyte))
}

/** Looks at the disk; gives up the ballast at once when opening could fail for want of room. */
export async function guardDisk(options: DiskGuardOptions): Promise<DiskGuard> {
  const guard = new DiskGuard(options)
  await guard.open()
  return guard
}

export class DiskGuard implements AsyncDisposable {
  readonly #folder: string
  readonly #log: Log
  readonly #clock: Clock
  readonly #schedule: Schedule
  readonly #measure: (folder: string) => Promise<DiskRoom>
  #limits: DiskLimits
  #trouble: Trouble | undefined
  /** Bytes of the ballast that are on disk. */
  #held = 0
  /** Bytes stored since the last look. */
  #stored = 0
  #retryAt: Milliseconds = 0
  #making: Promise<void> | undefined
  #changed = () => {}
  #cancel = () => {}
  #stopped = false

  /** Use `guardDisk`. */
  constructor(options: DiskGuardOptions) {
    this.#folder = options.folder
    this.#limits = options.limits
    this.#log = options.log
    this.#clock = options.clock ?? systemClock
    this.#schedule = options.schedule ?? systemSchedule
    this.#measure = options.measure ?? roomOf
  }

  async open(): Promise<void> {
    await rm(this.#partial, { force: true }).catch(() => {})
    this.#held = await stat(this.#ballast).then(
      ({ size }) => size,
      () => 0,
    )
    await this.relieve()
  }

  /** Why nothing is stored; undefined while there is room. */
  get trouble(): Trouble | undefined {
    return this.#trouble
  }

  /** Looks now and every few seconds. `changed` is called when `trouble` comes and goes. */
  async start(changed: () => void): Promise<void> {
    this.#changed = changed
    await this.look()
    this.#lookLater()
  }

  /** To be told before `bytes` are stored. Looks when it is time. */
  async spend(bytes: number): Promise<void> {
    this.#stored += bytes
    if (this.#stored >= bytesBetweenLooks) await this.look()
  }

  /** Other limits from now on. */
  async change(limits: DiskLimits): Promise<void> {
    this.#limits = limits
    this.#retryAt = 0
    await this.look()
  }

  /** Looks at the disk. Does not throw: what cannot be measured changes nothing. */
  async look(): Promise<void> {
    this.#stored = 0
    const room = await this.#room()
    if (room === undefined || this.#stopped) return
    const wanted = this.#wantedBallast(room)
    // The room of a ballast that was given up is not there to be filled by messages.
    const usable = room.free - Math.max(0, wanted - this.#held)
    this.#judge(room, usable, wanted)
    if (this.#held > wanted || (this.#trouble === undefined && usable >= 0)) this.#fitBallast(wanted)
  }

  /** Gives up the ballast when so little is free that what has to be written may fail. Does not throw. */
  async relieve(): Promise<void> {
    await this.#making
    const room = await this.#room()
    if (this.#held === 0 || room === undefined || room.free >= tight) return
    await this.#drop()
    this.#log.warn({ folder: this.#folder, free: showBytes(room.free) }, 'ballast given up, the disk is full')
  }

  /** Resolves when no ballast is being made. */
  async settled(): Promise<void> {
    await this.#making
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    this.#cancel()
    await this.#making
  }

  get #ballast(): string {
    return path.join(this.#folder, ballastName)
  }

  get #partial(): string {
    return `${this.#ballast}.tmp`
  }

  #wantedBallast({ size }: DiskRoom): number {
    return this.#limits.ballast ?? defaultBallast(size)
  }

  #minFree({ size }: DiskRoom): number {
    const { minFree } = this.#limits
    if (minFree === undefined) return defaultMinFree(size)
    return 'bytes' in minFree ? minFree.bytes : (minFree.percent / 100) * size
  }

  async #room(): Promise<DiskRoom | undefined> {
    return await this.#measure(this.#folder).catch(() => undefined)
  }

  #lookLater(): void {
    if (this.#stopped) return
    this.#cancel = this.#schedule(() => void this.look().finally(() => this.#lookLater()), interval)
  }

  /** Stops below the limit, goes on above it. */
  #judge(room: DiskRoom, usable: number, wanted: number): void {
    const limit = this.#minFree(room)
    const before = this.#trouble
    if (limit === 0 || usable >= Math.floor(limit * (before === undefined ? 1 : hysteresis))) this.#trouble = undefined
    else this.#trouble = { why: this.#why(room, limit, wanted), since: before?.since ?? this.#clock() }
    if ((before === undefined) === (this.#trouble === undefined)) return
    if (this.#trouble === undefined)
      this.#log.info({ free: showBytes(room.free) }, 'archive stores again: the disk has room')
    else this.#log.warn({ why: this.#trouble.why }, 'archive stores nothing more')
    this.#changed()
  }

  #why({ free }: DiskRoom, limit: number, wanted: number): string {
    const missing = Math.max(0, wanted - this.#held)
    const ballast = missing === 0 ? '' : ` and ${showBytes(missing)} for store-ballast`
    return `the disk of ${this.#folder} has ${showBytes(free)} left, below store-min-free (${showBytes(limit)})${ballast}`
  }

  /** Makes the ballast as large as it is to be, in the background. */
  #fitBallast(wanted: number): void {
    if (this.#held === wanted || this.#making !== undefined || this.#clock() < this.#retryAt) return
    this.#making = this.#make(wanted)
      .catch(async (error: unknown) => {
        this.#retryAt = this.#clock() + retryBallastAfter
        this.#held = 0
        await rm(this.#partial, { force: true }).catch(() => {})
        this.#log.debug({ why: messageOf(error) }, 'no ballast on this disk')
      })
      .finally(() => {
        this.#making = undefined
      })
  }

  async #make(wanted: number): Promise<void> {
    await this.#drop()
    if (wanted === 0) return
    const file = await open(this.#partial, 'w', 0o600)
    try {
      await this.#fill(file, wanted)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(this.#partial, this.#ballast)
  }

  /** Not with zeros: some file systems compress, and would keep no room. */
  async #fill(file: FileHandle, wanted: number): Promise<void> {
    const block = randomFillSync(Buffer.alloc(Math.min(mebibyte, wanted)))
    while (this.#held < wanted) {
      if (this.#stopped) throw new Error('the archive is closing')
      const { bytesWritten } = await file.write(block, 0, Math.min(block.length, wanted - this.#held))
      this.#held += bytesWritten
    }
  }

  async #drop(): Promise<void> {
    if (this.#held === 0) return
    await rm(this.#ballast, { force: true }).catch(() => {})
    this.#held = 0
  }
}

async function roomOf(folder: string): Promise<DiskRoom> {
  const { bavail, blocks, bsize } = await statfs(folder)
  return { free: bavail * bsize, size: blocks * bsize }
}

function showBytes(bytes: number): string {
  const mebibytes = bytes / mebibyte
  return mebibytes >= 10 || Number.isInteger(mebibytes) ? `${Math.floor(mebibytes)} MiB` : `${mebibytes.toFixed(1)} MiB`
}
