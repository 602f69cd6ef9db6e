/** A sequence of entries that is read piece by piece. */
import type { Entry } from './entry.ts'
import type { Lane } from './merge.ts'

/** Where pieces come from. An empty one says that there are no more. */
export interface Pieces {
  next(): Promise<readonly Entry[]>
  close(): Promise<void>
}

export class EntryLane implements Lane<Entry> {
  readonly #pieces: Pieces
  #piece: readonly Entry[] = []
  #next = 0
  head: Entry | undefined

  constructor(pieces: Pieces) {
    this.#pieces = pieces
  }

  take(): Entry {
    const entry = this.head
    if (entry === undefined) throw new RangeError('a lane without a head')
    this.head = this.#piece[this.#next++]
    return entry
  }

  async fill(): Promise<void> {
    this.#piece = await this.#pieces.next()
    this.head = this.#piece[0]
    this.#next = 1
  }

  async close(): Promise<void> {
    await this.#pieces.close()
  }
}
