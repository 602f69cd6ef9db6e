/** The segments of one message as they come in, in any order, until there are enough of them. */
import { keccak_256 } from '@noble/hashes/sha3.js'
import type { Milliseconds } from '../../core/time.ts'
import { maxShards, restoredData } from './reed-solomon.ts'
import type { SegmentPlace } from './segment.ts'
import { maxWholeBytes, padded, parityCountFor } from './split.ts'

/**
 * Zeros at the end of a message that are looked for when its last segment was lost: parity restores that segment with
 * zeros up to the size of the others, and does not say how many of them are the message's own.
 */
const maxTrailingZeros = 4096

/** Why a segment does not go with those of its message that came before. */
export type Contradiction = 'other content' | 'other count' | 'other size' | 'too large'

/** What has become of a message: bytes when it is whole. */
export type AssemblyState = Uint8Array | 'incomplete' | 'hash differs'

interface Piece {
  readonly payload: Uint8Array
  /** The encoded segment: `payload` is a view of it. */
  readonly body: Uint8Array
}

export class Assembly {
  readonly firstAt: Milliseconds
  readonly #wholeHash: Uint8Array
  readonly #data = new Map<number, Piece>()
  readonly #parity = new Map<number, Piece>()
  /** How many data and parity segments there are, and the bytes of each but the last: 0 until one says so. */
  #dataCount = 0
  #parityCount = 0
  #size = 0
  #bytes = 0
  /** A restoration without the last segment is tried once: what it costs is not for a peer to multiply. */
  #triedWithoutLast = false

  constructor(wholeHash: Uint8Array, firstAt: Milliseconds) {
    this.#wholeHash = wholeHash
    this.firstAt = firstAt
  }

  /** Bytes of the segments held. */
  get bytes(): number {
    return this.#bytes
  }

  /** The encoded segments held. */
  *bodies(): Generator<Uint8Array> {
    for (const pieces of [this.#data, this.#parity]) for (const { body } of pieces.values()) yield body
  }

  /** Takes a segment: true when it is new, false when it is held, or why it cannot be of the same message. */
  add({ parity, index, count }: SegmentPlace, piece: Piece): boolean | Contradiction {
    const pieces = parity ? this.#parity : this.#data
    const held = pieces.get(index)
    if (held !== undefined) return Buffer.compare(held.payload, piece.payload) === 0 ? false : 'other content'
    const wrong = this.#countFault(parity, count) ?? this.#sizeFault(parity, index, count, piece.payload.length)
    if (wrong !== undefined) return wrong
    if (parity) this.#parityCount = count
    else this.#dataCount = count
    if (parity || index < count - 1) this.#size = piece.payload.length
    pieces.set(index, piece)
    this.#bytes += piece.body.length
    return true
  }

  #countFault(parity: boolean, count: number): Contradiction | undefined {
    const [own, other] = parity ? [this.#parityCount, this.#dataCount] : [this.#dataCount, this.#parityCount]
    if (own !== 0 && own !== count) return 'other count'
    if (other !== 0 && other + count > maxShards) return 'other count'
    if (other === 0) return undefined
    const [data, parities] = parity ? [other, count] : [count, other]
    // Above the rate of status-go's senders parity only costs work.
    return parities > parityCountFor(data) ? 'other count' : undefined
  }

  #sizeFault(parity: boolean, index: number, count: number, length: number): Contradiction | undefined {
    const isLast = !parity && index === count - 1
    if (isLast) return this.#size !== 0 && length > this.#size ? 'other size' : undefined
    const last = this.#data.get((parity ? this.#dataCount : count) - 1)
    if ((this.#size !== 0 && length !== this.#size) || (last !== undefined && last.payload.length > length))
      return 'other size'
    const least = ((parity ? this.#dataCount : count) - 1) * length
    return least >= maxWholeBytes || length > maxWholeBytes ? 'too large' : undefined
  }

  /** The message, once enough of it is here. */
  state(): AssemblyState {
    if (this.#dataCount === 0 || this.#data.size + this.#parity.size < this.#dataCount) return 'incomplete'
    if (this.#data.size === this.#dataCount) return this.#checked(this.#dataParts())
    const hasLast = this.#data.has(this.#dataCount - 1)
    if (!hasLast && this.#triedWithoutLast) return 'incomplete'
    const parts = restoredData(this.#shards(), this.#dataCount)
    if (hasLast) return this.#checked([...parts.slice(0, -1), this.#data.get(this.#dataCount - 1)!.payload])
    this.#triedWithoutLast = true
    return withoutPadding(parts, this.#wholeHash) ?? 'incomplete'
  }

  /** All data segments in order: called when all are here. */
  #dataParts(): Uint8Array[] {
    return Array.from({ length: this.#dataCount }, (_, index) => this.#data.get(index)!.payload)
  }

  #shards(): (Uint8Array | undefined)[] {
    const shards = new Array<Uint8Array | undefined>(this.#dataCount + this.#parityCount).fill(undefined)
    for (const [index, { payload }] of this.#data) shards[index] = padded(payload, this.#size)
    for (const [index, { payload }] of this.#parity) shards[this.#dataCount + index] = payload
    return shards
  }

  #checked(parts: readonly Uint8Array[]): AssemblyState {
    const whole = Buffer.concat(parts)
    return whole.length <= maxWholeBytes && Buffer.compare(keccak_256(whole), this.#wholeHash) === 0
      ? whole
      : 'hash differs'
  }
}

/** The message whose last part has zeros of the coding at its end: as many are taken off as its hash demands. */
function withoutPadding(parts: readonly Uint8Array[], wholeHash: Uint8Array): Uint8Array | undefined {
  const padded = Buffer.concat(parts)
  // The last part has at least one byte of its own.
  const least = padded.length - (parts.at(-1)?.length ?? 0) + 1
  const start = Math.max(least, padded.findLastIndex((byte) => byte !== 0) + 1)
  const hashed = keccak_256.create().update(padded.subarray(0, start))
  for (let end = start; end <= Math.min(padded.length, start + maxTrailingZeros); end += 1) {
    if (Buffer.compare(hashed.clone().digest(), wholeHash) === 0) return padded.subarray(0, end)
    hashed.update(zero)
  }
  return Buffer.compare(keccak_256(padded), wholeHash) === 0 ? padded : undefined
}

const zero = new Uint8Array(1)
