/** Several sorted sequences as one. Rows are taken without waiting as long as every sequence has some in memory. */

/** A sorted sequence that is read piece by piece. */
export interface Lane<Row> {
  /** The next row; undefined when a piece is used up and `fill` is due, or when the lane has ended. */
  readonly head: Row | undefined
  /** Gives the head and moves on. */
  take(): Row
  /** Reads the next piece. Afterwards `head` is undefined only if the lane has ended. */
  fill(): Promise<void>
}

/** All rows of some lanes in the order of `compare`, by which each lane is sorted. */
export class Merge<Row> {
  readonly #compare: (a: Row, b: Row) => number
  /** Lanes with a head, sorted by it. */
  readonly #filled: Lane<Row>[] = []
  #due: Lane<Row>[]

  constructor(lanes: readonly Lane<Row>[], compare: (a: Row, b: Row) => number) {
    this.#due = [...lanes]
    this.#compare = compare
  }

  /** True while a lane has to be filled before the next row is known. */
  get isDue(): boolean {
    return this.#due.length > 0
  }

  async fill(): Promise<void> {
    const lanes = this.#due
    this.#due = []
    await Promise.all(lanes.map((lane) => lane.fill()))
    for (const lane of lanes) if (lane.head !== undefined) this.#insert(lane)
  }

  /** The next row, or undefined at the end. Not while a fill is due. */
  take(): Row | undefined {
    const lane = this.#filled.shift()
    const row = lane?.take()
    if (lane === undefined) return undefined
    if (lane.head === undefined) this.#due.push(lane)
    else this.#insert(lane)
    return row
  }

  #insert(lane: Lane<Row>): void {
    let low = 0
    let high = this.#filled.length
    while (low < high) {
      const middle = (low + high) >>> 1
      // Below `length`, so it is there; filled lanes have heads.
      if (this.#compare(this.#filled[middle]!.head!, lane.head!) < 0) low = middle + 1
      else high = middle
    }
    this.#filled.splice(low, 0, lane)
  }
}
