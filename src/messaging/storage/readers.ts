/** Who reads: what they need stays until they have ended. */
export class Readers {
  readonly #reading = new Set<Promise<unknown>>()

  async during<Result>(read: () => Promise<Result>): Promise<Result> {
    const reading = read()
    this.#reading.add(reading)
    try {
      return await reading
    } finally {
      this.#reading.delete(reading)
    }
  }

  /** Resolves when all have ended who read now. */
  async end(): Promise<void> {
    await Promise.allSettled(this.#reading)
  }
}
