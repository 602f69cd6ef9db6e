import t from 'tap'
import { RecentSet } from '../../src/core/recent-set.ts'

t.test('a key is new once in its lifetime', async (t) => {
  let now = 0
  const seen = new RecentSet<string>({ lifetime: 100, most: 10, clock: () => now })
  t.equal(seen.add('a'), true)
  now = 99
  t.equal(seen.add('a'), false, 'and seeing it again does not renew it')
  now = 100
  t.equal(seen.add('a'), true)
})

t.test('the oldest key makes room when there are too many', async (t) => {
  const seen = new RecentSet<number>({ lifetime: 100, most: 3, clock: () => 0 })
  for (const key of [1, 2, 3]) seen.add(key)
  t.equal(seen.add(3), false, 'as many as allowed are all remembered')
  seen.add(4)
  t.equal(seen.size, 3)
  t.equal(seen.add(4), false)
  t.equal(seen.add(1), true)
})

t.test('asking for a key neither adds it nor makes room', async (t) => {
  let now = 0
  const seen = new RecentSet<number>({ lifetime: 100, most: 2, clock: () => now })
  t.equal(seen.has(1), false)
  for (const key of [1, 2]) seen.add(key)
  t.same([seen.has(1), seen.has(2)], [true, true], 'also when it is full')
  now = 100
  t.same([seen.has(1), seen.has(2)], [false, false])
})
