/** In an order of chance: whom we ask, tell or gossip to must not be foreseen. */

/** A shuffled copy (Fisher and Yates). `random` gives numbers from 0 to 1. */
export function shuffled<Item>(items: readonly Item[], random: () => number = Math.random): Item[] {
  const copy = [...items]
  for (let last = copy.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1))
    const [one, two] = [copy[last], copy[other]]
    // Both stand within the list.
    copy[last] = two as Item
    copy[other] = one as Item
  }
  return copy
}
