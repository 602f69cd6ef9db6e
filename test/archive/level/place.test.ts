import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { Place } from '../../../src/archive/backend.ts'
import { contains, decodePlace, encodePlace, placeRange, timeOf, timeRange } from '../../../src/archive/level/place.ts'

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'))
const place: fc.Arbitrary<Place> = fc.record({ timestamp: int64, hash })

function compare(a: Place, b: Place): number {
  if (a.timestamp !== b.timestamp) return a.timestamp < b.timestamp ? -1 : 1
  return a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : 0
}

t.test('a place goes to bytes and back', async (t) => {
  fc.assert(fc.property(place, (place) => assert.deepEqual(decodePlace(encodePlace(place)), { ...place })))
  fc.assert(fc.property(place, (place) => timeOf(encodePlace(place)) === place.timestamp))
  t.pass()
})

t.test('the order of the bytes is the order of history', async (t) => {
  const near = fc.record({ timestamp: fc.bigInt({ min: -2n, max: 2n }), hash })
  fc.assert(
    fc.property(fc.oneof(place, near), fc.oneof(place, near), (a, b) => {
      return Buffer.compare(encodePlace(a), encodePlace(b)) === compare(a, b)
    }),
  )
  t.pass()
})

t.test('a range holds the places that a walk is to meet, and no other', async (t) => {
  const small = fc.bigInt({ min: 0n, max: 5n })
  const few = fc.record({ timestamp: small, hash: fc.constantFrom('00'.repeat(32), '7f'.repeat(32), 'ff'.repeat(32)) })
  const walk = fc.record(
    { start: small, end: small, after: few, direction: fc.constantFrom('forward' as const, 'backward' as const) },
    { requiredKeys: ['direction'] },
  )
  fc.assert(
    fc.property(walk, few, ({ start, end, after, direction }, at) => {
      const isBehind =
        after === undefined || (direction === 'forward' ? compare(at, after) > 0 : compare(at, after) < 0)
      const isSelected =
        (start === undefined || at.timestamp >= start) && (end === undefined || at.timestamp <= end) && isBehind
      const range = placeRange({ start, end, after, direction })
      const times = timeRange({ start, end, after, direction })
      if (range === undefined || times === undefined) return !isSelected
      const isInTime = at.timestamp >= times.from && at.timestamp <= times.to
      return contains(range, encodePlace(at)) === isSelected && (isInTime || !isSelected)
    }),
    { numRuns: 500 },
  )
  t.pass()
})

t.test('times beyond those that a message can have are ranges without an end', async (t) => {
  const [least, most] = [-(2n ** 63n), 2n ** 63n - 1n]
  t.equal(placeRange({ start: most + 1n, direction: 'forward' }), undefined)
  t.equal(placeRange({ end: least - 1n, direction: 'forward' }), undefined)
  t.same(
    placeRange({ start: least - 1n, end: most + 1n, direction: 'forward' }),
    placeRange({ start: least, end: most, direction: 'forward' }),
  )
})
