import fc from 'fast-check'
import t from 'tap'
import { maxTime, minTime } from '../../../src/archive/postgres/partitions.ts'
import { rangeOf, windows } from '../../../src/archive/postgres/windows.ts'

t.test('a range is where both ends and the cursor leave room', async (t) => {
  t.same(rangeOf({ direction: 'forward' }), { first: minTime, last: maxTime })
  t.same(rangeOf({ start: 3n, end: 9n, direction: 'forward' }, 5n), { first: 5n, last: 9n })
  t.same(rangeOf({ start: 3n, end: 9n, direction: 'backward' }, 5n), { first: 3n, last: 5n })
  t.equal(rangeOf({ start: 9n, end: 3n, direction: 'forward' }), undefined)
  t.equal(rangeOf({ start: maxTime + 1n, direction: 'forward' }), undefined)
})

t.test('the windows of a walk cover its range once, in its order', async (t) => {
  const ends = fc.uniqueArray(fc.bigInt({ min: -50n, max: 50n }), { minLength: 2, maxLength: 60 })
  const range = fc.tuple(fc.bigInt({ min: -60n, max: 60n }), fc.bigInt({ min: 0n, max: 80n }))
  fc.assert(
    fc.property(
      ends,
      range,
      fc.constantFrom('forward' as const, 'backward' as const),
      (times, [first, length], direction) => {
        const cuts = times.toSorted((a, b) => (a < b ? -1 : 1))
        const partitions = cuts.slice(1).map((to, index) => ({ from: cuts[index]!, to }))
        const pieces = windows({ first, last: first + length }, partitions, direction)
        if (direction === 'backward') pieces.reverse()
        const isWhole = pieces[0]?.first === first && pieces.at(-1)?.last === first + length
        return isWhole && pieces.slice(1).every((piece, index) => piece.first === pieces[index]!.last + 1n)
      },
    ),
  )
  t.pass('100 runs')
})

t.test('no window lies over more than 32 partitions, and the first over three', async (t) => {
  const partitions = Array.from({ length: 720 }, (_, index) => ({ from: BigInt(index), to: BigInt(index + 1) }))
  const pieces = windows({ first: 0n, last: 719n }, partitions, 'forward')
  const widths = pieces.map(({ first, last }) => Number(last - first) + 1)
  t.same(widths.slice(0, 5), [3, 6, 12, 24, 32])
  t.equal(Math.max(...widths), 32)
})
