/** Messages by their hashes: looked for in all partitions at once, each asked only for those that its filter does not deny. */
import type { MessageHash } from '../../core/hash.ts'
import type { Bounds, Row, Selection, Slice } from '../backend.ts'
import { contentOfEntry, type Entry, topicId } from './entry.ts'
import { Extent } from './extent.ts'
import { hashWord } from './filter.ts'
import type { Partition } from './partition.ts'
import type { Partitions } from './partitions.ts'
import { contains, type PlaceRange, placeBytes, type TimeRange } from './place.ts'
import { placeOrder, rowsOf } from './rows.ts'

/** What is asked for, and where it can lie. */
export interface LookUp {
  readonly selection: Selection
  readonly hashes: readonly MessageHash[]
  readonly range: PlaceRange
  readonly times: TimeRange
}

interface Found {
  readonly partition: Partition
  readonly entry: Entry
}

/** The messages that have one of the hashes and meet the other criteria, in the direction of the walk. */
export async function lookUp(partitions: Partitions, inquiry: LookUp, bounds: Bounds): Promise<Slice> {
  const { selection } = inquiry
  const order = placeOrder(selection.direction)
  const found = await find(partitions, inquiry)
  const extent = new Extent(selection, bounds)
  const wanted: Found[] = []
  for (const candidate of found.sort((a, b) => order(a.entry, b.entry))) {
    const step = extent.step(candidate.entry)
    if (step === 'over') break
    if (step === 'wanted') wanted.push(candidate)
  }
  return extent.slice(await read(partitions, wanted, bounds))
}

async function find(partitions: Partitions, inquiry: LookUp): Promise<Found[]> {
  const { selection, hashes, times } = inquiry
  const isWanted = criteria(inquiry)
  const unique = [...new Set(hashes)]
  const words = unique.map((hash) => hashWord(hash))
  const found = partitions.matching(selection, times).map(async (partition): Promise<Found[]> => {
    const likely = unique.filter((_, at) => partition.mayHaveWord(words[at]!))
    if (likely.length === 0) return []
    const entries = (await partitions.use(partition, ({ index }) => index.find(likely))) ?? []
    return entries.flatMap((entry) => (entry !== undefined && isWanted(entry) ? { partition, entry } : []))
  })
  return (await Promise.all(found)).flat()
}

/** Says of an entry whether it meets the criteria beside the hashes and the pubsub topic. */
function criteria({ selection: { contentTopics = [] }, range }: LookUp): (entry: Entry) => boolean {
  const ids = contentTopics.map((topic) => topicId(topic).content)
  const isOfTopic = (entry: Entry) => ids.length === 0 || ids.some((id) => contentOfEntry(entry).equals(id))
  return (entry) => contains(range, entry.subarray(0, placeBytes)) && isOfTopic(entry)
}

/** The rows of what was found, in its order. What was deleted meanwhile is not among them. */
async function read(partitions: Partitions, found: readonly Found[], { includeData }: Bounds): Promise<Row[]> {
  const rows = new Map<Found, Row>()
  const groups = Map.groupBy(found, ({ partition }) => partition)
  await Promise.all(
    Array.from(groups, ([partition, group]) =>
      partitions.use(partition, async (pair) => {
        const entries = group.map(({ entry }) => entry)
        for (const [at, row] of (await rowsOf(pair, entries, includeData)).entries()) rows.set(group[at]!, row)
      }),
    ),
  )
  return found.flatMap((one) => rows.get(one) ?? [])
}
