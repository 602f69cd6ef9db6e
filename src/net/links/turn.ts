/**
 * Joins what happens within one turn: while one piece of input is dealt with, such as all that a socket gave at once, those
 * who then have something to do are noted, and run once after it. One for many, since a microtask for each would cost more
 * than the work. The secure channel joins what leaves over a connection once more, at the end of the round of the event
 * loop: to wait for that here, too, would make a message wait for two rounds.
 */
export class Turn implements Disposable {
  #waiting: (() => void)[] = []
  #ended = false
  readonly #run = (): void => {
    const due = this.#waiting
    this.#waiting = []
    for (const run of due) run()
  }

  /** Runs `run` at the end of this turn. Who asks twice is run twice. */
  atEnd(run: () => void): void {
    if (this.#ended) return
    if (this.#waiting.length === 0) queueMicrotask(this.#run)
    this.#waiting.push(run)
  }

  /** Runs nothing more. */
  [Symbol.dispose](): void {
    this.#ended = true
    this.#waiting = []
  }
}
