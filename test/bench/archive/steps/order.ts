/**
 * The same messages in different orders: as they were sent; in any order within 20 s, as gossip brings them; and old
 * history that is imported into an archive of new messages.
 */
import { mkdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { orderedMessages } from '../extent.ts'
import { History, type Piece, storedAtOnce } from '../history.ts'
import { keeperNamed } from '../keepers.ts'
import { disorder } from '../messages.ts'
import { stored } from '../storing.ts'
import { answer } from '../task.ts'

/** Messages a second. */
export interface Ordered {
  readonly inOrder: number
  readonly shuffled: number
  readonly imported?: number
}

await answer(async ({ keeper: name, folder, present, past, url }): Promise<Ordered> => {
  using history = new History(present)
  using old = new History(past)
  const count = orderedMessages(history.messages)
  const open = async (part: string) => {
    const place = path.join(folder, part)
    await mkdir(place, { recursive: true })
    return await keeperNamed(name, url).open(place, history.messages)
  }
  const calm = await open('in-order')
  const inOrder = await stored((envelopes) => calm.insert(envelopes), history.pieces(0, count))
  const take = calm.import?.bind(calm)
  const imported = take && (await stored(take, old.pieces(0, count)))
  await calm.close()
  const gossip = await open('shuffled')
  const shuffled = await stored((envelopes) => gossip.insert(envelopes), shuffledPieces(history, count))
  await gossip.close()
  await rm(folder, { recursive: true })
  return { inOrder: inOrder.perSecond, shuffled: shuffled.perSecond, imported: imported?.perSecond }
})

function* shuffledPieces(history: History, count: number): Generator<Piece> {
  const arrivals = Array.from({ length: count }, (_, index) => ({ index, at: index + Math.random() * disorder }))
  const order = arrivals.sort((one, other) => one.at - other.at).map(({ index }) => index)
  for (let first = 0; first < count; first += storedAtOnce)
    yield history.scattered(order.slice(first, first + storedAtOnce))
}
