/** The stages of a put: which messages go where, which of them are new, their records, their rows in the index. */
import type { Envelope } from '../../core/envelope.ts'
import { amountOf } from '../backend.ts'
import { hashKey } from './layout.ts'
import type { Pair } from './pair.ts'
import type { Partition } from './partition.ts'
import type { Partitions } from './partitions.ts'

/** Messages of one put in one partition, of which the first is record `first`. */
export interface Part {
  readonly partition: Partition
  readonly envelopes: readonly Envelope[]
  readonly first: number
}

/** Writes the records of what is new to disk. Each partition of what it gives is retained. */
export async function append(partitions: Partitions, envelopes: readonly Envelope[]): Promise<Part[]> {
  const parts: Part[] = []
  const written = Array.from(await claim(partitions, envelopes), ([partition, group]) =>
    partitions.use(partition, async (pair) => {
      const fresh = await newOf(partition, pair, group)
      if (fresh.length === 0) return
      const first = await partition.append(pair, fresh)
      partition.retain()
      parts.push({ partition, envelopes: fresh, first })
    }),
  )
  await Promise.all(written)
  return parts
}

/** Makes what was appended visible. */
export async function enter(partitions: Partitions, parts: readonly Part[]): Promise<void> {
  for (const { partition, envelopes, first } of parts) {
    await partitions.use(partition, (pair) => partition.enter(pair, envelopes, first))
  }
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
  const known = await index.hasMany(doubtful.map(({ hash }) => hashKey(hash)))
  const stored = new Set(doubtful.filter((_, at) => known[at]))
  partition.unclaim(amountOf([...stored]))
  return group.filter((envelope) => !stored.has(envelope))
}
