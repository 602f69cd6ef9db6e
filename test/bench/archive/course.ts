/** All that is measured of one subject, one step after the other. */
import { rm } from 'node:fs/promises'
import { median } from '../kit/statistics.ts'
import { bytesIn, dropCache } from './cache.ts'
import { type Question, questionNames } from './questions.ts'
import type { Asked } from './steps/ask.ts'
import type { ColdPage } from './steps/cold.ts'
import type { Forgot } from './steps/forget.ts'
import type { Loaded } from './steps/load.ts'
import type { Memory } from './steps/memory.ts'
import type { Networked } from './steps/network.ts'
import type { Opened } from './steps/open.ts'
import type { Ordered } from './steps/order.ts'
import type { Rates } from './steps/rates.ts'
import type { Written } from './steps/write.ts'
import { measure, type Task, tryToMeasure } from './task.ts'

/** Of a subject that stores and answers. */
export interface Held {
  readonly messages: number
  /** What LevelDB itself took just before and just after it was loaded. */
  readonly rates: readonly Rates[]
  readonly loaded: Loaded
  /** Bytes on disk. */
  readonly bytes: number
  readonly openedAfterKill: Opened
  readonly opened: Opened
  readonly cold: Partial<Record<Question, number>>
  readonly asked: Asked
  readonly memory: Memory
}

export interface Measured extends Held {
  readonly written?: Written
  readonly ordered?: Ordered
  readonly networked?: Networked
  readonly forgot?: Partial<Forgot>
  readonly bytesAfter?: number
}

/** Where the files of a subject are, and how whoever else has them open is made to close them. */
export interface Place {
  readonly folder: string
  closed(work: () => Promise<void>): Promise<void>
}

/** Cold pages of a kind, of which the middle one counts. Of one that takes so many ms there is no other. */
const coldRounds = 3
const coldPatience = 2000

/** Stores the history and asks for it; what was stored stays. */
export async function hold(task: Task, place: Place): Promise<Held> {
  const { messages } = task.present.stretch
  const rate = () => measure<Rates>('rates', aside(task))
  const before = await rate()
  const loaded = await measure<Loaded>('load', task)
  const rates = [before, await rate()]
  const openedAfterKill = await measure<Opened>('open', task)
  const opened = await measure<Opened>('open', task)
  check(task, opened)
  const bytes = await bytesIn(place.folder)
  const cold = await coldPages(task, place)
  const asked = await measure<Asked>('ask', task)
  const memory = await measure<Memory>('memory', task)
  return { messages, rates, loaded, openedAfterKill, opened, bytes, cold, asked, memory }
}

/** All of it, in the end the deletion; nothing stays. */
export async function wholeCourse(task: Task, place: Place): Promise<Measured> {
  const held = await hold(task, place)
  const written = await tryToMeasure<Written>('write', task)
  const isOurs = task.keeper === 'waypost'
  const ordered = isOurs ? await tryToMeasure<Ordered>('order', aside(task)) : undefined
  const networked = isOurs ? await tryToMeasure<Networked>('network', task) : undefined
  const forgot = await tryToMeasure<Partial<Forgot>>('forget', task)
  const bytesAfter = await bytesIn(place.folder)
  await rm(task.folder, { recursive: true, force: true })
  return { ...held, written, ordered, networked, forgot, bytesAfter }
}

/** The same in a folder of its own. */
function aside(task: Task): Task {
  return { ...task, folder: `${task.folder}-aside` }
}

/** What was acknowledged is there after the kill. LevelDB alone does not count what it holds. */
function check({ keeper, present: { stretch } }: Task, { messages }: Opened): void {
  if (keeper !== 'raw' && messages !== stretch.messages)
    throw new Error(`${keeper} holds ${messages} of ${stretch.messages} messages`)
}

async function coldPages(task: Task, { folder, closed }: Place): Promise<Held['cold']> {
  const cold: Partial<Record<Question, number>> = {}
  for (const question of questionNames) {
    const times: number[] = []
    for (let round = 0; round < coldRounds; round += 1) {
      await closed(() => dropCache(folder))
      const { page } = await measure<ColdPage>('cold', { ...task, question })
      if (page === undefined) break
      times.push(page)
      if (page > coldPatience) break
    }
    if (times.length > 0) cold[question] = median(times)
  }
  return cold
}
