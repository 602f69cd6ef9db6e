/**
 * Puts messages together from their segments, for many senders at once, within bounds of bytes, number and time.
 *
 * A message is known by its sender and its hash: what one peer claims of a hash says nothing of another's. Nothing here
 * is written down: `kept()` hands out what is held, so that a caller can store it and `accept` it again after a restart.
 */

import { RecentSet } from '../../core/recent-set.ts'
import { type Clock, type Milliseconds, systemClock } from '../../core/time.ts'
import { Assembly, type Contradiction } from './assembly.ts'
import { isSegment, placeOf, type SegmentFault, segmentMessage } from './segment.ts'

const mebibyte = 1024 * 1024

export interface ReassemblyLimits {
  /** Bytes of segments held of one sender, and in all. Two of the largest messages; those of four such senders. */
  readonly senderBytes: number
  readonly bytes: number
  /** Unfinished messages of one sender, and in all. */
  readonly senderMessages: number
  readonly messages: number
  /** How long a message may stay unfinished. status-go drops segments after a month. */
  readonly lifetime: Milliseconds
  /** Finished messages remembered, whose late segments are passed over. */
  readonly finished: number
}

const reassemblyLimits: ReassemblyLimits = {
  senderBytes: 20 * mebibyte,
  bytes: 80 * mebibyte,
  senderMessages: 32,
  messages: 1024,
  lifetime: 30 * 24 * 60 * 60 * 1000,
  finished: 4096,
}

/** What came of a body. Of what is refused nothing is kept. */
export type SegmentVerdict =
  | { readonly kind: 'not a segment' }
  | { readonly kind: 'kept' }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'whole'; readonly payload: Uint8Array }
  | { readonly kind: 'refused'; readonly reason: SegmentFault | Contradiction | 'hash differs' | 'no room' }

/** A segment that waits for others. */
export interface KeptSegment {
  readonly sender: string
  readonly receivedAt: Milliseconds
  readonly body: Uint8Array
}

/** What a sender has here. */
interface Holding {
  readonly bytes: number
  readonly messages: number
}

interface Unfinished {
  readonly sender: string
  readonly assembly: Assembly
}

export interface ReassemblerOptions {
  readonly limits?: Partial<ReassemblyLimits>
  /** Whether a sender is one whom we know: strangers, who make up keys as they like, make room before such. */
  isKnown?(sender: string): boolean
  readonly clock?: Clock
}

export class Reassembler {
  readonly #limits: ReassemblyLimits
  readonly #clock: Clock
  readonly #isKnown: (sender: string) => boolean
  /** By sender and hash, the oldest first. */
  readonly #unfinished = new Map<string, Unfinished>()
  readonly #finished: RecentSet<string>
  #bytes = 0

  constructor({ limits, clock = systemClock, isKnown = () => false }: ReassemblerOptions = {}) {
    this.#limits = { ...reassemblyLimits, ...limits }
    this.#clock = clock
    this.#isKnown = isKnown
    this.#finished = new RecentSet({ lifetime: this.#limits.lifetime, most: this.#limits.finished, clock })
  }

  /** Bytes of segments held. */
  get bytes(): number {
    return this.#bytes
  }

  /** Messages that wait for segments. */
  get unfinished(): number {
    return this.#unfinished.size
  }

  /** What waits for more segments, the oldest message first. */
  *kept(): Generator<KeptSegment> {
    for (const { sender, assembly } of this.#unfinished.values())
      for (const body of assembly.bodies()) yield { sender, receivedAt: assembly.firstAt, body }
  }

  /** Takes what a sender, known by his signature, has sent. `body` is kept: it must not change afterwards. */
  accept(sender: string, body: Uint8Array, receivedAt: Milliseconds = this.#clock()): SegmentVerdict {
    this.#dropOld()
    const segment = segmentMessage.parse(body)
    if (segment === undefined || !isSegment(segment)) return { kind: 'not a segment' }
    const place = placeOf(segment)
    if (typeof place === 'string') return { kind: 'refused', reason: place }
    const id = `${sender} ${Buffer.from(segment.wholeHash).toString('hex')}`
    if (this.#finished.has(id)) return { kind: 'duplicate' }
    const held = this.#unfinished.get(id)
    const assembly = held?.assembly ?? new Assembly(segment.wholeHash, receivedAt)
    const added = assembly.add(place, { payload: segment.payload, body })
    if (typeof added === 'string') return { kind: 'refused', reason: added }
    if (!added) return { kind: 'duplicate' }
    this.#bytes += body.length
    this.#unfinished.set(id, held ?? { sender, assembly })
    return this.#settle(id, assembly) ?? this.#makeRoom(id, sender)
  }

  /** Ends a message that is whole, or was never to be. */
  #settle(id: string, assembly: Assembly): SegmentVerdict | undefined {
    const state = assembly.state()
    if (state === 'incomplete') return undefined
    this.#drop(id)
    this.#finished.add(id)
    return state === 'hash differs' ? { kind: 'refused', reason: state } : { kind: 'whole', payload: state }
  }

  /** Drops the oldest until all is within bounds: of the sender first, then of the stranger who holds the most. */
  #makeRoom(id: string, sender: string): SegmentVerdict {
    const { senderBytes, senderMessages, bytes, messages } = this.#limits
    while (this.#isOver(sender, senderBytes, senderMessages)) this.#dropOldestOf(sender)
    while (this.#bytes > bytes) this.#dropOldestOf(this.#greediest('bytes'))
    while (this.#unfinished.size > messages) this.#dropOldestOf(this.#greediest('messages'))
    return this.#unfinished.has(id) ? { kind: 'kept' } : { kind: 'refused', reason: 'no room' }
  }

  #isOver(sender: string, bytes: number, messages: number): boolean {
    const held = this.#holdings().get(sender)
    return held !== undefined && (held.bytes > bytes || held.messages > messages)
  }

  #holdings(): Map<string, Holding> {
    const holdings = new Map<string, Holding>()
    for (const { sender, assembly } of this.#unfinished.values()) {
      const { bytes, messages } = holdings.get(sender) ?? { bytes: 0, messages: 0 }
      holdings.set(sender, { bytes: bytes + assembly.bytes, messages: messages + 1 })
    }
    return holdings
  }

  /** Who holds the most of what is short, a stranger where there is one; of equals, whose message is the oldest. */
  #greediest(of: keyof Holding): string {
    const holdings = [...this.#holdings()]
    const strangers = holdings.filter(([sender]) => !this.#isKnown(sender))
    const [most] = (strangers.length > 0 ? strangers : holdings).sort(([, a], [, b]) => b[of] - a[of])
    return most?.[0] ?? ''
  }

  #dropOldestOf(sender: string): void {
    for (const [id, unfinished] of this.#unfinished)
      if (unfinished.sender === sender) {
        this.#drop(id)
        return
      }
  }

  #dropOld(): void {
    const oldest = this.#clock() - this.#limits.lifetime
    for (const [id, { assembly }] of this.#unfinished) {
      if (assembly.firstAt >= oldest) return
      this.#drop(id)
    }
  }

  #drop(id: string): void {
    this.#bytes -= this.#unfinished.get(id)?.assembly.bytes ?? 0
    this.#unfinished.delete(id)
  }
}
