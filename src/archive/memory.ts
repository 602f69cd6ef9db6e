/** An archive in memory, for tests and for nodes that keep nothing. Retention by count or size bounds it. */
import type { Envelope } from '../core/envelope.ts'
import type { MessageHash } from '../core/hash.ts'
import { type Clock, type Milliseconds, systemClock } from '../core/time.ts'
import {
  type Amount,
  amountOf,
  type Backend,
  type Bounds,
  cursorGrace,
  isSurplus,
  minus,
  nothing,
  type Place,
  type PruneLimits,
  plus,
  type Row,
  type Selection,
  type Slice,
  type Stat,
  storedBytes,
} from './backend.ts'

interface Entry extends Place {
  readonly envelope: Envelope
}

interface Grave {
  readonly place: Place
  readonly deletedAt: Milliseconds
}

export function openMemory({ clock = systemClock }: { readonly clock?: Clock } = {}): Backend {
  return new MemoryBackend(clock)
}

class MemoryBackend implements Backend {
  readonly #clock: Clock
  /** In the order of history. */
  readonly #entries: Entry[] = []
  readonly #byHash = new Map<MessageHash, Entry>()
  readonly #graves = new Map<MessageHash, Grave>()
  #held: Amount = nothing

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async put(envelopes: readonly Envelope[]): Promise<readonly Envelope[]> {
    const fresh = envelopes.filter(({ hash }) => !this.#byHash.has(hash))
    for (const envelope of fresh) this.#insert(envelope)
    this.#held = plus(this.#held, amountOf(fresh))
    return fresh
  }

  async locate(hash: MessageHash): Promise<Place | undefined> {
    return this.#byHash.get(hash) ?? this.#graves.get(hash)?.place
  }

  async scan(selection: Selection, bounds: Bounds): Promise<Slice> {
    const rows: Row[] = []
    let bytes = 0
    let looked = 0
    let last: Place | undefined
    for (const entry of this.#walk(selection)) {
      const wanted = matches(entry, selection)
      const isFull = wanted && (rows.length >= bounds.messages || bytes + entry.envelope.bytes.length > bounds.bytes)
      const isOver = looked >= bounds.rows || (rows.length > 0 && (isFull || bounds.expired()))
      if (isOver && last !== undefined) return { rows, stoppedAt: last }
      if (wanted) {
        rows.push(bounds.includeData ? withData(entry) : placeOf(entry))
        if (bounds.includeData) bytes += entry.envelope.bytes.length
      }
      last = placeOf(entry)
      looked += 1
    }
    return { rows }
  }

  async prune(limits: PruneLimits, most: number): Promise<Amount> {
    let left = this.#held
    let count = 0
    for (const { envelope, timestamp } of this.#entries) {
      const bytes = storedBytes(envelope.bytes.length)
      if (count >= most || !isSurplus(limits, left, timestamp, bytes)) break
      left = minus(left, { messages: 1, bytes })
      count += 1
    }
    for (const entry of this.#entries.splice(0, count)) this.#bury(entry)
    const pruned = minus(this.#held, left)
    this.#held = left
    return pruned
  }

  async reclaim(): Promise<void> {
    const forget = this.#clock() - cursorGrace
    for (const [hash, { deletedAt }] of this.#graves) if (deletedAt < forget) this.#graves.delete(hash)
  }

  async stat(): Promise<Stat> {
    const oldest = this.#entries[0]
    const newest = this.#entries.at(-1)
    return { ...this.#held, oldest: oldest && placeOf(oldest), newest: newest && placeOf(newest) }
  }

  async recover(): Promise<void> {}

  async close(): Promise<void> {}

  #insert(envelope: Envelope): void {
    // The archive takes no message without a timestamp.
    const entry: Entry = { timestamp: envelope.message.timestamp!, hash: envelope.hash, envelope }
    this.#entries.splice(this.#indexOf(entry), 0, entry)
    this.#byHash.set(entry.hash, entry)
  }

  #bury(entry: Entry): void {
    this.#byHash.delete(entry.hash)
    this.#graves.set(entry.hash, { place: placeOf(entry), deletedAt: this.#clock() })
  }

  *#walk({ start, end, after, direction }: Selection): Generator<Entry> {
    const step = direction === 'forward' ? 1 : -1
    const isBehind = (entry: Entry) => after === undefined || step * compare(entry, after) > 0
    for (let index = this.#first(start, end, after, direction); ; index += step) {
      const entry = this.#entries[index]
      if (entry === undefined) return
      if (start !== undefined && entry.timestamp < start && direction === 'backward') return
      if (end !== undefined && entry.timestamp > end && direction === 'forward') return
      const inTime = (start === undefined || entry.timestamp >= start) && (end === undefined || entry.timestamp <= end)
      if (inTime && isBehind(entry)) yield entry
    }
  }

  /** Where a walk starts, at the latest. */
  #first(start: bigint | undefined, end: bigint | undefined, after: Place | undefined, direction: string): number {
    if (direction === 'forward') {
      if (after !== undefined) return this.#indexOf(after)
      return start === undefined ? 0 : this.#indexOf({ timestamp: start, hash: '' })
    }
    if (after !== undefined) return Math.min(this.#indexOf(after), this.#entries.length - 1)
    return end === undefined ? this.#entries.length - 1 : this.#indexOf({ timestamp: end + 1n, hash: '' }) - 1
  }

  /** The index of the first entry at `place` or behind it. */
  #indexOf(place: Place): number {
    let low = 0
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compare(this.#entries[middle]!, place) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

function compare(a: Place, b: Place): number {
  if (a.timestamp !== b.timestamp) return a.timestamp < b.timestamp ? -1 : 1
  return a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : 0
}

function matches({ hash, envelope }: Entry, { pubsubTopic, contentTopics, hashes }: Selection): boolean {
  return (
    (pubsubTopic === undefined || envelope.pubsubTopic === pubsubTopic) &&
    (!contentTopics?.length || contentTopics.includes(envelope.message.contentTopic)) &&
    (!hashes?.length || hashes.includes(hash))
  )
}

function placeOf({ timestamp, hash }: Place): Place {
  return { timestamp, hash }
}

function withData({ timestamp, hash, envelope: { pubsubTopic, bytes } }: Entry): Row {
  return { timestamp, hash, data: { pubsubTopic, bytes } }
}
