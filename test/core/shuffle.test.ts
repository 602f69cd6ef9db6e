import fc from 'fast-check'
import t from 'tap'
import { shuffled } from '../../src/core/shuffle.ts'
import { holds } from '../kit/property.ts'

t.test('a shuffled list has the same items, and leaves the list as it was', async (t) => {
  holds(
    t,
    fc.property(fc.array(fc.integer()), (items) => {
      const before = [...items]
      const after = shuffled(items)
      return String(before) === String(items) && String(after.sort(byNumber)) === String(before.sort(byNumber))
    }),
  )
})

t.test('chance alone decides the order', async (t) => {
  const items = [1, 2, 3, 4]
  t.same(
    shuffled(items, () => 0.999),
    items,
  )
  t.same(
    shuffled(items, () => 0),
    [2, 3, 4, 1],
  )
  const firsts = new Set(Array.from({ length: 200 }, () => shuffled(items)[0]))
  t.equal(firsts.size, items.length, 'each may be the first')
})

function byNumber(one: number, other: number): number {
  return one - other
}
