/**
 * The records that others have put at us: bounded, each for a time, and of each peer the newest. Where there are too many
 * the one farthest from us goes: its peer has nodes that are closer. Pure but for its clock.
 */
import type { Clock, Milliseconds } from '../../../core/time.ts'
import { distance, type NodeId } from '../discv5/ids.ts'
import type { ExtensibleRecord } from './extensible-record.ts'
import { keyOfPeer, placeOf } from './ids.ts'
import { keptRecords, recordLife } from './limits.ts'

interface Kept {
  readonly sequence: bigint
  readonly envelope: Uint8Array
  readonly keptAt: Milliseconds
}

export interface KeptOptions {
  readonly self: NodeId
  readonly capacity?: number
  /** A monotonic clock. */
  readonly clock?: Clock
}

export class KeptRecords {
  readonly #self: NodeId
  readonly #capacity: number
  readonly #clock: Clock
  readonly #kept = new Map<NodeId, Kept>()

  constructor({ self, capacity = keptRecords, clock = () => performance.now() }: KeptOptions) {
    this.#self = self
    this.#capacity = capacity
    this.#clock = clock
  }

  get size(): number {
    this.#forgetExpired()
    return this.#kept.size
  }

  /** The envelope under a key. */
  get(key: Uint8Array): Uint8Array | undefined {
    const place = placeOf(key)
    const kept = this.#kept.get(place)
    if (kept === undefined || this.#clock() - kept.keptAt < recordLife) return kept?.envelope
    this.#kept.delete(place)
    return undefined
  }

  /** Takes a record whose signature was checked. False: a newer one is there, or others are closer to us. */
  put({ peerId, sequence }: ExtensibleRecord, envelope: Uint8Array): boolean {
    const place = placeOf(keyOfPeer(peerId))
    this.#forgetExpired()
    const known = this.#kept.get(place)
    if (known !== undefined && known.sequence > sequence) return false
    // The frame goes on to be somebody else's memory.
    this.#kept.set(place, { sequence, envelope: Uint8Array.from(envelope), keptAt: this.#clock() })
    if (this.#kept.size > this.#capacity) this.#forgetFarthest()
    return this.#kept.has(place)
  }

  #forgetExpired(): void {
    const since = this.#clock() - recordLife
    for (const [place, { keptAt }] of this.#kept) if (keptAt <= since) this.#kept.delete(place)
  }

  #forgetFarthest(): void {
    const farther = (one: NodeId, other: NodeId) =>
      distance(one, this.#self) > distance(other, this.#self) ? one : other
    this.#kept.delete([...this.#kept.keys()].reduce(farther))
  }
}
