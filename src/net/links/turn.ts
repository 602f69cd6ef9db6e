/**
 * Joins what happens within one turn of the event loop: those who have something to do are run once, after all input
 * that is ready now. One for many, since a timer for each would cost more than the work.
 */
export class Turn implements Disposable {
  #waiting: (() => void)[] = []
  #immediate: NodeJS.Immediate | undefined
  readonly #run = (): void => {
    const due = this.#waiting
    this.#waiting = []
    this.#immediate = undefined
    for (const run of due) run()
  }

  /** Runs `run` at the end of this turn. Who asks twice is run twice. */
  atEnd(run: () => void): void {
    this.#waiting.push(run)
    this.#immediate ??= setImmediate(this.#run)
  }

  /** Runs nothing more. */
  [Symbol.dispose](): void {
    this.#waiting = []
    clearImmediate(this.#immediate)
  }
}
