/**
 * Which messages of the synced window this store has: the memory of it that reconciliation asks, a timeline for each
 * pubsub topic. It holds what the archive has stored, and never more than `maxSyncedMessages`.
 */
import { hash as digest } from 'node:crypto'
import type { Envelope } from '../../core/envelope.ts'
import { hashToBytes } from '../../core/hash.ts'
import type { Nanoseconds } from '../../core/time.ts'
import { compareIds, type SyncId, zeroHash } from './codec.ts'
import { maxSyncedMessages } from './limits.ts'
import { emptySum, type Span, sumBytes, Timeline, type Wanted } from './timeline.ts'

/** Which messages a session is about. */
export interface Scope {
  /** Empty: of all pubsub topics. */
  readonly pubsubTopics: readonly string[]
  /** Empty: of all content topics. */
  readonly contentTopics: readonly string[]
}

export class SyncIndex {
  readonly #timelines = new Map<string, Timeline>()
  readonly #most: number
  #size = 0
  #floor: Nanoseconds = 0n

  /** `most`: messages at the most; above it the window becomes shorter. */
  constructor(most: number = maxSyncedMessages) {
    this.#most = most
  }

  get size(): number {
    return this.#size
  }

  /** Nothing before this time is known any more. */
  get floor(): Nanoseconds {
    return this.#floor
  }

  /** Notes a message that is stored. One without a timestamp, or from before the floor, is passed over. */
  add({ pubsubTopic, message: { timestamp, contentTopic }, hash }: Envelope): void {
    if (timestamp === undefined || timestamp < this.#floor) return
    const timeline = this.#timelines.get(pubsubTopic) ?? this.#open(pubsubTopic)
    if (timeline.add({ time: timestamp, hash: hashToBytes(hash) }, tagOf(contentTopic))) this.#size += 1
    if (this.#size > this.#most) this.#shorten()
  }

  /** Forgets what stands before `time`, for good. */
  dropBefore(time: Nanoseconds): void {
    if (time <= this.#floor) return
    this.#floor = time
    this.#size = 0
    for (const [topic, timeline] of this.#timelines) {
      timeline.dropBefore(time)
      this.#size += timeline.size
      if (timeline.size === 0) this.#timelines.delete(topic)
    }
  }

  /** The index as a session with `scope` sees it. */
  view({ pubsubTopics, contentTopics }: Scope): SyncView {
    const topics = pubsubTopics.length === 0 ? [...this.#timelines.keys()] : new Set(pubsubTopics)
    const timelines = [...topics].map((topic) => this.#timelines.get(topic)).filter((one) => one !== undefined)
    return new SyncView(timelines, contentTopics.length === 0 ? undefined : new Set(contentTopics.map(tagOf)))
  }

  #open(pubsubTopic: string): Timeline {
    const timeline = new Timeline()
    this.#timelines.set(pubsubTopic, timeline)
    return timeline
  }

  /** Moves the floor up by a tenth of what the index spans. */
  #shorten(): void {
    const all = this.view({ pubsubTopics: [], contentTopics: [] })
    const whole: Span = { from: { time: this.#floor, hash: zeroHash }, to: { time: 2n ** 63n - 1n, hash: zeroHash } }
    const first = all.timeAt(whole, Math.ceil(this.#most / 10))
    if (first !== undefined) this.dropBefore(first + 1n)
  }
}

/** What reconciliation asks of the messages in a scope. */
export class SyncView {
  readonly #timelines: readonly Timeline[]
  readonly #wanted: Wanted

  constructor(timelines: readonly Timeline[], wanted: Wanted) {
    this.#timelines = timelines
    this.#wanted = wanted
  }

  /** XOR of the hashes in `span`. */
  fingerprint(span: Span): Uint8Array {
    const sum = emptySum()
    for (const timeline of this.#timelines) timeline.addTo(sum, span, this.#wanted)
    return sumBytes(sum)
  }

  /** Messages in `span`, those of content topics outside of the scope included. */
  count(span: Span): number {
    return this.#timelines.reduce((count, timeline) => count + timeline.count(span), 0)
  }

  /** The first `most` messages in `span`, in order, in memory of their own. */
  ids(span: Span, most: number): SyncId[] {
    const ids = this.#timelines.flatMap((timeline) => [...timeline.ids(span, this.#wanted).take(most)])
    if (this.#timelines.length > 1) ids.sort(compareIds)
    return ids.slice(0, most).map(({ time, hash }) => ({ time, hash: hash.slice() }))
  }

  /** A time about `offset` messages after the start of `span`: that of the timeline which has most of them. */
  timeAt(span: Span, offset: number): Nanoseconds | undefined {
    const all = this.count(span)
    const [largest] = this.#timelines.toSorted((a, b) => b.count(span) - a.count(span))
    return largest?.timeAt(span, Math.floor((offset * largest.count(span)) / all))
  }
}

/** Stands for a content topic: 64 bits of its digest. */
function tagOf(contentTopic: string): bigint {
  return digest('sha256', contentTopic, 'buffer').readBigUInt64BE()
}
