/** The word that a person most likely meant. */

/** The candidate that is fewest slips of the finger away from `word`, if it is near at all. */
export function nearest<T extends string>(word: string, candidates: readonly T[]): T | undefined {
  const most = Math.max(1, Math.floor(word.length / 3))
  let best: T | undefined
  let least = most + 1
  for (const candidate of candidates) {
    const slips = Math.abs(candidate.length - word.length) >= least ? least : distance(word, candidate)
    if (slips < least) [best, least] = [candidate, slips]
  }
  return best
}

/** Letters to put in, leave out, change or swap with their neighbour until `from` is `to` (Damerau-Levenshtein). */
export function distance(from: string, to: string): number {
  let [before, last] = [[] as number[], Array.from({ length: to.length + 1 }, (_, column) => column)]
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const changed = from[row - 1] === to[column - 1] ? 0 : 1
      const swapped = changed === 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      current[column] = Math.min(
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + changed,
        swapped ? at(before, column - 2) + 1 : Number.POSITIVE_INFINITY,
      )
    }
    ;[before, last] = [last, current]
  }
  return at(last, to.length)
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY
}
