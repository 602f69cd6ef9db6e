import t from 'tap'
import { coarseRing, fineRing, History } from '../../src/telemetry/history.ts'

const figures = { rate: 'mean', amount: 'last', delay: 'most' } as const
const hour = 3_600_000
const small = { fine: { interval: 1000, samples: 4 }, coarse: { interval: 3000, samples: 2 } }

/** A history with a sample a second: the n-th at n seconds, with the rate n, the amount 10 n and the delay 100 n. */
function filled(seconds: number) {
  const history = new History(figures, small)
  for (let n = 1; n <= seconds; n += 1) history.add(n * 1000, { rate: n, amount: 10 * n, delay: 100 * n })
  return history
}

t.test('the fine ring holds an hour, the coarse one a week', async (t) => {
  t.equal(fineRing.interval * fineRing.samples, hour)
  t.equal(coarseRing.interval * coarseRing.samples, 7 * 24 * hour)
})

t.test('a short range is told in fine samples, oldest first, and the oldest make room', async (t) => {
  t.same(filled(6).read(4000, 0), {
    interval: 1000,
    times: [3000, 4000, 5000, 6000],
    values: { rate: [3, 4, 5, 6], amount: [30, 40, 50, 60], delay: [300, 400, 500, 600] },
  })
})

t.test('a long range is told in coarse samples: the mean of a rate, the last amount, the longest delay', async (t) => {
  const { interval, times, values } = filled(7).read(5000, 0)
  t.equal(interval, 3000)
  t.same(times, [4000, 7000])
  t.same(values, { rate: [2.5, 6], amount: [40, 70], delay: [400, 700] })
})

t.test('only what is later than asked for is told', async (t) => {
  t.same(filled(6).read(4000, 4000).times, [5000, 6000])
  t.same(filled(6).read(4000, 6000).times, [])
})

t.test('what could not be measured stays out of a mean', async (t) => {
  const history = new History(figures, small)
  history.add(1000, { rate: Number.NaN, amount: 1, delay: Number.NaN })
  for (const time of [2000, 3000, 4000]) history.add(time, { rate: 8, amount: 1, delay: Number.NaN })
  t.same(history.read(5000, 0).values, { rate: [8], amount: [1], delay: [Number.NaN] })
})

t.test('a clock that is set back does not end the coarse ring', async (t) => {
  const history = filled(7)
  for (const time of [1000, 2000, 3000, 4000, 5000]) history.add(time - hour, { rate: 1, amount: 1, delay: 1 })
  t.ok(history.read(5000, Number.NEGATIVE_INFINITY).times.includes(1000 - hour))
})
