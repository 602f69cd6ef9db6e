/** Several sorted sequences as one. */

/** A sorted sequence that is read piece by piece. */
export interface Lane<Row> {
  /** The next row; undefined when a piece is used up and `fill` is due, or when the lane has ended. */
  readonly head: Row | undefined
  /** Gives the head and moves on. */
  take(): Row
  /** Reads the next piece. Afterwards `head` is undefined only if the lane has ended. */
  fill(): Promise<void>
}

/** All rows of `lanes` in the order of `compare`, by which each lane is sorted. */
export async function* merge<Row>(
  lanes: readonly Lane<Row>[],
  compare: (a: Row, b: Row) => number,
): AsyncGenerator<Row, void, undefined> {
  await Promise.all(lanes.map((lane) => lane.fill()))
  const waiting = lanes.filter(({ head }) => head !== undefined).sort((a, b) => compareHeads(a, b, compare))
  for (let lane = waiting.shift(); lane !== undefined; lane = waiting.shift()) {
    yield lane.take()
    if (lane.head === undefined) await lane.fill()
    if (lane.head !== undefined) insert(waiting, lane, compare)
  }
}

/** Puts `lane` where it belongs among lanes that are sorted by their heads. */
function insert<Row>(sorted: Lane<Row>[], lane: Lane<Row>, compare: (a: Row, b: Row) => number): void {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    // Below `length`, so it is there.
    if (compareHeads(sorted[middle]!, lane, compare) < 0) low = middle + 1
    else high = middle
  }
  sorted.splice(low, 0, lane)
}

/** Lanes in `merge` have heads. */
function compareHeads<Row>(a: Lane<Row>, b: Lane<Row>, compare: (a: Row, b: Row) => number): number {
  return compare(a.head!, b.head!)
}
