/** Reading: a selection becomes lanes or look-ups in each partition, these entries, and those a slice within its bounds. */
import type { Direction } from '../../core/query.ts'
import type { Bounds, Row, Selection, Slice } from '../backend.ts'
import {
  byContentTopic,
  byPubsubTopic,
  contentOfEntry,
  type Entry,
  isOfPubsubTopic,
  lengthOfEntry,
  numberOfEntry,
  topicId,
} from './entry.ts'
import type { EntryLane } from './lane.ts'
import { decodeRecord } from './layout.ts'
import { Merge } from './merge.ts'
import type { Pair } from './pair.ts'
import type { Moment } from './partition-index.ts'
import { contains, decodePlace, type PlaceRange, placeBytes } from './place.ts'
import type { Reading } from './sealed.ts'

/** What a partition is asked for. */
export interface Inquiry {
  readonly selection: Selection
  readonly range: PlaceRange
  /** The content topics of the selection that may be in it. */
  readonly contentTopics: readonly string[]
}

/** Walks through partitions, one after the other, and gathers what is wanted until the bounds say stop. */
export class Walk {
  readonly #bounds: Bounds
  readonly #pubsub: Buffer | undefined
  readonly #found: Row[] = []
  #bytes = 0
  #looked = 0
  #last: Entry | undefined
  #isOver = false

  constructor({ pubsubTopic }: Selection, bounds: Bounds) {
    this.#bounds = bounds
    this.#pubsub = pubsubTopic === undefined ? undefined : topicId(pubsubTopic).pubsub
  }

  /** True when the bounds have ended it. */
  get isOver(): boolean {
    return this.#isOver
  }

  get slice(): Slice {
    const rows = this.#found
    return this.#isOver ? { rows, stoppedAt: decodePlace(this.#last!) } : { rows }
  }

  /** Walks through one partition, as it is at one moment. */
  async through(pair: Pair, inquiry: Inquiry): Promise<void> {
    await using moment = pair.index.moment()
    const picked: Entry[] = []
    if (inquiry.selection.hashes?.length) {
      for (const entry of await byHashes(moment, inquiry)) if (!this.#take(entry, picked)) break
    } else {
      await this.#follow(lanesOf(moment, inquiry, this.#bounds), inquiry, picked)
    }
    this.#found.push(...(await this.#rowsOf(pair, picked)))
  }

  async #follow(lanes: readonly EntryLane[], { selection }: Inquiry, picked: Entry[]): Promise<void> {
    const merge = new Merge(lanes, placeOrder(selection.direction))
    try {
      for (;;) {
        if (merge.isDue) await merge.fill()
        const entry = merge.take()
        if (entry === undefined || !this.#take(entry, picked)) return
      }
    } finally {
      await Promise.all(lanes.map((lane) => lane.close()))
    }
  }

  /** Takes an entry, or ends the walk in front of it. */
  #take(entry: Entry, picked: Entry[]): boolean {
    const { messages, bytes, rows, includeData, expired } = this.#bounds
    const count = this.#found.length + picked.length
    const wanted = this.#pubsub === undefined || isOfPubsubTopic(entry, this.#pubsub)
    const size = includeData ? lengthOfEntry(entry) : 0
    const isFull = wanted && (count >= messages || this.#bytes + size > bytes)
    const isOver = this.#looked >= rows || (count > 0 && (isFull || expired()))
    if (isOver && this.#last !== undefined) {
      this.#isOver = true
      return false
    }
    if (wanted) {
      picked.push(entry)
      this.#bytes += size
    }
    this.#last = entry
    this.#looked += 1
    return true
  }

  async #rowsOf(pair: Pair, picked: readonly Entry[]): Promise<Row[]> {
    if (!this.#bounds.includeData || picked.length === 0) return picked.map(decodePlace)
    const records = await pair.read(picked.map(numberOfEntry))
    return picked.map((entry, index) => toRow(entry, records[index]))
  }
}

/** The messages of some hashes, in the order of the walk. */
async function byHashes(
  moment: Moment,
  { selection: { hashes = [], contentTopics: wantedTopics = [], direction }, contentTopics, range }: Inquiry,
): Promise<Entry[]> {
  const found = (await moment.find([...new Set(hashes)])).filter((entry) => entry !== undefined)
  const ids = contentTopics.map((topic) => topicId(topic).content)
  const isWanted = (entry: Entry) => wantedTopics.length === 0 || ids.some((id) => contentOfEntry(entry).equals(id))
  const inTime = found.filter((entry) => contains(range, entry.subarray(0, placeBytes)) && isWanted(entry))
  return inTime.sort(placeOrder(direction))
}

/** The lanes to merge: those of content topics or, without any, those of pubsub topics. */
function lanesOf(moment: Moment, { selection, contentTopics, range }: Inquiry, { messages }: Bounds): EntryLane[] {
  const { direction, pubsubTopic } = selection
  const isByContent = (selection.contentTopics?.length ?? 0) > 0
  const order = isByContent ? byContentTopic : byPubsubTopic
  const pubsubTopics = pubsubTopic === undefined ? moment.pubsubTopics : [topicId(pubsubTopic).pubsub]
  const ids = isByContent ? [...new Set(contentTopics)].map((topic) => topicId(topic).content) : pubsubTopics
  const reading: Reading = { direction, entries: laneEntries(messages, ids.length) }
  return ids.flatMap((id) => moment.lanes(order, id, range, reading))
}

/** Entries that a lane reads at first: the page and one further from one lane; of many lanes twice their share. */
function laneEntries(messages: number, lanes: number): number {
  return Math.min(messages + 1, Math.ceil((2 * messages) / Math.max(1, lanes)))
}

/** Compares entries by place. */
function placeOrder(direction: Direction): (a: Entry, b: Entry) => number {
  return direction === 'forward' ? Buffer.compare : (a, b) => Buffer.compare(b, a)
}

function toRow(entry: Entry, record: Buffer | undefined): Row {
  const data = record && decodeRecord(record)
  return data === undefined ? decodePlace(entry) : { ...decodePlace(entry), data }
}
