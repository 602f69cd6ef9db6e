/**
 * Pages of all kinds, with all in memory that fits. LevelDB alone is open beside, with the same messages: each page is
 * followed by a scan of a hundred rows there, so that both times are of the same minute; and by a bare call of the system
 * in a thread of the pool, which is what the machine makes of a wait, whoever waits.
 */
import { stat } from 'node:fs/promises'
import { History } from '../history.ts'
import { keeperNamed } from '../keepers.ts'
import { type Question, questionNames, questions } from '../questions.ts'
import { RawKeeper } from '../raw.ts'
import type { Keeper, PageQuery } from '../subject.ts'
import { answer, type Spread, spreadOf } from '../task.ts'

/** Questions of a kind, and how long they may take altogether; those beforehand count for nothing. */
const warming = { least: 0, most: 20, milliseconds: 500 }
const asking = { least: 3, most: 1000, milliseconds: 3000 }

/** Of one kind of question. */
export interface AskedKind {
  readonly page: Spread
  readonly scan: Spread
  readonly trip: Spread
}

export type Asked = Partial<Record<Question, AskedKind>>

await answer(async ({ keeper: name, folder, rawFolder, present, url }): Promise<Asked> => {
  using history = new History(present)
  const keeper = await keeperNamed(name, url).open(folder, history.messages)
  const raw = name === 'raw' ? undefined : await RawKeeper.open(rawFolder)
  const kinds: Asked = {}
  for (const kind of questionNames) {
    const asked = await ask(keeper, raw, () => questions[kind](history), history)
    if (asked !== undefined) kinds[kind] = asked
  }
  await keeper.close()
  await raw?.close()
  return kinds
})

async function ask(
  keeper: Keeper,
  raw: RawKeeper | undefined,
  query: () => PageQuery,
  history: History,
): Promise<AskedKind | undefined> {
  const first = keeper.page(query())
  if (first === undefined) return undefined
  await first
  const turns = async ({ least, most, milliseconds }: typeof asking): Promise<AskedKind> => {
    const [pages, scans, trips]: [number[], number[], number[]] = [[], [], []]
    const end = performance.now() + milliseconds
    while (pages.length < least || (pages.length < most && performance.now() < end)) {
      const [wanted, from] = [query(), history.someTime()]
      pages.push(await time(async () => keeper.page(wanted)))
      if (raw !== undefined) scans.push(await time(() => raw.scan(from)))
      trips.push(await time(() => stat('/')))
    }
    return { page: spreadOf(pages), scan: spreadOf(scans), trip: spreadOf(trips) }
  }
  await turns(warming)
  return await turns(asking)
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}
