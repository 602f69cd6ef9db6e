import fc from 'fast-check'
import t from 'tap'
import { backoff } from '../../src/net/backoff.ts'

const waits = { first: 1000, most: 60_000 }

t.test('the wait doubles with each failure up to its most', async (t) => {
  const full = [0, 1, 2, 3, 4, 5, 6, 7, 100, 2000].map((failures) => backoff(failures, waits, () => 1))
  t.same(full, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000, 60_000])
})

t.test('chance takes up to half of a wait away', async (t) => {
  t.equal(
    backoff(3, waits, () => 0),
    4000,
  )
  fc.assert(
    fc.property(fc.nat(50), (failures) => {
      const wait = backoff(failures, waits)
      return wait >= 500 && wait <= 60_000
    }),
  )
  t.pass()
})
