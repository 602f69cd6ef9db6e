import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { type PartitionLimits, partitionLimits, route } from '../../../src/archive/level/route.ts'
import { emptyTally, type Tally, withMessage } from '../../../src/archive/level/tally.ts'

const day = 86_400_000
const mebibyte = 1024 * 1024

/** Puts messages where they belong, and gives the partitions. */
function routed(timestamps: readonly bigint[], limits: PartitionLimits): Tally[] {
  const all: { claimed: Tally }[] = []
  for (const timestamp of timestamps) {
    const found = route(all, timestamp, limits)
    if ('newBefore' in found) all.splice(found.newBefore, 0, { claimed: emptyTally })
    const at = 'to' in found ? found.to : found.newBefore
    all[at]!.claimed = withMessage(all[at]!.claimed, timestamp, 1000)
  }
  return all.map(({ claimed }) => claimed)
}

t.test('stretches of partitions never overlap, and stand in the order of history', async (t) => {
  const limits = fc.record({
    bytes: fc.integer({ min: 1, max: 20_000 }),
    messages: fc.integer({ min: 1, max: 20 }),
    span: fc.bigInt({ min: 1n, max: 50n }),
    count: fc.integer({ min: 1, max: 20 }),
  })
  const times = fc.array(fc.bigInt({ min: -50n, max: 50n }), { minLength: 1, maxLength: 200 })
  fc.assert(
    fc.property(times, limits, (timestamps, limits) => {
      const tallies = routed(timestamps, limits)
      assert.equal(
        tallies.reduce((sum, { messages }) => sum + messages, 0),
        timestamps.length,
      )
      for (const [index, { oldest }] of tallies.slice(1).entries()) assert.ok(tallies[index]!.newest! < oldest!)
    }),
  )
  t.pass()
})

const limits: PartitionLimits = { bytes: 1e9, messages: 10, span: 100n, count: 1000 }
const range = (first: number, count: number) => Array.from({ length: count }, (_, index) => BigInt(first + index))

t.test('messages as they come fill one partition after the other', async (t) => {
  t.match(routed(range(0, 35), limits), [
    { messages: 10, oldest: 0n },
    { messages: 10, oldest: 10n },
    { messages: 10, oldest: 20n },
    { messages: 5, oldest: 30n },
  ])
})

t.test('a late message goes where it belongs, also when that is full', async (t) => {
  t.match(routed([...range(0, 25), 5n, 15n, -1n], limits), [
    { messages: 1, newest: -1n },
    { messages: 11, oldest: 0n },
    { messages: 11, oldest: 10n },
    { messages: 5, oldest: 20n },
  ])
})

t.test('history that is fetched while messages come has partitions of its own', async (t) => {
  const now = [1000n, 1001n, 1002n]
  const old = range(0, 15)
  const tallies = routed([now[0]!, ...old.slice(0, 5), now[1]!, ...old.slice(5), now[2]!], limits)
  t.match(tallies, [{ messages: 10 }, { messages: 5 }, { messages: 3, oldest: 1000n, newest: 1002n }])
})

t.test('history that is fetched backwards fills partitions too', async (t) => {
  t.match(routed(range(0, 25).reverse(), limits), [{ messages: 5 }, { messages: 10 }, { messages: 10 }])
})

t.test('history that lies scattered makes no more than a bounded number of partitions', async (t) => {
  const scattered = Array.from({ length: 500 }, (_, index) => BigInt(index * 1000))
  t.equal(routed(scattered, { ...limits, messages: 1e9, count: 20 }).length, 20)
})

t.test('a partition is a sixteenth of what is kept, and of 256 MiB at the most', async (t) => {
  t.match(partitionLimits({ maxMessages: 1_600_000 }), { messages: 100_000, bytes: 256 * mebibyte })
  t.match(partitionLimits({ maxBytes: 160 * mebibyte }), { bytes: 10 * mebibyte })
  t.match(partitionLimits({ maxAge: 16 * day }), { span: BigInt(day) * 1_000_000n })
  t.match(partitionLimits({ maxMessages: 1 }), { messages: 100 })
  t.match(partitionLimits(), { bytes: 256 * mebibyte })
})
