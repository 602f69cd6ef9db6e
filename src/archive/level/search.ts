/** The lowest index below `count` for which `isBehind` holds, as it does for all above; `count` when it holds for none. Pure. */
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
