import fc from 'fast-check'
import t from 'tap'
import { distance, toMilliseconds, toNanoseconds } from '../../src/core/time.ts'
import { holds } from '../kit/property.ts'

t.test('milliseconds become nanoseconds and come back', async (t) => {
  holds(
    t,
    fc.property(fc.integer({ min: 0, max: 8.64e15 / 1000 }), (time) => toMilliseconds(toNanoseconds(time)) === time),
  )
})

t.test('a fraction of a millisecond is kept to the microsecond', async (t) => {
  t.equal(toNanoseconds(1_700_000_000_123.456), 1_700_000_000_123_456_000n)
})

t.test('nanoseconds are cut to whole milliseconds', async (t) => {
  t.equal(toMilliseconds(1_999_999n), 1)
  t.equal(toMilliseconds(-1n), 0)
  t.equal(toMilliseconds(2n ** 63n - 1n), 9_223_372_036_854)
})

t.test('a distance in time has no sign', async (t) => {
  const now = 1_700_000_000_000
  t.equal(distance(toNanoseconds(now + 20_000), now), 20_000)
  t.equal(distance(toNanoseconds(now - 20_000), now), 20_000)
  t.equal(distance(0n, now), now)
})
