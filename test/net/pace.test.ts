import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { Pace } from '../../src/net/pace.ts'

t.test('so many keep the pace in each second, and one more does not', async (t) => {
  let now = 5000
  const pace = new Pace(3, () => now)
  const taken = (count: number): boolean[] => Array.from({ length: count }, () => pace.keeps())
  t.same(taken(5), [true, true, true, false, false])
  now = 5999
  t.same(taken(1), [false])
  now = 6000
  t.same(taken(4), [true, true, true, false])
  now = 60_000
  t.same(taken(1), [true])
})

t.test('by the clock of the machine, what is too much in one second passes in the next', async (t) => {
  const pace = new Pace(100)
  const flood = (): number => Array.from({ length: 300 }, () => pace.keeps()).filter(Boolean).length
  // Three hundred at once may lie in two seconds.
  const passed = flood()
  t.ok(passed >= 100 && passed <= 200, `${passed}`)
  while (!pace.keeps()) await turn()
  t.pass('and then it does')
})
