import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { type Lane, Merge } from '../../../src/archive/level/merge.ts'

/** A lane over sorted numbers that gives `size` of them at a time. */
function laneOf(numbers: readonly number[], size: number): Lane<number> {
  const rest = [...numbers]
  let piece: number[] = []
  return {
    get head() {
      return piece[0]
    },
    take: () => piece.shift()!,
    fill: async () => {
      piece = rest.splice(0, size)
    },
  }
}

t.test('lanes merge into one sorted sequence', async (t) => {
  const lane = fc.tuple(fc.array(fc.integer({ min: 0, max: 20 })), fc.integer({ min: 1, max: 5 }))
  await fc.assert(
    fc.asyncProperty(fc.array(lane), async (lanes) => {
      const sorted = lanes.map(([numbers, size]) =>
        laneOf(
          numbers.toSorted((a, b) => a - b),
          size,
        ),
      )
      const merged = await taken(new Merge(sorted, (a, b) => a - b))
      const expected = lanes.flatMap(([numbers]) => numbers).sort((a, b) => a - b)
      assert.deepEqual(merged, expected)
    }),
    { numRuns: 50 },
  )
  t.pass()
})

t.test('a merge reads no further than it is asked to', async (t) => {
  let filled = 0
  const lane: Lane<number> = {
    head: 1,
    take: () => 1,
    fill: async () => {
      filled += 1
    },
  }
  const merge = new Merge([lane], (a, b) => a - b)
  t.equal(filled, 0)
  await merge.fill()
  t.equal(merge.take(), 1)
  t.equal(merge.take(), 1)
  t.notOk(merge.isDue)
  t.equal(filled, 1)
})

async function taken(merge: Merge<number>): Promise<number[]> {
  const rows: number[] = []
  for (;;) {
    if (merge.isDue) await merge.fill()
    const row = merge.take()
    if (row === undefined) return rows
    rows.push(row)
  }
}
