/** Retention, while somebody reads pages; and pages before and after. */
import { setImmediate as turn } from 'node:timers/promises'
import { surplus } from '../extent.ts'
import { keeperNamed } from '../keepers.ts'
import { denseTopic } from '../messages.ts'
import type { Keeper } from '../subject.ts'
import { answer, type Spread, spreadOf } from '../task.ts'

/** Pages before and after, and milliseconds that they may take. */
const pages = 300
const patience = 4000
/** Pages meanwhile at the least: what deletes whole files is over before. */
const leastPages = 30

export interface Forgot {
  readonly seconds: number
  readonly messages: number
  readonly before: Spread
  readonly meanwhile: Spread
  readonly after: Spread
}

await answer(async ({ keeper: name, folder, present, url }): Promise<Forgot | Record<string, never>> => {
  const keeper = await keeperNamed(name, url).open(folder, present.stretch.messages)
  const forgot =
    keeper.forget === undefined ? {} : await forget(keeper, keeper.forget.bind(keeper), present.stretch.messages)
  await keeper.close()
  return forgot
})

async function forget(keeper: Keeper, work: NonNullable<Keeper['forget']>, messages: number): Promise<Forgot> {
  await calmPages(keeper)
  const before = await calmPages(keeper)
  const held = await keeper.held()
  let isOver = false
  const reading = readPages(keeper, (read) => !isOver || read < leastPages)
  const start = performance.now()
  await work(Math.floor(messages * surplus))
  const seconds = (performance.now() - start) / 1000
  isOver = true
  const meanwhile = await reading
  const after = await calmPages(keeper)
  return { seconds, messages: held - (await keeper.held()), before, meanwhile, after }
}

/** Pages while nothing else happens. */
function calmPages(keeper: Keeper): Promise<Spread> {
  const end = performance.now() + patience
  return readPages(keeper, (read) => read < leastPages || (read < pages && performance.now() < end))
}

/** The newest of some content topic, one after the other. */
async function readPages(keeper: Keeper, goesOn: (read: number) => boolean): Promise<Spread> {
  const times: number[] = []
  while (goesOn(times.length)) {
    const query = { contentTopics: [denseTopic()], backward: true }
    const start = performance.now()
    await keeper.page(query)
    times.push(performance.now() - start)
    await turn()
  }
  return spreadOf(times)
}
