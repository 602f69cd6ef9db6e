/**
 * Looks through an archive that nobody has open: every message against its hash, every row of the index against its
 * record, every number against the mark of what was acknowledged.
 */

import path from 'node:path'
import { crc32 } from 'node:zlib'
import { messageOf } from '../../core/errors.ts'
import { messageHash } from '../../core/hash.ts'
import { systemClock } from '../../core/time.ts'
import { silentLog } from '../../telemetry/log.ts'
import type { Loss } from '../backend.ts'
import { isDamage } from './database.ts'
import { byPubsubTopic, type Entry, entryOf, numberOfEntry } from './entry.ts'
import type { Pair } from './pair.ts'
import type { Partition } from './partition.ts'
import type { PartitionIndex } from './partition-index.ts'
import { openParts } from './parts.ts'
import { decodePlace, earlier, later } from './place.ts'
import { entriesOf, envelopeOf, missingNumbers } from './recovery.ts'
import { partitionLimits } from './route.ts'
import { orders } from './seal.ts'
import { checkTables } from './tables.ts'

/** What was found in one partition. All but `messages` is 0 or absent where all is well. */
export interface PartitionReport {
  readonly partition: number
  /** That are as they were stored. */
  readonly messages: number
  /** That are not what their hash says. */
  readonly damaged?: Loss
  /** That the index names and that are not there. */
  readonly lost?: Loss
  /** Numbers below the mark of what was acknowledged under which nothing is stored. */
  readonly missing: number
  /** That are stored, and not or wrongly in one of the indices. */
  readonly misplaced: number
  /** How many messages more the partition is said to hold than the index names; less is negative. */
  readonly miscounted: number
  /** Why no more could be looked at. */
  readonly unreadable?: string
}

/** Hears how many messages more were looked at, and their bytes. */
export type Told = (messages: number, bytes: number) => void

/** What there is to say of a partition of which nothing can be read. */
function unread({ id }: Partition, why: string): PartitionReport {
  return { partition: id, messages: 0, missing: 0, misplaced: 0, miscounted: 0, unreadable: why }
}

/** True if nothing is wrong. */
export function isWhole(report: PartitionReport): boolean {
  return report.missing === 0 && isInOrder(report)
}

/** True if all that is there is as it was stored, and found: what else is missing cannot be mended. */
export function isInOrder({ damaged, lost, misplaced, miscounted, unreadable }: PartitionReport): boolean {
  return [damaged, lost, unreadable].every((wrong) => wrong === undefined) && misplaced === 0 && miscounted === 0
}

/**
 * Looks through the archive in `folder`, partition by partition, oldest first. One that was not closed is first brought
 * in order, as always when it is opened. Throws what opening it throws.
 */
export async function* verify(
  folder: string,
  told: Told = () => {},
): AsyncGenerator<PartitionReport, readonly Loss[], undefined> {
  const options = { folder, clock: systemClock, limits: partitionLimits(), log: silentLog() }
  const { catalog, graves, partitions } = await openParts(options)
  try {
    for (const partition of partitions.all) {
      const report = await checkPartition(partition, folder)
        .then(() => partitions.use(partition, (pair) => look(partition, pair, told)))
        .catch((error: unknown) => {
          if (!isDamage(error)) throw error
          return unread(partition, messageOf(error))
        })
      if (report !== undefined) yield report
    }
    return await catalog.gaps()
  } finally {
    await graves.settle()
    await partitions.close()
    await catalog.close()
  }
}

async function checkPartition(partition: Partition, archive: string): Promise<void> {
  for (const part of ['records', 'index']) await checkTables(path.join(partition.folder, part), archive)
}

/** Holds the records of an open partition, its index and its tally against each other. */
export async function look(partition: Partition, pair: Pair, told: Told = () => {}): Promise<PartitionReport> {
  const ranges = await missingNumbers(pair.records, 0, partition.tally.next)
  const sums: Sums = { named: 0, messages: 0 }
  const right: Right = new Map()
  let some: Entry[] = []
  const compareSome = async () => {
    told(some.length, await compare(pair, some, sums, right))
    some = []
  }
  for await (const entry of entriesOf(pair.index.all(byPubsubTopic))) {
    some.push(entry)
    if (some.length >= recordsAtOnce) await compareSome()
  }
  await compareSome()
  const { named, ...found } = sums
  return {
    partition: partition.id,
    ...found,
    misplaced: await misplaced(pair.index, right),
    missing: ranges.reduce((sum, { first, end }) => sum + end - first, 0),
    miscounted: partition.tally.messages - named,
  }
}

const recordsAtOnce = 50

interface Sums {
  /** Messages that the index names. */
  named: number
  messages: number
  damaged?: Loss
  lost?: Loss
}

/** By the number of each record that is as it was stored: a checksum of the entry that it is to have. */
type Right = Map<number, number>

/** How many messages are not, or wrongly, in one of the orders of the index. */
async function misplaced(index: PartitionIndex, right: Right): Promise<number> {
  let most = 0
  for (const order of orders) {
    let found = 0
    for await (const entry of entriesOf(index.all(order))) {
      if (right.get(numberOfEntry(entry)) === crc32(entry)) found += 1
    }
    most = Math.max(most, right.size - found)
  }
  return most
}

/** Holds records against what the index says of them. Gives their bytes. */
async function compare(pair: Pair, entries: readonly Entry[], sums: Sums, right: Right): Promise<number> {
  const records = await pair.read(entries.map(numberOfEntry))
  for (const [at, entry] of entries.entries()) {
    const { timestamp, hash } = decodePlace(entry)
    const record = records[at]
    const envelope = record && envelopeOf(record)
    sums.named += 1
    if (record === undefined) sums.lost = withLoss(sums.lost, timestamp)
    else if (envelope === undefined || messageHash(envelope.pubsubTopic, envelope.message) !== hash)
      sums.damaged = withLoss(sums.damaged, timestamp)
    else {
      sums.messages += 1
      right.set(numberOfEntry(entry), crc32(entryOf(envelope, numberOfEntry(entry))))
    }
  }
  return records.reduce((sum, record) => sum + (record?.length ?? 0), 0)
}

function withLoss(loss: Loss | undefined, timestamp: bigint): Loss {
  const { messages, from, to } = loss ?? { messages: 0, from: timestamp, to: timestamp }
  return { messages: messages + 1, from: earlier(from, timestamp), to: later(to, timestamp) }
}
