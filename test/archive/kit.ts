/** Envelopes and archives for the tests of this folder. */
import { type Archive, type ArchiveOptions, openArchive } from '../../src/archive/archive.ts'
import type { Backend, PruneLimits } from '../../src/archive/backend.ts'
import { defaultQueryBudget } from '../../src/archive/page.ts'
import { type Envelope, sealEnvelope } from '../../src/core/envelope.ts'
import type { MessageHash } from '../../src/core/hash.ts'
import { maxPageMessages, type Page, type Query } from '../../src/core/query.ts'
import type { Nanoseconds } from '../../src/core/time.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'

export const pubsubTopic = '/waku/2/rs/1/0'
export const contentTopic = '/test/1/archive/proto'

interface Made {
  readonly pubsubTopic?: string
  readonly contentTopic?: string
  readonly payload?: Uint8Array
  readonly ephemeral?: boolean
}

let made = 0

/** An envelope with this timestamp; its payload is its own unless one is given. */
export function envelopeAt(timestamp: Nanoseconds | undefined, options: Made = {}): Envelope {
  const payload = options.payload ?? Buffer.from(`message ${made++}`)
  const message = {
    payload,
    contentTopic: options.contentTopic ?? contentTopic,
    timestamp,
    ephemeral: options.ephemeral,
  }
  return sealEnvelope(options.pubsubTopic ?? pubsubTopic, message, 0)
}

/** `count` envelopes, a nanosecond apart. */
export function envelopes(count: number, options: Made = {}): Envelope[] {
  return Array.from({ length: count }, (_, index) => envelopeAt(BigInt(index), options))
}

/** As by default, on a machine however busy. */
const budget = { ...defaultQueryBudget, time: Number.POSITIVE_INFINITY }

/** An archive that closes with the test `t`. */
export async function archiveOn(
  t: { teardown(end: () => Promise<void>): void },
  backend: Backend,
  options: Partial<ArchiveOptions> = {},
): Promise<Archive> {
  const archive = await openArchive({ backend, metrics: createMetrics(), log: silentLog(), budget, ...options })
  t.teardown(() => archive[Symbol.asyncDispose]())
  return archive
}

/** Stores envelopes of any age. */
export async function store(archive: Archive, stored: readonly Envelope[]): Promise<void> {
  await Promise.all(stored.map((envelope) => archive.put(envelope, 'history')))
}

/** Deletes all that `limits` do not keep. */
export async function pruneAll(archive: Archive, limits: PruneLimits): Promise<void> {
  while ((await archive.prune(limits, 100)).messages > 0);
}

export function ask(archive: Archive, query: Partial<Query> = {}): Promise<Page> {
  return archive.query({ direction: 'forward', limit: maxPageMessages, includeData: true, ...query })
}

/** All pages of a query, in the order of the walk. */
export async function pages(archive: Archive, query: Partial<Query> = {}): Promise<Page[]> {
  const all: Page[] = []
  let cursor: MessageHash | undefined
  do {
    const page = await ask(archive, { ...query, cursor })
    all.push(page)
    cursor = page.cursor
  } while (cursor !== undefined)
  return all
}

export function hashes(messages: Iterable<{ readonly hash: MessageHash }>): MessageHash[] {
  return Array.from(messages, ({ hash }) => hash)
}

/** The order of history. */
export function inOrder(stored: readonly Envelope[]): Envelope[] {
  return stored.toSorted((a, b) => {
    const [first = 0n, second = 0n] = [a.message.timestamp, b.message.timestamp]
    if (first !== second) return first < second ? -1 : 1
    return a.hash < b.hash ? -1 : 1
  })
}
