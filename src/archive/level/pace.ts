/** The pace of work that nobody waits for: it leaves others most of the time. As soon as somebody waits, it hardly pauses. */
import { setImmediate, setTimeout } from 'node:timers/promises'
import type { Milliseconds } from '../../core/time.ts'

const defaultSlowness = 4

const longestPause: Milliseconds = 50

/** To be called by long work every few milliseconds; resolves when it is to go on. */
export type Pause = () => Promise<unknown>

export class Pace {
  readonly #slowness: number
  #waiting = 0
  #since = performance.now()

  /** The work takes one part of the time in `slowness`. */
  constructor(slowness = defaultSlowness) {
    this.#slowness = slowness
  }

  readonly pause: Pause = async () => {
    const pause = Math.min(longestPause, (this.#slowness - 1) * (performance.now() - this.#since))
    await (this.#waiting > 0 ? setImmediate() : setTimeout(pause))
    this.#since = performance.now()
  }

  /** Somebody waits for `work`. */
  async hurry<Result>(work: Promise<Result>): Promise<Result> {
    this.#waiting += 1
    try {
      return await work
    } finally {
      this.#waiting -= 1
    }
  }
}
