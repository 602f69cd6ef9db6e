/**
 * Work that takes the event loop's time, in turns: a few pieces at once, those of different peers one after the other, and
 * before each everything else that has come. Whoever asks for much waits longer; who waits for something else hardly does.
 */

type Begin = () => void

export interface TurnLimits {
  /** Pieces at once: enough that one has the processor while the other waits for the disk. */
  readonly atOnce: number
  /** Pieces that wait, beside one of each peer. */
  readonly waiting: number
}

export class Turns {
  readonly #limits: TurnLimits
  /** By peer, those who wait; whose turn is next comes first. */
  readonly #waiting = new Map<string, Begin[]>()
  #running = 0
  #waits = 0

  constructor(limits: TurnLimits) {
    this.#limits = limits
  }

  /** Pieces that wait. */
  get waiting(): number {
    return this.#waits
  }

  /** False: too many wait, and this peer has one among them already. */
  hasRoom(peer: string): boolean {
    return this.#waits < this.#limits.waiting || !this.#waiting.has(peer)
  }

  /** Does `work` when it is its turn. */
  async take<Result>(peer: string, work: () => Promise<Result>): Promise<Result> {
    await this.#begin(peer)
    try {
      return await work()
    } finally {
      // What has come meanwhile is done first.
      setImmediate(() => this.#end())
    }
  }

  #begin(peer: string): Promise<void> | undefined {
    if (this.#running < this.#limits.atOnce) {
      this.#running += 1
      return undefined
    }
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waits += 1
    const queue = this.#waiting.get(peer)
    if (queue === undefined) this.#waiting.set(peer, [resolve])
    else queue.push(resolve)
    return promise
  }

  /** The turn goes to whoever waits, or ends. */
  #end(): void {
    const next = this.#waiting.entries().next().value
    if (next === undefined) {
      this.#running -= 1
      return
    }
    this.#waits -= 1
    const [peer, queue] = next
    this.#waiting.delete(peer)
    queue.shift()?.()
    if (queue.length > 0) this.#waiting.set(peer, queue)
  }
}
