/**
 * The messages of one pubsub topic in the order of history, of each its time, its hash and a tag of its content topic:
 * 48 bytes in blocks of flat memory. The fingerprint of any range (the XOR of its hashes) costs two parts of a block and
 * the sums of the blocks between; a message that comes in order is appended.
 */
import { hashBytes } from '../../core/hash.ts'
import type { Nanoseconds } from '../../core/time.ts'
import { compareIds, type SyncId } from './codec.ts'

/** Messages of a block: what an insertion moves, and what the edge of a range adds up one by one. */
const blockMessages = 256

const hashWords = hashBytes / 4

/** From one place to another: inclusive, exclusive. */
export interface Span {
  readonly from: SyncId
  readonly to: SyncId
}

/** Which messages count, by their content topic's tag; undefined: all. */
export type Wanted = ReadonlySet<bigint> | undefined

/** XOR of hashes, as eight words in the byte order of this machine. */
export type Sum = Uint32Array

export function emptySum(): Sum {
  return new Uint32Array(hashWords)
}

/** A sum as the bytes of a fingerprint. */
export function sumBytes(sum: Sum): Uint8Array {
  return new Uint8Array(sum.buffer, sum.byteOffset, hashBytes)
}

export class Timeline {
  readonly #blocks: Block[] = []
  readonly #totals = new Totals()
  #size = 0

  get size(): number {
    return this.#size
  }

  get firstTime(): Nanoseconds | undefined {
    return this.#blocks[0]?.times[0]
  }

  /** Adds a message; false when it is there already. */
  add(id: SyncId, tag: bigint): boolean {
    const index = this.#blockOf(id)
    const block = this.#blocks[index] ?? this.#append()
    const place = block.lowerBound(id)
    if (block.isAt(place, id)) return false
    this.#roomIn(block, index, place).insert(id, tag)
    this.#totals.changed(index)
    this.#size += 1
    return true
  }

  /** Messages in `span`, whatever their tags. */
  count({ from, to }: Span): number {
    return Math.max(0, this.#rank(to) - this.#rank(from))
  }

  /** Adds the hashes in `span` to `sum`. */
  addTo(sum: Sum, { from, to }: Span, wanted: Wanted): void {
    if (wanted !== undefined) {
      for (const [block, first, last] of this.#parts({ from, to })) block.addTo(sum, first, last, wanted)
    } else if (compareIds(from, to) < 0) {
      // What stands before both is taken back by the second.
      this.#addBefore(sum, to)
      this.#addBefore(sum, from)
    }
  }

  /** The messages in `span`, in order. Views, good until the next change. */
  *ids(span: Span, wanted: Wanted): Generator<SyncId> {
    for (const [block, from, to] of this.#parts(span))
      for (let place = from; place < to; place += 1) if (block.isWanted(place, wanted)) yield block.id(place)
  }

  /** The time of the message that stands `offset` messages after the start of `span`, if that is within it. */
  timeAt({ from, to }: Span, offset: number): Nanoseconds | undefined {
    const rank = this.#rank(from) + offset
    if (rank >= this.#rank(to)) return undefined
    const index = this.#totals.blockAt(rank)
    return this.#blocks[index]?.times[rank - this.#totals.before(this.#blocks, index)]
  }

  /** Forgets the messages before `time`. */
  dropBefore(time: Nanoseconds): void {
    const whole = this.#blocks.findIndex((block) => block.lastTime >= time)
    for (const block of this.#blocks.splice(0, whole === -1 ? this.#blocks.length : whole)) this.#size -= block.length
    const [first] = this.#blocks
    if (first !== undefined) this.#size -= first.dropBefore(time)
    this.#totals.changed(0)
  }

  /** The first block whose last message is not before `id`; at the end of history the last one. */
  #blockOf(id: SyncId): number {
    let low = 0
    let high = this.#blocks.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#blocks[middle]!.endsBefore(id)) low = middle + 1
      else high = middle
    }
    return Math.max(0, low)
  }

  #append(): Block {
    const block = new Block()
    this.#blocks.push(block)
    return block
  }

  /** The block into which the message that belongs at `place` of `block` goes, once there is room. */
  #roomIn(block: Block, index: number, place: number): Block {
    if (block.length < blockMessages) return block
    // History grows at its end: there a full block is left full.
    const cut = place === block.length ? place : blockMessages / 2
    const rest = block.split(cut)
    this.#blocks.splice(index + 1, 0, rest)
    return place > cut || place === blockMessages ? rest : block
  }

  /** How many messages stand before `id`. */
  #rank(id: SyncId): number {
    const index = this.#blockOf(id)
    const block = this.#blocks[index]
    return block === undefined ? 0 : this.#totals.before(this.#blocks, index) + block.lowerBound(id)
  }

  #addBefore(sum: Sum, id: SyncId): void {
    const index = this.#blockOf(id)
    const block = this.#blocks[index]
    if (block === undefined) return
    this.#totals.addBefore(sum, this.#blocks, index)
    block.addTo(sum, 0, block.lowerBound(id), undefined)
  }

  /** The parts of blocks that `span` covers: block, first place, place behind the last. */
  *#parts({ from, to }: Span): Generator<readonly [Block, number, number]> {
    for (let index = this.#blockOf(from); index < this.#blocks.length; index += 1) {
      const block = this.#blocks[index]!
      const first = block.lowerBound(from)
      const last = block.endsBefore(to) ? block.length : block.lowerBound(to)
      if (first < last) yield [block, first, last]
      if (last < block.length) return
    }
  }
}

