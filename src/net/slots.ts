/** So many at once and no more: who comes later waits, in the order of coming. */

export class Slots {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(count: number) {
    this.#free = count
  }

  /** Runs `task` when a slot is free, and frees it when the task has settled. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    await this.#take()
    try {
      return await task()
    } finally {
      this.#release()
    }
  }

  async #take(): Promise<void> {
    if (this.#free > 0) this.#free -= 1
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  /** The slot goes straight to the next in line, so nobody who has just come takes it. */
  #release(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free += 1
    else next()
  }
}
