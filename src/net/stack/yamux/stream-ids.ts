/**
 * Ids of streams: the side that dialled has the odd ones, the other the even ones, and 0 is the session.
 *
 * Those of a peer need not come in order: go-yamux hands them out and then writes, from several threads.
 */
const last = 2 ** 32 - 1

export class StreamIds {
  readonly #odd: boolean
  #next: number

  /** `next`: the first id to be handed out, of this side's kind. */
  constructor(dialled: boolean, next = dialled ? 1 : 2) {
    this.#odd = dialled
    this.#next = next
  }

  /** A new id; undefined when they are used up. */
  take(): number | undefined {
    if (this.#next > last) return undefined
    const id = this.#next
    this.#next += 2
    return id
  }

  /** True when the peer may open a stream with `id`. */
  areOfPeer(id: number): boolean {
    return id !== 0 && (id % 2 === 1) !== this.#odd
  }
}
