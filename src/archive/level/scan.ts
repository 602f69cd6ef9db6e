/** Reading: a selection becomes lanes or look-ups in each partition, these candidates, and those a slice within its bounds. */
import type { Bounds, Row, Selection, Slice } from '../backend.ts'
import type { Database } from './database.ts'
import {
  type Candidate,
  DatabaseLane,
  type Decode,
  decodeContentRow,
  decodePubsubRow,
  placeOrder,
  type Reading,
  type Snapshot,
} from './lane.ts'
import {
  contentId,
  contentKey,
  contentLane,
  decodeRecord,
  decodeRow,
  hashKey,
  placeOfHash,
  pubsubId,
  pubsubIdOfRow,
  pubsubLane,
} from './layout.ts'
import { Merge } from './merge.ts'
import type { Pair } from './pair.ts'
import { contains, decodePlace, type KeyRange, type PlaceRange } from './place.ts'

/** Rows that a lane reads at first at the least. */
const minLaneRows = 4

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
  #last: Buffer | undefined
  #isOver = false

  constructor({ pubsubTopic }: Selection, bounds: Bounds) {
    this.#bounds = bounds
    this.#pubsub = pubsubTopic === undefined ? undefined : pubsubId(pubsubTopic)
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
    await using snapshot = pair.index.snapshot()
    const picked: Candidate[] = []
    if (inquiry.selection.hashes?.length) {
      for (const candidate of await byHash(pair.index, snapshot, inquiry)) if (!this.#take(candidate, picked)) break
    } else {
      await this.#follow(lanesOf(pair, snapshot, inquiry, this.#bounds), inquiry, picked)
    }
    this.#found.push(...(await this.#rowsOf(pair, picked)))
  }

  async #follow(lanes: readonly DatabaseLane[], { selection }: Inquiry, picked: Candidate[]): Promise<void> {
    const merge = new Merge(lanes, placeOrder(selection.direction))
    try {
      for (;;) {
        if (merge.isDue) await merge.fill()
        const candidate = merge.take()
        if (candidate === undefined || !this.#take(candidate, picked)) return
      }
    } finally {
      await Promise.all(lanes.map((lane) => lane.close()))
    }
  }

  /** Takes a candidate, or ends the walk in front of it. */
  #take(candidate: Candidate, picked: Candidate[]): boolean {
    const { messages, bytes, rows, includeData, expired } = this.#bounds
    const count = this.#found.length + picked.length
    const wanted = this.#pubsub === undefined || this.#pubsub.equals(candidate.pubsub)
    const size = includeData ? candidate.bytes : 0
    const isFull = wanted && (count >= messages || this.#bytes + size > bytes)
    const isOver = this.#looked >= rows || (count > 0 && (isFull || expired()))
    if (isOver && this.#last !== undefined) {
      this.#isOver = true
      return false
    }
    if (wanted) {
      picked.push(candidate)
      this.#bytes += size
    }
    this.#last = candidate.place
    this.#looked += 1
    return true
  }

  async #rowsOf(pair: Pair, picked: readonly Candidate[]): Promise<Row[]> {
    if (!this.#bounds.includeData || picked.length === 0) return picked.map(({ place }) => decodePlace(place))
    const records = await pair.read(picked.map(({ number }) => number))
    return picked.map(({ place }, index) => toRow(place, records[index]))
  }
}

/** The messages of some hashes, in the order of the walk. */
async function byHash(
  index: Database,
  snapshot: Snapshot,
  { selection: { hashes = [], contentTopics = [], direction }, range }: Inquiry,
): Promise<Candidate[]> {
  const wanted = [...new Set(hashes)]
  const rows = await index.getMany(wanted.map(hashKey), { snapshot })
  const found = wanted.flatMap((hash, at): Candidate[] => {
    const row = rows[at]
    const place = placeOfHash(row, hash)
    return place === undefined ? [] : [{ place, pubsub: pubsubIdOfRow(row!), ...decodeRow(row!) }]
  })
  const inTime = found.filter(({ place }) => contains(range, place)).sort(placeOrder(direction))
  return contentTopics.length === 0 ? inTime : await about(index, snapshot, inTime, contentTopics)
}

/** Those of `candidates` that are of one of some content topics. */
async function about(
  index: Database,
  snapshot: Snapshot,
  candidates: readonly Candidate[],
  contentTopics: readonly string[],
): Promise<Candidate[]> {
  const ids = contentTopics.map(contentId)
  const keys = candidates.flatMap(({ place }) => ids.map((id) => contentKey(id, place)))
  const present = await index.hasMany(keys, { snapshot })
  return candidates.filter((_, at) => present.slice(at * ids.length, (at + 1) * ids.length).includes(true))
}

/** The lanes to merge: those of content topics or, without any, those of pubsub topics. */
function lanesOf(pair: Pair, snapshot: Snapshot, inquiry: Inquiry, { messages }: Bounds): DatabaseLane[] {
  const { ranges, decode } = inquiry.selection.contentTopics?.length
    ? byContentTopic(inquiry)
    : byPubsubTopic(pair, inquiry)
  const reading: Reading = {
    direction: inquiry.selection.direction,
    snapshot,
    rows: laneRows(messages, ranges.length),
  }
  return ranges.map((range) => new DatabaseLane(pair.index, range, decode, reading))
}

interface Ranges {
  readonly ranges: readonly KeyRange[]
  readonly decode: Decode
}

function byContentTopic({ contentTopics, range }: Inquiry): Ranges {
  const ranges = [...new Set(contentTopics)].map((topic) => contentLane(contentId(topic), range))
  return { ranges, decode: decodeContentRow }
}

function byPubsubTopic({ pubsubTopics }: Pair, { selection: { pubsubTopic }, range }: Inquiry): Ranges {
  const ids = pubsubTopic === undefined ? [...pubsubTopics.values()] : [pubsubId(pubsubTopic)]
  return { ranges: ids.map((id) => pubsubLane(id, range)), decode: decodePubsubRow }
}

/** Rows that a lane reads at first: the page and one further from one lane; of many lanes twice their share. */
function laneRows(messages: number, lanes: number): number {
  return Math.min(messages + 1, Math.max(minLaneRows, Math.ceil((2 * messages) / Math.max(1, lanes))))
}

function toRow(place: Buffer, record: Buffer | undefined): Row {
  const data = record && decodeRecord(record)
  return data === undefined ? decodePlace(place) : { ...decodePlace(place), data }
}
