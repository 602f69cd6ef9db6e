import t from 'tap'
import { type HistoryOverview, historyFigures } from '../../../src/rest/overview.ts'
import { gaps, joined } from '../../../src/rest/page/series.ts'

/** A history with the same value in each column: the time. */
function history(...times: readonly number[]): HistoryOverview {
  const columns = Object.keys(historyFigures).map((name) => [name, times])
  return { interval: 5, times, values: Object.fromEntries(columns) }
}

t.test('what comes is put behind what was there, once, and what is too old goes', async (t) => {
  const first = joined(undefined, history(5, 10, 15), 0)
  const then = joined(first, history(15, 20), 10)
  t.same(then.times, [10, 15, 20])
  t.same(then.values.peers, [10, 15, 20])
  t.same(joined(then, history(), 0).times, [10, 15, 20], 'no news')
})

t.test('a pause of the node is a gap', async (t) => {
  t.same(gaps(joined(undefined, history(5, 10, 16, 60, 65), 0)), [false, false, false, true, false])
})
