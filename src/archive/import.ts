/**
 * Messages from elsewhere: an export, a backup, a database of nwaku. Each is decoded and hashed again, whatever is said
 * of it; what is there already is passed over, so an import that was interrupted is simply run again.
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

/** Stores those of `records` that are messages. Throws `archive/unavailable`; what was stored before stays. */
export async function importRecords(
  archive: Importable,
  records: readonly ExportRecord[],
  limits: ImportLimits,
): Promise<ImportOutcome> {
  const checked = records.map((record) => check(record, limits))
  const refused = checked.flatMap((one) => ('why' in one ? [one] : []))
  const unique = new Map(checked.flatMap((one) => ('why' in one ? [] : [[one.hash, one] as const])))
  for (const hash of await knownOf(archive, [...unique.keys()])) unique.delete(hash)
  let stored = 0
  for (const group of groupsOf([...unique.values()])) {
    const refusals = await putGroup(archive, group)
    refused.push(...refusals)
    stored += group.length - refusals.length
  }
  return { stored, present: records.length - stored - refused.length, refused }
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

function* groupsOf(envelopes: readonly Envelope[]): Generator<Envelope[]> {
  let group: Envelope[] = []
  let bytes = 0
  for (const envelope of envelopes) {
    if (group.length === groupMessages || (group.length > 0 && bytes + envelope.bytes.length > groupBytes)) {
      yield group
      group = []
      bytes = 0
    }
    group.push(envelope)
    bytes += envelope.bytes.length
  }
  if (group.length > 0) yield group
}

/** Stores `group` and gives those that the archive does not take. */
async function putGroup(archive: Importable, group: readonly Envelope[]): Promise<Refused[]> {
  const verdicts = await Promise.all(group.map((envelope) => putPatiently(archive, envelope)))
  return group.flatMap(({ hash }, index) => {
    // One verdict for each envelope.
    const why = verdicts[index]!
    return why === 'stored' ? [] : [{ hash, why }]
  })
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
