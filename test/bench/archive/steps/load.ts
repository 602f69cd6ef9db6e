/** Stores the history. The process dies as by `kill -9` when all is acknowledged. */
import { mkdir } from 'node:fs/promises'
import { heldWhile } from '../../kit/loop.ts'
import { ownMiB } from '../../kit/process.ts'
import { History } from '../history.ts'
import { keeperNamed } from '../keepers.ts'
import { type Stored, stored } from '../storing.ts'
import { answer } from '../task.ts'

export interface Loaded extends Stored {
  /** Memory of the process, mapped files left out. */
  readonly ownMiB: number
  /** Longest hold of the event loop while it stores, in ms. */
  readonly held: number
}

await answer(async ({ keeper: name, folder, present, url }): Promise<Loaded> => {
  await mkdir(folder, { recursive: true })
  using history = new History(present)
  const keeper = await keeperNamed(name, url).open(folder, history.messages)
  let held = 0
  const insert: typeof keeper.insert = async (envelopes) => {
    const part = await heldWhile(() => keeper.insert(envelopes))
    held = Math.max(held, part.held)
  }
  const result = await stored(insert, history.pieces(0, history.messages))
  return { ...result, ownMiB: ownMiB(process.pid), held }
})
process.kill(process.pid, 'SIGKILL')
