/**
 * What LevelDB itself takes in this minute, a batch at a time: without syncs, and with one for each batch; and how long it
 * takes to sync messages that come at the steady rate.
 */
import { rm } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { defaultCommitLimits } from '../../../../src/archive/commit.ts'
import { steadyRate } from '../extent.ts'
import { History } from '../history.ts'
import { RawKeeper } from '../raw.ts'
import { stored } from '../storing.ts'
import { answer, type Spread, spreadOf } from '../task.ts'

/** Messages a second, and ms from when a message was due to its sync. */
export interface Rates {
  readonly unsynced: number
  readonly synced: number
  readonly paced: Spread
}

const messages = 100_000

await answer(async ({ folder, present }): Promise<Rates> => {
  using history = new History(present)
  const count = Math.min(history.messages, messages)
  const withKeeper = async <Result>(sync: boolean, work: (keeper: RawKeeper) => Promise<Result>): Promise<Result> => {
    const keeper = await RawKeeper.open(folder, sync)
    const result = await work(keeper)
    await keeper.close()
    await rm(folder, { recursive: true })
    return result
  }
  const rate = async (keeper: RawKeeper): Promise<number> =>
    (await stored((envelopes) => keeper.insert(envelopes), history.pieces(0, count))).perSecond
  return {
    unsynced: await withKeeper(false, rate),
    synced: await withKeeper(true, rate),
    paced: await withKeeper(true, (keeper) => pace(keeper, history, count)),
  }
})

/** Writes what is due, as much as a group commit takes at once. */
async function pace(keeper: RawKeeper, history: History, count: number): Promise<Spread> {
  const { gather, groupMessages } = defaultCommitLimits
  const envelopes = history.piece(0, count).envelopes()
  const times: number[] = []
  const start = performance.now()
  const passed = () => performance.now() - start
  for (let done = 0; done < count; ) {
    const due = Math.min(count, done + groupMessages, Math.floor((passed() / 1000) * steadyRate))
    if (due > done) await keeper.insert(envelopes.slice(done, due))
    for (; done < due; done += 1) times.push(passed() - (done / steadyRate) * 1000)
    await setTimeout(gather)
  }
  return spreadOf(times)
}
