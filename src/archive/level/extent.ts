/** How far a walk has come, entry by entry, and whether its bounds let it go on. Pure. */
import type { Bounds, Row, Selection, Slice } from '../backend.ts'
import { type Entry, isOfPubsubTopic, lengthOfEntry, topicId } from './entry.ts'
import { decodePlace } from './place.ts'

/** What becomes of an entry: it is wanted, it is of another pubsub topic, or the walk ends in front of it. */
export type Step = 'wanted' | 'passed' | 'over'

export class Extent {
  readonly #bounds: Bounds
  readonly #pubsub: Buffer | undefined
  #wanted = 0
  #bytes = 0
  #looked = 0
  #last: Entry | undefined
  #isOver = false

  constructor({ pubsubTopic }: Selection, bounds: Bounds) {
    this.#bounds = bounds
    this.#pubsub = pubsubTopic === undefined ? undefined : topicId(pubsubTopic).pubsub
  }

  /** True when the bounds have ended the walk. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Goes on to an entry, or ends in front of it. */
  step(entry: Entry): Step {
    const { messages, bytes, rows, includeData, expired } = this.#bounds
    const isWanted = this.#pubsub === undefined || isOfPubsubTopic(entry, this.#pubsub)
    const size = includeData ? lengthOfEntry(entry) : 0
    const isFull = isWanted && (this.#wanted >= messages || this.#bytes + size > bytes)
    this.#isOver = this.#last !== undefined && (this.#looked >= rows || (this.#wanted > 0 && (isFull || expired())))
    if (this.#isOver) return 'over'
    this.#last = entry
    this.#looked += 1
    if (!isWanted) return 'passed'
    this.#wanted += 1
    this.#bytes += size
    return 'wanted'
  }

  /** The slice of what was wanted. */
  slice(rows: readonly Row[]): Slice {
    return this.#isOver ? { rows, stoppedAt: decodePlace(this.#last!) } : { rows }
  }
}
