/** Several sequences of messages, each with the oldest first, as one. */
import type { Carried } from '../messaging/network.ts'

interface Head {
  readonly source: AsyncIterator<Carried>
  readonly carried: Carried
}

/** A message without a time goes before all others. Throws what one of them throws; all are ended then. */
export async function* merged(sources: readonly AsyncGenerator<Carried>[]): AsyncGenerator<Carried> {
  try {
    const heads = (await Promise.all(sources.map(nextOf))).filter((head) => head !== undefined)
    for (let oldest = takeOldest(heads); oldest !== undefined; oldest = takeOldest(heads)) {
      yield oldest.carried
      const next = await nextOf(oldest.source)
      if (next !== undefined) heads.push(next)
    }
  } finally {
    await Promise.allSettled(sources.map((source) => source.return(undefined)))
  }
}

async function nextOf(source: AsyncIterator<Carried>): Promise<Head | undefined> {
  const { done, value: carried } = await source.next()
  return done ? undefined : { source, carried }
}

function takeOldest(heads: Head[]): Head | undefined {
  const [oldest] = heads.toSorted((one, other) => Number(timeOf(one) - timeOf(other)))
  if (oldest !== undefined) heads.splice(heads.indexOf(oldest), 1)
  return oldest
}

function timeOf({ carried }: Head): bigint {
  return carried.message.timestamp ?? 0n
}
