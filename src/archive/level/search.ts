/** Searches in what is sorted. Pure. */
import type { PlaceRange } from './place.ts'

/** The lowest index below `count` for which `isBehind` holds, as it does for all above; `count` when it holds for none. */
export function lowest(count: number, isBehind: (index: number) => boolean): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isBehind(middle)) high = middle
    else low = middle + 1
  }
  return low
}

/**
 * Where a range of places begins and ends among `count` sorted things; `compare` holds the place of one, by its index,
 * against another.
 */
export function cut(
  count: number,
  { gte, gt, lte, lt }: PlaceRange,
  compare: (index: number, place: Buffer) => number,
): [number, number] {
  const firstFrom = (place: Buffer) => lowest(count, (index) => compare(index, place) >= 0)
  const firstAfter = (place: Buffer) => lowest(count, (index) => compare(index, place) > 0)
  const start = gt === undefined ? firstFrom(gte!) : firstAfter(gt)
  const end = lt === undefined ? firstAfter(lte!) : firstFrom(lt)
  return [start, end]
}
