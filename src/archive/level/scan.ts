/** Reading: a selection becomes lanes in each partition, these entries, and those a slice within its bounds. */
import type { Direction } from '../../core/query.ts'
import type { Bounds, Row, Selection, Slice } from '../backend.ts'
import { byContentTopic, byPubsubTopic, type Entry, topicId } from './entry.ts'
import { Extent } from './extent.ts'
import type { EntryLane } from './lane.ts'
import { Merge } from './merge.ts'
import type { Pair } from './pair.ts'
import type { Moment } from './partition-index.ts'
import type { PlaceRange } from './place.ts'
import { placeOrder, rowsOf } from './rows.ts'
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
  readonly #extent: Extent
  readonly #found: Row[] = []

  constructor(selection: Selection, bounds: Bounds) {
    this.#bounds = bounds
    this.#extent = new Extent(selection, bounds)
  }

  /** True when the bounds have ended it. */
  get isOver(): boolean {
    return this.#extent.isOver
  }

  get slice(): Slice {
    return this.#extent.slice(this.#found)
  }

  /** Walks through one partition, as it is at one moment. */
  async through(pair: Pair, inquiry: Inquiry): Promise<void> {
    await using moment = pair.index.moment()
    const wanted = await this.#follow(lanesOf(moment, inquiry, this.#bounds), inquiry.selection.direction)
    this.#found.push(...(await rowsOf(pair, wanted, this.#bounds.includeData)))
  }

  /** What is wanted of some lanes. */
  async #follow(lanes: readonly EntryLane[], direction: Direction): Promise<Entry[]> {
    const merge = new Merge(lanes, placeOrder(direction))
    const wanted: Entry[] = []
    try {
      for (;;) {
        if (merge.isDue) await merge.fill()
        const entry = merge.take()
        const step = entry && this.#extent.step(entry)
        if (step === undefined || step === 'over') return wanted
        if (step === 'wanted') wanted.push(entry!)
      }
    } finally {
      await Promise.all(lanes.map((lane) => lane.close()))
    }
  }
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
