/** Opens what is there and closes it well. */
import { keeperNamed } from '../keepers.ts'
import { answer } from '../task.ts'

export interface Opened {
  /** Milliseconds. */
  readonly open: number
  readonly messages: number
}

await answer(async ({ keeper: name, folder, present, url }): Promise<Opened> => {
  const start = performance.now()
  const keeper = await keeperNamed(name, url).open(folder, present.stretch.messages)
  const open = performance.now() - start
  const messages = await keeper.held()
  await keeper.close()
  return { open, messages }
})
