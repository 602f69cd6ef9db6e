/** The stages of a put: which messages go where, which of them are new, their records, their entries in the index. */
import type { Envelope } from '../../core/envelope.ts'
import { amountOf } from '../backend.ts'
import type { Pair } from './pair.ts'
import type { Appended, Partition } from './partition.ts'
import type { Partitions } from './partitions.ts'

/** Messages of one put in one partition, which stays open for them, on their way to the disk. */
export interface Part extends Appended {
  readonly partition: Partition
  readonly pair: Pair
  readonly envelopes: readonly Envelope[]
}

/** Begins to write the records of what is new. Each partition of what it gives is retained. */
export async function append(partitions: Partitions, envelopes: readonly Envelope[]): Promise<Part[]> {
  const parts: Part[] = []
  for (const [partition, group] of await claim(partitions, envelopes)) {
    await partitions.use(partition, async (pair) => {
      const fresh = await newOf(partition, pair, group)
      if (fresh.length === 0) return
      await partition.prepare(pair)
      partition.retain()
      parts.push({ partition, pair, envelopes: fresh, ...partition.append(pair, fresh) })
    })
  }
  return parts
}

/** Makes what is on disk visible. */
export async function enter(parts: readonly Part[]): Promise<void> {
  await Promise.all(parts.map(({ partition, pair, envelopes, first }) => partition.enter(pair, envelopes, first)))
}

/** Which messages go to which partition. */
async function claim(partitions: Partitions, envelopes: readonly Envelope[]): Promise<Map<Partition, Envelope[]>> {
  const groups = new Map<Partition, Envelope[]>()
  for (const envelope of envelopes) {
    // The archive takes no message without a timestamp.
    const timestamp = envelope.message.timestamp!
    const { length } = envelope.bytes
    const partition = partitions.claim(timestamp, length) ?? (await partitions.begin(timestamp, length))
    const group = groups.get(partition)
    if (group === undefined) groups.set(partition, [envelope])
    else group.push(envelope)
  }
  return groups
}

/** Those that are not stored already. Of most the filter knows. */
async function newOf(partition: Partition, { index }: Pair, group: readonly Envelope[]): Promise<readonly Envelope[]> {
  const doubtful = group.filter(({ hash }) => partition.mayHaveHash(hash))
  if (doubtful.length === 0) return group
  const known = await index.find(doubtful.map(({ hash }) => hash))
  const stored = new Set(doubtful.filter((_, at) => known[at] !== undefined))
  partition.unclaim(amountOf([...stored]))
  return group.filter((envelope) => !stored.has(envelope))
}
