/**
 * One turn of a reconciliation: a payload of the other side becomes ours, and what the two have learnt by it. Pure but
 * for the pauses that it makes.
 *
 * A range whose fingerprints differ is cut into parts, down to ranges with few messages, which are listed; when both
 * lists of a range are known, each side knows what the other lacks and sends it. Nobody asks for anything.
 *
 * The other side may say anything, so each turn has a bound: what is beyond it is answered with fingerprints of larger
 * pieces, from which later turns go on.
 */
import type { MessageHash } from '../../core/hash.ts'
import { hashFromBytes } from '../../core/hash.ts'
import type { Nanoseconds } from '../../core/time.ts'
import { compareIds, payloadBytes, type SyncId, type SyncPayload, type SyncRange, zeroHash } from './codec.ts'
import { answerBytes, answerSlice, leafItems, maxAnsweredRanges, maxRangeItems, rangeParts } from './limits.ts'
import type { SyncView } from './sync-index.ts'
import type { Span } from './timeline.ts'

export interface Turn {
  /** Our ranges. None, or such that only skip: the reconciliation is over. */
  readonly ranges: readonly SyncRange[]
  readonly lower: Nanoseconds
  /** What we have and the other side has not. */
  readonly toSend: readonly MessageHash[]
  /** How many the other side has and we have not. */
  readonly wanted: number
}

export interface TurnOptions {
  /** Before it we know nothing: ranges there are passed over. */
  readonly floor: Nanoseconds
  /** Messages that may still be sent in this session. */
  readonly maxToSend: number
  /** Lets others work; called after each `answerSlice`. */
  readonly pause: () => Promise<void>
}

/** The opening: one fingerprint of the whole window. */
export function opening(view: SyncView, from: Nanoseconds, to: Nanoseconds): Pick<SyncPayload, 'lower' | 'ranges'> {
  const upper = { time: to, hash: zeroHash }
  const fingerprint = view.fingerprint({ from: { time: from, hash: zeroHash }, to: upper })
  return { lower: from, ranges: [{ type: 'fingerprint', upper, fingerprint }] }
}

/** True when nothing is left to say. */
export function isOver(ranges: readonly SyncRange[]): boolean {
  return ranges.every(({ type }) => type === 'skip')
}

/** Our turn, after theirs. */
export async function takeTurn(
  { lower, ranges }: Pick<SyncPayload, 'lower' | 'ranges'>,
  view: SyncView,
  { floor, maxToSend, pause }: TurnOptions,
): Promise<Turn> {
  const turn = new Answering(view, maxToSend)
  let from: SyncId = { time: lower, hash: zeroHash }
  let pausedAt = performance.now()
  for (const [index, range] of ranges.entries()) {
    if (turn.isFull || index >= maxAnsweredRanges) {
      turn.putOffAll(ranges.slice(index), from)
      break
    }
    turn.answer(range, from, floor)
    from = range.upper
    if (performance.now() - pausedAt > answerSlice) {
      await pause()
      pausedAt = performance.now()
    }
  }
  return { ranges: turn.ranges, lower, toSend: turn.toSend, wanted: turn.wanted }
}

class Answering {
  readonly ranges: SyncRange[] = []
  readonly toSend: MessageHash[] = []
  wanted = 0
  readonly #view: SyncView
  readonly #maxToSend: number
  #items = 0

  constructor(view: SyncView, maxToSend: number) {
    this.#view = view
    this.#maxToSend = maxToSend
  }

