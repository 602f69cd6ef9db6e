/** Work on one thing after another, where the next is begun while those before it are still under way. Pure of what the work is. */

/**
 * What `work` makes of each of `source`, in its order, with at most `most` under way and one more read ahead. When the
 * source or a piece of work fails nothing is begun any more; what had been begun is given, and then the first error is
 * thrown. Nothing is under way once this has ended, whatever the end.
 */
export async function* overlapped<Given, Made>(
  source: AsyncIterable<Given> | Iterable<Given>,
  work: (given: Given) => Promise<Made>,
  most: number,
): AsyncGenerator<Made, void, undefined> {
  const underWay: Promise<Made>[] = []
  const failures: unknown[] = []
  try {
    for await (const given of source) {
      if (underWay.length === most) yield await underWay.shift()!
      underWay.push(begun(work(given)))
    }
  } catch (error) {
    failures.push(error)
  } finally {
    await Promise.allSettled(underWay)
  }
  for (const made of await Promise.allSettled(underWay)) {
    if (made.status === 'fulfilled') yield made.value
    else failures.push(made.reason)
  }
  if (failures.length > 0) throw failures[0]
}

/** It may fail before anybody looks. */
function begun<Made>(made: Promise<Made>): Promise<Made> {
  made.catch(() => {})
  return made
}
