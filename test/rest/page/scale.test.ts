import fc from 'fast-check'
import t from 'tap'
import { areaPath, linePath, type Measure, nearest, runs, timeTicks, valueTicks } from '../../../src/rest/page/scale.ts'

const hour = 3_600_000
const measures: readonly Measure[] = ['rate', 'count', 'bytes', 'delay']

t.test('an axis begins at 0, ends above the highest value and has few numbers, whatever the values', async (t) => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e15, noNaN: true }), fc.constantFrom(...measures), (most, measure) => {
      const ticks = valueTicks(most, measure)
      return ticks[0] === 0 && ticks.at(-1)! >= most * (1 - 1e-9) && ticks.length >= 2 && ticks.length <= 8
    }),
  )
  t.same(valueTicks(47, 'rate'), [0, 20, 40, 60])
  t.same(valueTicks(0, 'count'), [0, 1, 2, 3])
  t.same(
    valueTicks(3.2 * 1024 ** 3, 'bytes').map((tick) => tick / 1024 ** 3),
    [0, 2, 4],
  )
  t.same(
    valueTicks(2500 * 1024, 'bytes').map((tick) => tick / 1024 ** 2),
    [0, 1, 2, 3],
  )
})

t.test('marks of time are round by the clock on the wall, and fit', async (t) => {
  const start = Date.UTC(2026, 0, 1, 10, 7)
  const utc = timeTicks(start, start + hour, 7, 0)
  t.equal(utc.step, 10 * 60_000)
  t.same(
    utc.times.map((time) => new Date(time).getUTCMinutes()),
    [10, 20, 30, 40, 50, 0],
  )
  const india = 5.5 * hour
  const days = timeTicks(start, start + 168 * hour, 7, india)
  t.equal(days.step, 24 * hour)
  for (const time of days.times) t.equal((time + india) % (24 * hour), 0, 'midnight in India')
})

t.test('a line is broken where something is missing', async (t) => {
  const point = (x: number) => ({ x, y: 0 })
  t.same(runs([undefined, point(1), point(2), undefined, undefined, point(3)]), [[point(1), point(2)], [point(3)]])
  t.equal(
    linePath([
      { x: 1, y: 2 },
      { x: 3, y: 4.06 },
    ]),
    'M1.0,2.0L3.0,4.1',
  )
  t.equal(linePath([{ x: 1, y: 2 }]), 'M1.0,2.0h1')
  t.equal(
    areaPath(
      [point(1), point(2)],
      [
        { x: 1, y: 9 },
        { x: 2, y: 9 },
      ],
    ),
    'M1.0,0.0L2.0,0.0L2.0,9.0L1.0,9.0Z',
  )
})

t.test('the sample nearest to a time is found', async (t) => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer(), { minLength: 1 }), fc.integer(), (some, time) => {
      const times = some.toSorted((a, b) => a - b)
      const found = Math.abs(times[nearest(times, time)]! - time)
      return times.every((one) => found <= Math.abs(one - time))
    }),
  )
  t.equal(nearest([], 5), -1)
})
