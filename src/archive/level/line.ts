/** Work that is done one piece after the other. */
export class Line {
  #last: Promise<unknown> = Promise.resolve()

  /** Does `work` when all before it has ended, well or not. */
  run<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => {})
    return done
  }

  /** Resolves when nothing waits any more. */
  async end(): Promise<void> {
    await this.#last
  }
}
