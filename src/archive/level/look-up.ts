/** Messages by their hashes: looked for in some partitions at once, each asked only for those that its filter does not deny. */
import type { MessageHash } from '../../core/hash.ts'
import type { Bounds, Row, Selection, Slice } from '../backend.ts'
import { overlapped } from '../overlapped.ts'
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

/** Partitions that are asked at once: each that is not open takes files and megabytes, and there may be hundreds. */
const atOnce = 8

/** The messages that have one of the hashes and meet the other criteria, in the direction of the walk. */
export async function lookUp(partitions: Partitions, inquiry: LookUp, bounds: Bounds): Promise<Slice> {
  const { selection, times } = inquiry
  const extent = new Extent(selection, bounds)
  const wanted: Found[] = []
  const finding = finderOf(partitions, inquiry)
  // Partitions do not overlap: what is found in one is before what is found in the next.
  for await (const found of overlapped(partitions.matching(selection, times), finding, atOnce)) {
    for (const one of found) {
      const step = extent.step(one.entry)
      if (step === 'over') break
      if (step === 'wanted') wanted.push(one)
    }
    if (extent.isOver) break
  }
  return extent.slice(await read(partitions, wanted, bounds))
}

/** What finds the entries of a partition, in the direction of the walk. */
function finderOf(partitions: Partitions, inquiry: LookUp): (partition: Partition) => Promise<Found[]> {
  const order = placeOrder(inquiry.selection.direction)
  const isWanted = criteria(inquiry)
  const unique = [...new Set(inquiry.hashes)]
  const words = unique.map((hash) => hashWord(hash))
  return async (partition) => {
    const likely = unique.filter((_, at) => partition.mayHaveWord(words[at]!))
    if (likely.length === 0) return []
    const entries = (await partitions.use(partition, ({ index }) => index.find(likely))) ?? []
    const wanted = entries.filter((entry) => entry !== undefined).filter(isWanted)
    return wanted.sort(order).map((entry) => ({ partition, entry }))
  }
}

/** Says of an entry whether it meets the criteria beside the hashes and the pubsub topic. */
function criteria({ selection: { contentTopics = [] }, range }: LookUp): (entry: Entry) => boolean {
  const ids = contentTopics.map((topic) => topicId(topic).content)
  const isOfTopic = (entry: Entry) => ids.length === 0 || ids.some((id) => contentOfEntry(entry).equals(id))
  return (entry) => contains(range, entry.subarray(0, placeBytes)) && isOfTopic(entry)
}

/** The rows of what was found, in its order. What was deleted meanwhile is not among them. */
async function read(partitions: Partitions, found: readonly Found[], { includeData }: Bounds): Promise<Row[]> {
  const rows: Row[] = []
  const groups = Map.groupBy(found, ({ partition }) => partition)
  const reading = async ([partition, group]: [Partition, Found[]]) => {
    const entries = group.map(({ entry }) => entry)
    return (await partitions.use(partition, (pair) => rowsOf(pair, entries, includeData))) ?? []
  }
  for await (const some of overlapped(groups, reading, atOnce)) rows.push(...some)
  return rows
}
