/** How often something happens. */
import type { Clock } from '../core/time.ts'

/** Counts events in whole seconds. */
export class Pace {
  readonly #limit: number
  readonly #clock: Clock
  #second = 0
  #count = 0

  /** `limit`: events in one second. */
  constructor(limit: number, clock: Clock = () => performance.now()) {
    this.#limit = limit
    this.#clock = clock
  }

  /** Counts one event; false when it is one too many in its second. */
  keeps(): boolean {
    const second = Math.floor(this.#clock() / 1000)
    this.#count = second === this.#second ? this.#count + 1 : 1
    this.#second = second
    return this.#count <= this.#limit
  }
}
