/**
 * Messages from elsewhere: an export, a backup, a database of nwaku. Each is decoded and hashed again, whatever is said
 * of it; what is there already is passed over, so an import that was interrupted is simply run again. While one group
 * is committed the next is decoded and looked up.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { type Envelope, openEnvelope } from '../core/envelope.ts'
import { isWaypostError } from '../core/errors.ts'
import type { MessageHash } from '../core/hash.ts'
import { maxQueryHashes, type Page, type Query } from '../core/query.ts'
import type { Milliseconds } from '../core/time.ts'
import { parsePubsubTopic } from '../core/topics.ts'
import type { Ineligible, Source } from './eligibility.ts'
import type { ExportRecord } from './export/format.ts'
import { overlapped } from './overlapped.ts'

/** Why a message is not imported. */
export type Refusal = Ineligible | 'malformed' | 'wrong-hash' | 'wrong-time' | 'no-shard' | 'too-large'

export interface Refused {
  /** As the record has it. */
  readonly hash: MessageHash
  readonly why: Refusal
}

/** What became of some records. */
export interface ImportOutcome {
  /** New, and on disk. */
  readonly stored: number
  /** There before. */
  readonly present: number
  readonly refused: readonly Refused[]
}

/** What an import needs of an archive. */
export interface Importable {
  query(query: Query): Promise<Page>
  put(envelope: Envelope, source: Source): Promise<'stored' | Ineligible>
}

export interface ImportLimits {
  /** Bytes of an encoded message at the most. */
  readonly maxMessageBytes: number
}

/** Messages and bytes that are given to the archive at once, for one commit: live traffic needs its queue too. */
const groupMessages = 500
const groupBytes = 1024 * 1024

/** Until what a full queue did not take is tried again. */
const fullPause: Milliseconds = 50

/** Groups of one import under way: one is committed, one is made ready. */
const groupsUnderWay = 2

/** Stores records in an archive; what is given to it at the same time twice is stored, and counted, once. */
export class Importer {
  readonly #archive: Importable
  readonly #limits: ImportLimits
  /** The groups that the messages belong to which are under way. */
  readonly #underWay = new Map<MessageHash, Promise<unknown>>()

  constructor(archive: Importable, limits: ImportLimits) {
    this.#archive = archive
    this.#limits = limits
  }

  /**
   * Stores those of `records` that are messages, and resolves when they are on disk. Throws `archive/unavailable`; what
   * was stored before stays.
   */
  async import(records: readonly ExportRecord[]): Promise<ImportOutcome> {
    const groups = overlapped(groupsOf(records), (group) => this.#importGroup(group), groupsUnderWay)
    const refused: Refused[] = []
    let stored = 0
    for await (const one of groups) {
      refused.push(...one.refused)
      stored += one.stored
    }
    return { stored, present: records.length - stored - refused.length, refused }
  }

  async #importGroup(records: readonly ExportRecord[]): Promise<Omit<ImportOutcome, 'present'>> {
    const checked = records.map((record) => check(record, this.#limits))
    const refused = checked.flatMap((one) => ('why' in one ? [one] : []))
    const unique = new Map(checked.flatMap((one) => ('why' in one ? [] : [[one.hash, one] as const])))
    const refusals = await this.#claim([...unique.keys()], () => putNew(this.#archive, unique))
    return { stored: unique.size - refusals.length, refused: [...refused, ...refusals] }
  }

  /** Runs `work` when no other group has one of `hashes` under way: what that one stores is found there. */
  async #claim<Made>(hashes: readonly MessageHash[], work: () => Promise<Made>): Promise<Made> {
    const others = new Set(hashes.flatMap((hash) => this.#underWay.get(hash) ?? []))
    const done = Promise.allSettled(others).then(work)
    for (const hash of hashes) this.#underWay.set(hash, done)
    try {
      return await done
    } finally {
      for (const hash of hashes) if (this.#underWay.get(hash) === done) this.#underWay.delete(hash)
    }
  }
}

/** The envelope of a record that is what it says, else what is wrong. */
function check({ pubsubTopic, bytes, hash, timestamp }: ExportRecord, { maxMessageBytes }: ImportLimits) {
  const refuse = (why: Refusal): Refused => ({ hash, why })
  if (parsePubsubTopic(pubsubTopic) === undefined) return refuse('no-shard')
  if (bytes.length > maxMessageBytes) return refuse('too-large')
  const envelope = openOrNot(pubsubTopic, bytes)
  if (envelope === undefined) return refuse('malformed')
  if (envelope.hash !== hash) return refuse('wrong-hash')
  return envelope.message.timestamp === timestamp ? envelope : refuse('wrong-time')
}

function openOrNot(pubsubTopic: string, bytes: Uint8Array): Envelope | undefined {
  try {
    return openEnvelope(pubsubTopic, bytes, Date.now())
  } catch {
    return undefined
  }
}

/** Those of `hashes` that are stored. */
async function knownOf(archive: Importable, hashes: readonly MessageHash[]): Promise<MessageHash[]> {
  const known: MessageHash[] = []
  for (let start = 0; start < hashes.length; start += maxQueryHashes) {
    const asked = hashes.slice(start, start + maxQueryHashes)
    const query: Query = { hashes: asked, direction: 'forward', limit: maxQueryHashes, includeData: false }
    known.push(...(await archive.query(query)).messages.map(({ hash }) => hash))
  }
  return known
}

function* groupsOf(records: readonly ExportRecord[]): Generator<ExportRecord[]> {
  let group: ExportRecord[] = []
  let bytes = 0
  for (const record of records) {
    if (group.length === groupMessages || (group.length > 0 && bytes + record.bytes.length > groupBytes)) {
      yield group
      group = []
      bytes = 0
    }
    group.push(record)
    bytes += record.bytes.length
  }
  if (group.length > 0) yield group
}

/** Stores those of `unique` that are not there, leaves them in it, and gives those that the archive does not take. */
async function putNew(archive: Importable, unique: Map<MessageHash, Envelope>): Promise<Refused[]> {
  for (const hash of await knownOf(archive, [...unique.keys()])) unique.delete(hash)
  const verdicts = await Promise.all(
    Array.from(unique.values(), async (envelope) => ({
      hash: envelope.hash,
      verdict: await putPatiently(archive, envelope),
    })),
  )
  return verdicts.flatMap(({ hash, verdict: why }) => (why === 'stored' ? [] : [{ hash, why }]))
}

/** A queue that live traffic has filled empties again; a disk that fails is an error. */
async function putPatiently(archive: Importable, envelope: Envelope): Promise<'stored' | Ineligible> {
  for (;;) {
    try {
      return await archive.put(envelope, 'import')
    } catch (error) {
      if (!isWaypostError(error, 'archive/full')) throw error
      await pause(fullPause)
    }
  }
}
