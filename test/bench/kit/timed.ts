/** Times one piece of work, done many times over. */

export interface Timed {
  readonly count: number
  readonly seconds: number
  /** Milliseconds of each. */
  readonly times: readonly number[]
}

/** Does `work` for 0 to `count` - 1, at most `atOnce` of them at a time. */
export async function timed(count: number, atOnce: number, work: (index: number) => Promise<unknown>): Promise<Timed> {
  const times: number[] = []
  const start = performance.now()
  let next = 0
  const worker = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) {
      const begin = performance.now()
      await work(index)
      times.push(performance.now() - begin)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return { count, seconds: (performance.now() - start) / 1000, times }
}
