/** What LevelDB itself takes in this minute, a batch at a time: without syncs, and with one for each batch. */
import { rm } from 'node:fs/promises'
import { History } from '../history.ts'
import { RawKeeper } from '../raw.ts'
import { stored } from '../storing.ts'
import { answer } from '../task.ts'

/** Messages a second. */
export interface Rates {
  readonly unsynced: number
  readonly synced: number
}

const messages = 100_000

await answer(async ({ folder, present }): Promise<Rates> => {
  using history = new History(present)
  const rate = async (sync: boolean): Promise<number> => {
    const keeper = await RawKeeper.open(folder, sync)
    const pieces = history.pieces(0, Math.min(history.messages, messages))
    const { perSecond } = await stored((envelopes) => keeper.insert(envelopes), pieces)
    await keeper.close()
    await rm(folder, { recursive: true })
    return perSecond
  }
  return { unsynced: await rate(false), synced: await rate(true) }
})
