/** Archives on a PostgreSQL that is about to suffer. */
import type { Test } from 'tap'
import { type Archive, openArchive } from '../../src/archive/archive.ts'
import { isRefusal } from '../../src/archive/postgres/failures.ts'
import { type PostgresOptions, postgresArchive } from '../../src/archive/postgres/postgres.ts'
import { openSpool, type SpoolLimits } from '../../src/archive/spool/queue.ts'
import { openSpooled } from '../../src/archive/spool/spooled.ts'
import type { Envelope } from '../../src/core/envelope.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { envelopeAt, hashes, pages } from '../archive/kit.ts'
import { until } from '../kit/until.ts'

/**
 * How often each fault is done. All of them take a quarter of an hour, and say how long the archive took to be back:
 *
 *     npm run build && WAYPOST_FAULTS=50 node bin/node.js dist/test/faults/postgres.test.js
 */
const faults = Number(process.env.WAYPOST_FAULTS ?? (process.env.CI === 'true' ? 10 : 5))

export const times = {
  crashes: faults,
  terminations: 4 * faults,
  locks: 2 * faults,
  hangs: Math.ceil(faults / 5),
  slowdowns: Math.ceil(faults / 5),
  failovers: Math.ceil(faults / 5),
}

/** The time limit of a file is for those that hang: milliseconds for the fault that takes longest. */
export const patience = Math.max(600_000, faults * 20_000)

export interface SpooledArchiveOptions extends PostgresOptions {
  /** Of the spool. */
  readonly folder: string
  readonly limits?: SpoolLimits
}

const roomy: SpoolLimits = { messages: 100_000, bytes: 1024 ** 3 }

/** An archive as a node has it: PostgreSQL with a spool before it. */
export async function spooledArchive(t: Test, { folder, limits = roomy, ...options }: SpooledArchiveOptions) {
  const metrics = createMetrics()
  const log = silentLog()
  const spool = await openSpool(folder, limits)
  const backend = await openSpooled({ database: postgresArchive(options), spool, isRefusal, metrics, log })
  const archive = await openArchive({ backend, metrics, log, clock: options.clock })
  t.teardown(() => archive[Symbol.asyncDispose]())
  return { archive, metrics, backend }
}

/** Settles when the archive has nothing in its spool and its database takes messages. */
export async function ready(archive: Archive): Promise<void> {
  await until(() => archive.status().state === 'ready')
}

/** How long the archive took to be ready each time, in words. */
export class Recoveries {
  readonly #took: number[] = []

  /** Waits until it is. */
  async of(archive: Archive): Promise<void> {
    const start = performance.now()
    await ready(archive)
    this.#took.push(performance.now() - start)
  }

  toString(): string {
    const sorted = this.#took.toSorted((a, b) => a - b)
    const [middle = 0, most = 0] = [sorted[sorted.length >> 1], sorted.at(-1)]
    return `ready again ${sorted.length} times, after ${Math.round(middle)} ms in the middle and ${Math.round(most)} at the most`
  }
}

let now = 0n

/** Timestamps over many partitions, old ones among them. */
export function timestamp(): bigint {
  now += 1n
  return 1_700_000_000_000_000_000n + (now % 7n) * 3_600_000_000_000n + now
}

/** Stores messages in several lines at once until it is stopped, and remembers those that were acknowledged. */
export class Writers {
  readonly acknowledged: Envelope[] = []
  readonly refused: unknown[] = []
  readonly #lines: Promise<void>[]
  #stopped = false

  constructor(archive: Archive, timestamp: () => bigint, lines = 4) {
    this.#lines = Array.from({ length: lines }, () => this.#write(archive, timestamp))
  }

  /** Settles when so many more are acknowledged. */
  async more(count: number): Promise<void> {
    const enough = this.acknowledged.length + count
    await until(() => this.acknowledged.length >= enough)
  }

  async stop(): Promise<readonly Envelope[]> {
    this.#stopped = true
    await Promise.all(this.#lines)
    return this.acknowledged
  }

  async #write(archive: Archive, timestamp: () => bigint): Promise<void> {
    while (!this.#stopped) {
      const envelope = envelopeAt(timestamp())
      try {
        await archive.put(envelope, 'history')
        this.acknowledged.push(envelope)
      } catch (error) {
        this.refused.push(error)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
  }
}

/** The hashes of all that is stored, in order. */
export async function allStored(archive: Archive): Promise<string[]> {
  return (await pages(archive, { includeData: false })).flatMap(({ messages }) => hashes(messages))
}

/** Asserts that all of `acknowledged` is stored, and nothing twice. */
export async function nothingLost(t: Test, archive: Archive, acknowledged: readonly Envelope[]): Promise<void> {
  const stored = await allStored(archive)
  const found = new Set(stored)
  t.equal(found.size, stored.length, 'nothing is stored twice')
  const lost = acknowledged.filter(({ hash }) => !found.has(hash))
  t.equal(lost.length, 0, `of ${acknowledged.length} acknowledged messages none is lost`)
}
