/** What a process that answers questions of all kinds takes, with nothing else in it. */
import { heldWhile } from '../../kit/loop.ts'
import { ownMiB } from '../../kit/process.ts'
import { History } from '../history.ts'
import { keeperNamed } from '../keepers.ts'
import { questionNames, questions } from '../questions.ts'
import { answer } from '../task.ts'

/** Of each kind, and how long they may take altogether. */
const rounds = 300
const patience = 1000

export interface Memory {
  /** Memory of the process, mapped files left out. */
  readonly ownMiB: number
  /** Longest hold of the event loop, in ms. */
  readonly held: number
}

await answer(async ({ keeper: name, folder, present, url }): Promise<Memory> => {
  using history = new History(present)
  const keeper = await keeperNamed(name, url).open(folder, history.messages)
  const { held } = await heldWhile(async () => {
    for (const kind of questionNames) {
      const end = performance.now() + patience
      for (let round = 0; round < rounds && performance.now() < end; round += 1)
        await keeper.page(questions[kind](history))
    }
  })
  const own = ownMiB(process.pid)
  await keeper.close()
  return { ownMiB: own, held }
})
