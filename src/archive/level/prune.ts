/** Deleting: which operations take messages out of the database, and which forget their places later. */
import { decodeMessage } from '../../core/message.ts'
import { type Amount, isSurplus, minus, nothing, type PruneLimits, plus, storedBytes } from '../backend.ts'
import type { Database, Operation } from './database.ts'
import { type Candidate, decodeMessageRow, type Reading, walkLanes } from './lane.ts'
import {
  contentId,
  contentTopicKey,
  decodeGrave,
  decodePlace,
  decodeRecord,
  everyPlace,
  hashKey,
  hashOf,
  messageKey,
  messageLane,
  raised,
} from './layout.ts'
import type { Extent } from './scan.ts'

/** Rows and bytes that a lane reads at once while the oldest messages are looked for. */
const laneRows = 100
const laneBytes = 256 * 1024

/** The oldest messages that `limits` want deleted of what is `held`, at most `most`. */
export async function surplus(
  database: Database,
  { pubsubIds, floor }: Extent,
  held: Amount,
  limits: PruneLimits,
  most: number,
): Promise<Candidate[]> {
  await using snapshot = database.snapshot()
  const reading: Reading = { direction: 'forward', snapshot, rows: laneRows, bytes: laneBytes, values: true }
  const lanes = pubsubIds.map((id) => messageLane(id, raised(everyPlace, floor)))
  const found: Candidate[] = []
  let left = held
  for await (const candidate of walkLanes(database, lanes, decodeMessageRow, reading)) {
    const bytes = storedBytes(candidate.bytes)
    if (found.length >= most || !isSurplus(limits, left, decodePlace(candidate.place).timestamp, bytes)) break
    found.push(candidate)
    left = minus(left, { messages: 1, bytes })
  }
  return found
}

export function amountOfCandidates(candidates: readonly Candidate[]): Amount {
  return candidates.reduce((sum, { bytes }) => plus(sum, { messages: 1, bytes: storedBytes(bytes) }), nothing)
}

/** Takes messages out, but for their hash rows, which keep their places; `grave` remembers when to delete those. */
export function burial(candidates: readonly Candidate[], grave: Buffer): Operation[] {
  const keys = candidates.map(({ pubsub, place }) => messageKey(pubsub, place))
  const indices = candidates.flatMap(contentTopicKeyOf)
  return [
    ...[...keys, ...indices].map((key): Operation => ({ type: 'del', key })),
    { type: 'put', key: grave, value: Buffer.concat(keys) },
  ]
}

/** None for a record that is damaged: its index row stays, and a walk that meets it finds no record. */
function contentTopicKeyOf({ place, record }: Candidate): Buffer[] {
  try {
    const message = decodeMessage(decodeRecord(record!)!.bytes)
    return [contentTopicKey(contentId(message.contentTopic), place)]
  } catch {
    return []
  }
}

/** What forgets the places in a grave, but for those of messages that were stored again. */
export async function exhumation(database: Database, grave: Buffer, row: Buffer): Promise<Operation[]> {
  const keys = decodeGrave(row)
  const stored = await database.hasMany(keys)
  const gone = keys.filter((_, index) => !stored[index]).map(hashOf)
  return [...gone.map((hash): Operation => ({ type: 'del', key: hashKey(hash) })), { type: 'del', key: grave }]
}
