/**
 * Further messages into an archive that is full: while pages are read, as fast as it takes them, and at a steady rate.
 * Those of the steady rate come when they are due, whatever became of those before, and their time counts from then.
 */
import { isWaypostError } from '../../../../src/core/errors.ts'
import { timed } from '../../kit/timed.ts'
import { underWay } from '../archives.ts'
import { furtherMessages, steadyRate } from '../extent.ts'
import { History, type Piece } from '../history.ts'
import { keeperNamed } from '../keepers.ts'
import { denseTopic } from '../messages.ts'
import { stored } from '../storing.ts'
import type { Keeper } from '../subject.ts'
import { answer, type Spread, spreadOf } from '../task.ts'

const readers = 4
/** Milliseconds after which no further messages are stored while pages are read: of slow pages there are enough by then. */
const patience = 10_000

/** From a put to its acknowledgement. */
export interface Acknowledged extends Spread {
  /** Messages. */
  readonly perSecond: number
  /** Messages that were not taken, since too many waited or the database did not keep up. */
  readonly refused: number
}

export interface Written {
  readonly paced?: Acknowledged
  readonly saturated?: Acknowledged
  readonly whileRead: { readonly perSecond: number; readonly pages: Spread }
}

await answer(async ({ keeper: name, folder, present, url }): Promise<Written> => {
  using history = new History(present)
  const keeper = await keeperNamed(name, url).open(folder, history.messages)
  const { paced, saturated, whileRead } = furtherMessages(history.messages)
  const second = history.messages + whileRead
  const put = keeper.put?.bind(keeper)
  const written: Written = {
    whileRead: await storeWhileRead(keeper, history.pieces(history.messages, second)),
    saturated: put && (await saturate(put, history.piece(second, saturated))),
    paced: put && (await pace(put, history.piece(second + saturated, paced))),
  }
  await keeper.close()
  return written
})

type Put = NonNullable<Keeper['put']>

async function pace(put: Put, piece: Piece): Promise<Acknowledged> {
  const times: number[] = []
  const under: Promise<void>[] = []
  let refused = 0
  const start = performance.now()
  const send = async (index: number): Promise<void> => {
    try {
      await put(piece.envelope(index))
      times.push(performance.now() - start - (index / steadyRate) * 1000)
    } catch (error) {
      if (!isWaypostError(error)) throw error
      refused += 1
    }
  }
  await everyMillisecond(() => {
    const due = Math.min(piece.length, Math.floor(((performance.now() - start) / 1000) * steadyRate))
    while (under.length < due) under.push(send(under.length))
    return under.length < piece.length
  })
  await Promise.all(under)
  return { ...spreadOf(times), perSecond: (times.length / (performance.now() - start)) * 1000, refused }
}

function everyMillisecond(work: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const tick = setInterval(() => {
      if (work()) return
      clearInterval(tick)
      resolve()
    }, 1)
  })
}

async function saturate(put: Put, piece: Piece): Promise<Acknowledged> {
  const { count, seconds, times } = await timed(piece.length, underWay, (index) => put(piece.envelope(index)))
  return { ...spreadOf(times), perSecond: count / seconds, refused: 0 }
}

async function storeWhileRead(keeper: Keeper, pieces: Iterable<Piece>): Promise<Written['whileRead']> {
  const times: number[] = []
  let isOver = false
  const reader = async (): Promise<void> => {
    while (!isOver) {
      const start = performance.now()
      await keeper.page({ contentTopics: [denseTopic()], backward: true })
      times.push(performance.now() - start)
      await new Promise(setImmediate)
    }
  }
  const reading = Promise.all(Array.from({ length: readers }, reader))
  const { perSecond } = await stored((envelopes) => keeper.insert(envelopes), during(patience, pieces))
  isOver = true
  await reading
  return { perSecond, pages: spreadOf(times) }
}

/** Pieces as long as the time lasts. */
function* during(milliseconds: number, pieces: Iterable<Piece>): Generator<Piece> {
  const end = performance.now() + milliseconds
  for (const piece of pieces) {
    yield piece
    if (performance.now() > end) return
  }
}
