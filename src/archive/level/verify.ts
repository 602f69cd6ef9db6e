/**
 * Looks through an archive that nobody has open: every message against its hash, every row of the index against its
 * record, every number against the mark of what was acknowledged.
 */

import path from 'node:path'
import { messageOf } from '../../core/errors.ts'
import { messageHash } from '../../core/hash.ts'
import { systemClock } from '../../core/time.ts'
import { silentLog } from '../../telemetry/log.ts'
import type { Loss } from '../backend.ts'
import { isDamage } from './database.ts'
import type { Candidate } from './lane.ts'
import { decodePubsubRow } from './lane.ts'
import { decodeRow, indexRows, pubsubKeyRange } from './layout.ts'
import type { Pair } from './pair.ts'
import type { Partition } from './partition.ts'
import { openParts } from './parts.ts'
import { decodePlace, earlier, later } from './place.ts'
import { envelopeOf, missingNumbers, pieces } from './recovery.ts'
import { partitionLimits } from './route.ts'
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
  const sums: Sums = { named: 0, messages: 0, misplaced: 0 }
  for await (const piece of pieces(pair.index, pubsubKeyRange)) {
    const candidates = piece.map(([key, row]) => decodePubsubRow(key, row))
    // A piece of the index names as many records as a query may: some at a time.
    for (let at = 0; at < candidates.length; at += recordsAtOnce) {
      const some = candidates.slice(at, at + recordsAtOnce)
      told(some.length, await compare(pair, some, sums))
    }
  }
  const { named, ...found } = sums
  return {
    partition: partition.id,
    ...found,
    missing: ranges.reduce((sum, { first, end }) => sum + end - first, 0),
    miscounted: partition.tally.messages - named,
  }
}

const recordsAtOnce = 50

interface Sums {
  /** Messages that the index names. */
  named: number
  messages: number
  misplaced: number
  damaged?: Loss
  lost?: Loss
}

/** Holds records against what the index says of them. Gives their bytes. */
async function compare(pair: Pair, candidates: readonly Candidate[], sums: Sums): Promise<number> {
  const records = await pair.read(candidates.map(({ number }) => number))
  for (const [at, candidate] of candidates.entries()) {
    const { timestamp, hash } = decodePlace(candidate.place)
    const record = records[at]
    const envelope = record && envelopeOf(record)
    sums.named += 1
    if (record === undefined) sums.lost = withLoss(sums.lost, timestamp)
    else if (envelope === undefined || messageHash(envelope.pubsubTopic, envelope.message) !== hash)
      sums.damaged = withLoss(sums.damaged, timestamp)
    else {
      sums.messages += 1
      if (!(await isFoundByAll(pair, indexRows(envelope, candidate.number)))) sums.misplaced += 1
    }
  }
  return records.reduce((sum, record) => sum + (record?.length ?? 0), 0)
}

/** True if the other rows of a message lead to the same record. */
async function isFoundByAll(pair: Pair, rows: ReturnType<typeof indexRows>): Promise<boolean> {
  const found = await pair.index.getMany([rows.contentKey, rows.hashKey])
  const { number } = decodeRow(rows.hashRow)
  return found.every((row) => row !== undefined && decodeRow(row).number === number)
}

function withLoss(loss: Loss | undefined, timestamp: bigint): Loss {
  const { messages, from, to } = loss ?? { messages: 0, from: timestamp, to: timestamp }
  return { messages: messages + 1, from: earlier(from, timestamp), to: later(to, timestamp) }
}
