/** Deleting: which messages are surplus, how they are taken out, and how their places are forgotten later. */

import {
  type Amount,
  isSurplus,
  minus,
  nothing,
  type PruneLimits,
  plus,
  storedBytes,
} from '../../../src/archive/backend.ts'
import { decodeMessage } from '../../../src/core/message.ts'
import type { Batch, Database } from './database.ts'
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

/** Bytes of messages that one step takes up at the most, and one message at the least: they are in memory until it ends. */
const stepBytes = 4 * 1024 * 1024

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
    const isFull = found.length >= most || held.bytes - left.bytes > stepBytes
    if (isFull || !isSurplus(limits, left, decodePlace(candidate.place).timestamp, bytes)) break
    found.push(candidate)
    left = minus(left, { messages: 1, bytes })
  }
  return found
}

export function amountOfCandidates(candidates: readonly Candidate[]): Amount {
  return candidates.reduce((sum, { bytes }) => plus(sum, { messages: 1, bytes: storedBytes(bytes) }), nothing)
}

/** Takes messages out, but for their hash rows, which keep their places; `grave` remembers when to delete those. */
export function bury(batch: Batch, candidates: readonly Candidate[], grave: Buffer): void {
  const keys = candidates.map(({ pubsub, place }) => messageKey(pubsub, place))
  for (const key of keys) batch.del(key)
  for (const candidate of candidates) {
    const index = contentTopicKeyOf(candidate)
    if (index !== undefined) batch.del(index)
  }
  batch.put(grave, Buffer.concat(keys))
}

/** Undefined for a record that is damaged: its index row stays, and a walk that meets it finds no record. */
function contentTopicKeyOf({ place, record }: Candidate): Buffer | undefined {
  try {
    const message = decodeMessage(decodeRecord(record!)!.bytes)
    return contentTopicKey(contentId(message.contentTopic), place)
  } catch {
    return undefined
  }
}

/** Forgets the places in a grave, but for those of messages that were stored again. */
export async function exhume(database: Database, grave: Buffer, row: Buffer): Promise<void> {
  const keys = decodeGrave(row)
  const stored = await database.hasMany(keys)
  const batch: Batch = database.batch()
  for (const [index, key] of keys.entries()) if (!stored[index]) batch.del(hashKey(hashOf(key)))
  await batch.del(grave).write()
}
