import t from 'tap'
import { pageLimit } from '../../src/core/query.ts'

t.test('a page holds 20 messages unless asked otherwise, and 100 at the most', async (t) => {
  for (const asked of [undefined, 0, 0n]) t.equal(pageLimit(asked), 20)
  for (const asked of [1, 1n]) t.equal(pageLimit(asked), 1)
  for (const asked of [100, 100n, 101, 101n, 2n ** 64n - 1n, Number.POSITIVE_INFINITY]) t.equal(pageLimit(asked), 100)
})
