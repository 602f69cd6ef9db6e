/** Opens what is there and asks one question: with nothing in this process's memory, nor in the system's. */
import { History } from '../history.ts'
import { keeperNamed } from '../keepers.ts'
import { questions } from '../questions.ts'
import { answer } from '../task.ts'

/** Milliseconds. Undefined: it cannot be asked for this. */
export type ColdPage = { readonly page?: number }

await answer(async ({ keeper: name, folder, present, url, question = 'by time' }): Promise<ColdPage> => {
  using history = new History(present)
  const keeper = await keeperNamed(name, url).open(folder, history.messages)
  const query = questions[question](history)
  const start = performance.now()
  const asked = keeper.page(query)
  await asked
  const page = performance.now() - start
  await keeper.close()
  return asked === undefined ? {} : { page }
})