  get isFull(): boolean {
    return payloadBytes(this.ranges.length, this.#items) >= answerBytes
  }

  answer(range: SyncRange, from: SyncId, floor: Nanoseconds): void {
    const { upper } = range
    if (range.type === 'skip' || upper.time <= floor || compareIds(from, upper) >= 0) this.#skip(upper)
    else if (from.time >= floor) this.#compare(range, { from, to: upper })
    else this.#answerFrom({ time: floor, hash: zeroHash }, range)
  }

  /** Leaves `span` to the next turn. */
  putOff(span: Span): void {
    this.ranges.push({ type: 'fingerprint', upper: span.to, fingerprint: this.#view.fingerprint(span) })
  }

  /** Answers the part of a range that we know: from `start` on. */
  #answerFrom(start: SyncId, range: Exclude<SyncRange, { type: 'skip' }>): void {
    const span = { from: start, to: range.upper }
    this.#skip(start)
    // Their fingerprint counts what we do not know of; with ours of the rest they find out.
    if (range.type === 'fingerprint') this.putOff(span)
    else this.#compare(range, span)
  }

  /**
   * Leaves `ranges` to later turns: the next few with one fingerprint, twice as many with the one after, and so on. What
   * is near is soon cut up again; what is far waits as a few large pieces.
   */
  putOffAll(ranges: readonly SyncRange[], from: SyncId): void {
    let start = from
    for (let next = 0, size = rangeParts; next < ranges.length; next += size, size *= 2) {
      const to = ranges[Math.min(next + size, ranges.length) - 1]!.upper
      this.putOff({ from: start, to })
      start = to
    }
  }

  #compare(range: Exclude<SyncRange, { type: 'skip' }>, span: Span): void {
    if (range.type === 'items') this.#compareItems(range.items, range.reconciled, span)
    else if (Buffer.compare(this.#view.fingerprint(span), range.fingerprint) === 0) this.#skip(span.to)
    else this.#open(span)
  }

  #compareItems(theirs: readonly SyncId[], reconciled: boolean, span: Span): void {
    // A list of ours that would be too long: they get its parts, and answer these with lists of their own.
    if (!reconciled && this.#view.count(span) > maxRangeItems) this.#open(span)
    else if (reconciled) {
      this.#note(this.#view.ids(span, this.#maxToSend - this.toSend.length + theirs.length), theirs)
      this.#skip(span.to)
    } else {
      const ours = this.#view.ids(span, maxRangeItems)
      const [sent, wanted] = [this.toSend.length, this.wanted]
      this.#note(ours, theirs)
      // Where both have the same, that is all there is to say.
      if (this.toSend.length === sent && this.wanted === wanted) this.#skip(span.to)
      else this.#list(ours, span.to, true)
    }
  }

  /** Says more of a span in which the two differ: its messages if they are few, else of each of its parts. */
  #open(span: Span): void {
    const bounds = this.#view.count(span) <= leafItems ? [] : this.#bounds(span)
    const most = bounds.length === 0 ? maxRangeItems : leafItems
    let { from } = span
    for (const to of [...bounds, span.to]) {
      this.#tell({ from, to }, most)
      from = to
    }
  }

  /** The messages of a span, if they are `most` at the most, else its fingerprint. */
  #tell(span: Span, most: number): void {
    const count = this.#view.count(span)
    if (count > most) {
      // Thousands with one timestamp, which no bound can part: nobody but an attacker makes them. They are left alone.
      if (most === maxRangeItems) this.#skip(span.to)
      else this.putOff(span)
    } else this.#list(this.#view.ids(span, most), span.to, count === 0)
  }

  /** Times that cut a span into parts with about as many messages each; none when it holds one time only. */
  #bounds(span: Span): SyncId[] {
    const count = this.#view.count(span)
    const offsets = Array.from({ length: rangeParts - 1 }, (_, part) => Math.floor(((part + 1) * count) / rangeParts))
    const times = new Set(offsets.map((offset) => this.#view.timeAt(span, offset)).filter((time) => time !== undefined))
    const inside = [...times].filter((time) => time > span.from.time && time < span.to.time)
    return inside.map((time) => ({ time, hash: zeroHash }))
  }

  #list(items: readonly SyncId[], upper: SyncId, reconciled: boolean): void {
    this.#items += items.length
    this.ranges.push({ type: 'items', upper, items, reconciled })
  }

  /** Neighbours that are passed over become one. */
  #skip(upper: SyncId): void {
    if (this.ranges.at(-1)?.type === 'skip') this.ranges.pop()
    this.ranges.push({ type: 'skip', upper })
  }

  /** Walks both lists of a span, which are in order. */
  #note(ours: readonly SyncId[], theirs: readonly SyncId[]): void {
    let next = 0
    for (const own of ours) {
      while (next < theirs.length && compareIds(theirs[next]!, own) < 0) {
        next += 1
        this.wanted += 1
      }
      if (next < theirs.length && compareIds(theirs[next]!, own) === 0) next += 1
      else if (this.toSend.length < this.#maxToSend) this.toSend.push(hashFromBytes(own.hash))
    }
    this.wanted += theirs.length - next
  }
}

/** For the pauses of a turn in a running node. */
export function nextTick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
