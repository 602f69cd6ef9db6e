import fc from 'fast-check'
import t from 'tap'
import { clockFault, laterClock, maxAheadMilliseconds, nextClock } from '../../src/messaging/clock.ts'
import { holds } from '../kit/property.ts'

t.test('a clock behind the time goes a minute ahead of it, another goes on by one', async (t) => {
  t.equal(nextClock(0n, 1_700_000_000_000), 1_700_000_060_000n)
  t.equal(nextClock(1_700_000_060_000n, 1_700_000_000_000), 1_700_000_060_001n)
  t.equal(nextClock(1_700_000_000_000n, 1_700_000_000_000), 1_700_000_000_001n, 'one that is the time too')
  t.equal(nextClock(0n, 1), 60_001n, "status-go's own example")
})

t.test('a clock that was made is later than what was seen, and receivers take it', async (t) => {
  const times = fc.integer({ min: 1_600_000_000_000, max: 2_000_000_000_000 })
  holds(
    t,
    fc.property(times, fc.array(fc.integer({ min: 0, max: 59_000 }), { maxLength: 50 }), (start, steps) => {
      let clock = 0n
      let now = start
      for (const step of steps) {
        now += step
        const next = nextClock(clock, now)
        if (next <= clock || clockFault(next, now) !== undefined) return false
        clock = laterClock(clock, next)
      }
      return true
    }),
  )
})

t.test('a clock of 0, or more than two minutes ahead of its envelope, is a fault', async (t) => {
  const sentAt = 1_700_000_000_000
  const limit = BigInt(sentAt) + maxAheadMilliseconds
  t.equal(clockFault(limit, sentAt), undefined)
  t.equal(clockFault(1n, sentAt), undefined, 'an old one is none: messages come late')
  t.equal(clockFault(limit + 1n, sentAt), 'clock ahead')
  t.equal(clockFault(0n, sentAt), 'no clock')
  t.equal(clockFault(BigInt(sentAt) * 1_000_000n, sentAt), 'clock ahead', 'nanoseconds')
})

t.test('a clock never goes back', async (t) => {
  t.equal(laterClock(5n, 3n), 5n)
  t.equal(laterClock(3n, 5n), 5n)
})
