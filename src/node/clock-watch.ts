/**
 * Whether the clock of this machine can be trusted. It is compared with two others: the monotonic clock, which nobody
 * sets, and the timestamps of live messages, which their senders took from theirs. The second is a hint and no more:
 * whoever publishes most decides the median.
 */
import type { Envelope } from '../core/envelope.ts'
import { type Clock, type Milliseconds, systemClock, toMilliseconds } from '../core/time.ts'
import type { Taker } from './intake.ts'

/** Messages that are looked at: the last ones. */
const sampleCount = 101
/** Below so many the median says nothing. */
const fewestSamples = 20
/** An older sample tells of a clock that may have been set since. */
const sampleAge: Milliseconds = 10 * 60_000

export interface ClockWatchOptions {
  readonly clock?: Clock
  /** Milliseconds since any moment; nobody sets it. */
  readonly monotonic?: Clock
}

/** Takes every message from gossip, keeps how far its timestamp lay from our clock, and nothing else. */
export class ClockWatch implements Taker {
  readonly #clock: Clock
  readonly #monotonic: Clock
  readonly #start: Milliseconds
  readonly #offsets = new Float64Array(sampleCount)
  readonly #takenAt = new Float64Array(sampleCount)
  #taken = 0

  constructor({ clock = systemClock, monotonic = () => performance.now() }: ClockWatchOptions = {}) {
    this.#clock = clock
    this.#monotonic = monotonic
    this.#start = clock() - monotonic()
  }

  offer({ message: { timestamp }, receivedAt }: Envelope): void {
    if (timestamp === undefined || timestamp === 0n) return
    const place = this.#taken++ % sampleCount
    this.#offsets[place] = toMilliseconds(timestamp) - receivedAt
    this.#takenAt[place] = this.#monotonic()
  }

  /** A client of ours is asked for nothing: what it leaves out, we stamp. */
  put(): undefined {}

  /** How far the clock was set since the start; forward is positive. */
  step(): Milliseconds {
    return this.#clock() - this.#monotonic() - this.#start
  }

  /** The median of the others' clocks less ours, or NaN while there are too few recent messages. Behind is positive. */
  offset(): Milliseconds {
    const oldest = this.#monotonic() - sampleAge
    const recent = this.#offsets.subarray(0, this.#taken).filter((_, place) => (this.#takenAt[place] ?? 0) >= oldest)
    if (recent.length < fewestSamples) return Number.NaN
    return recent.sort()[recent.length >> 1] ?? Number.NaN
  }
}
