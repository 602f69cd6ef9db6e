import { hash, randomBytes } from 'node:crypto'
import t from 'tap'
import { Filter } from '../../../src/archive/level/filter.ts'

/** Digests from `first` on, always the same. */
function digests(first: number, count: number): Buffer[] {
  return Array.from({ length: count }, (_, index) => hash('sha256', `${first + index}`, 'buffer'))
}

t.test('what was added is never denied', async (t) => {
  const filter = new Filter()
  const added = Array.from({ length: 100_000 }, () => randomBytes(8))
  for (const bytes of added) filter.add(bytes)
  t.ok(added.every((bytes) => filter.mayHave(bytes)))
  const again = Filter.decode(filter.encode())
  t.ok(added.every((bytes) => again?.mayHave(bytes)))
  again?.add(Buffer.alloc(8, 1))
  t.ok(again?.mayHave(Buffer.alloc(8, 1)), 'it grows after it was read')
})

t.test('what was not added is mostly denied, however much was added', async (t) => {
  for (const count of [10, 10_000, 200_000]) {
    const filter = new Filter()
    for (const bytes of digests(0, count)) filter.add(bytes)
    const wrong = digests(1_000_000, 20_000).filter((bytes) => filter.mayHave(bytes)).length
    t.ok(wrong < 200, `${wrong} of 20,000 after ${count}`)
    t.ok(filter.bytes <= Math.max(8192, 5 * count), `${filter.bytes} bytes`)
  }
})

t.test('a digest stands anywhere in some bytes', async (t) => {
  const filter = new Filter()
  filter.add(Buffer.concat([Buffer.alloc(8), Buffer.from('01234567')]), 8)
  t.ok(filter.mayHave(Buffer.from('01234567')))
  t.notOk(filter.mayHave(Buffer.alloc(8)))
})

t.test('a filter of which a bit is not as it was is none', async (t) => {
  const filter = new Filter()
  for (const bytes of digests(0, 100)) filter.add(bytes)
  const file = filter.encode()
  file[1000]! ^= 1
  t.equal(Filter.decode(file), undefined)
  t.equal(Filter.decode(Buffer.alloc(0)), undefined)
  t.equal(Filter.decode(filter.encode().subarray(0, -1)), undefined)
})