/** What stands before each block: how many messages, and the XOR of their hashes. Kept up from the first change on. */
class Totals {
  #counts = new Uint32Array(64)
  #sums = new Uint32Array(64 * hashWords)
  /** Up to this block the totals hold. */
  #valid = 0
  #blocks = 1

  /** Says that messages of `block`, or of those behind it, have changed. */
  changed(block: number): void {
    this.#valid = Math.min(this.#valid, block)
  }

  before(blocks: readonly Block[], index: number): number {
    this.#keepUp(blocks)
    return this.#counts[index]!
  }

  addBefore(sum: Sum, blocks: readonly Block[], index: number): void {
    this.#keepUp(blocks)
    addWords(sum, this.#sums, index * hashWords)
  }

  /** The block in which the message stands that so many are before. To be asked after `before`. */
  blockAt(rank: number): number {
    let low = 0
    let high = this.#blocks - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#counts[middle]! <= rank) low = middle
      else high = middle - 1
    }
    return low
  }

  #keepUp(blocks: readonly Block[]): void {
    this.#blocks = blocks.length
    if (this.#counts.length < blocks.length) this.#grow(blocks.length * 2)
    for (; this.#valid < blocks.length - 1; this.#valid += 1) {
      const [index, next] = [this.#valid, this.#valid + 1]
      const block = blocks[index]!
      this.#counts[next] = this.#counts[index]! + block.length
      this.#sums.copyWithin(next * hashWords, index * hashWords, next * hashWords)
      block.addTo(this.#sums.subarray(next * hashWords), 0, block.length, undefined)
    }
  }

  #grow(blocks: number): void {
    const [counts, sums] = [this.#counts, this.#sums]
    this.#counts = new Uint32Array(blocks)
    this.#sums = new Uint32Array(blocks * hashWords)
    this.#counts.set(counts)
    this.#sums.set(sums)
  }
}

class Block {
  readonly times = new BigInt64Array(blockMessages)
  readonly #tags = new BigUint64Array(blockMessages)
  readonly #words = new Uint32Array(blockMessages * hashWords)
  readonly #hashes = new Uint8Array(this.#words.buffer)
  readonly #sum = emptySum()
  length = 0

  get lastTime(): Nanoseconds {
    return this.times[this.length - 1]!
  }

  /** True when all messages stand before `id`. */
  endsBefore(id: SyncId): boolean {
    return this.length === 0 || this.#compare(this.length - 1, id) < 0
  }

  /** The first place whose message does not stand before `id`. */
  lowerBound(id: SyncId): number {
    let low = 0
    let high = this.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#compare(middle, id) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  isAt(place: number, id: SyncId): boolean {
    return place < this.length && this.#compare(place, id) === 0
  }

  id(place: number): SyncId {
    return { time: this.times[place]!, hash: this.#hash(place) }
  }

  isWanted(place: number, wanted: Wanted): boolean {
    return wanted === undefined || wanted.has(this.#tags[place]!)
  }

  addTo(sum: Sum, from: number, to: number, wanted: Wanted): void {
    if (wanted === undefined && from === 0 && to === this.length) addWords(sum, this.#sum, 0)
    else
      for (let place = from; place < to; place += 1)
        if (this.isWanted(place, wanted)) addWords(sum, this.#words, place * hashWords)
  }

  /** Puts a message where it belongs; there is room. */
  insert(id: SyncId, tag: bigint): void {
    const place = this.lowerBound(id)
    this.#move(place + 1, place, this.length)
    this.times[place] = id.time
    this.#tags[place] = tag
    this.#hashes.set(id.hash, place * hashBytes)
    addWords(this.#sum, this.#words, place * hashWords)
    this.length += 1
  }

  /** Cuts off what stands from `place` on, as a block of its own. */
  split(place: number): Block {
    const rest = new Block()
    rest.times.set(this.times.subarray(place, this.length))
    rest.#tags.set(this.#tags.subarray(place, this.length))
    rest.#hashes.set(this.#hashes.subarray(place * hashBytes, this.length * hashBytes))
    rest.#cut(this.length - place)
    this.#cut(place)
    return rest
  }

  /** Forgets the messages before `time`, and says how many those were. */
  dropBefore(time: Nanoseconds): number {
    const gone = this.times.subarray(0, this.length).findIndex((one) => one >= time)
    if (gone <= 0) return 0
    this.#move(0, gone, this.length)
    this.#cut(this.length - gone)
    return gone
  }

  #move(target: number, from: number, to: number): void {
    this.times.copyWithin(target, from, to)
    this.#tags.copyWithin(target, from, to)
    this.#hashes.copyWithin(target * hashBytes, from * hashBytes, to * hashBytes)
  }

  #cut(length: number): void {
    this.length = length
    this.#sum.fill(0)
    for (let place = 0; place < length; place += 1) addWords(this.#sum, this.#words, place * hashWords)
  }

  #hash(place: number): Uint8Array {
    return this.#hashes.subarray(place * hashBytes, (place + 1) * hashBytes)
  }

  #compare(place: number, { time, hash }: SyncId): number {
    const own = this.times[place]!
    if (own !== time) return own < time ? -1 : 1
    return Buffer.compare(this.#hash(place), hash)
  }
}

function addWords(sum: Sum, words: Uint32Array, offset: number): void {
  for (let word = 0; word < hashWords; word += 1) sum[word]! ^= words[offset + word]!
}
