import fc from 'fast-check'
import t from 'tap'
import { maxShards, parityOf, restoredData } from '../../../src/messaging/segmentation/reed-solomon.ts'
import { holds } from '../../kit/property.ts'

/** `data` shards of `size` bytes and their parity. */
function shardsOf(data: number, parity: number, size: number): Uint8Array[] {
  const shards = Array.from({ length: data }, (_, shard) =>
    Uint8Array.from({ length: size }, (_, index) => (shard * 31 + index * 7 + (index >> 3) * shard) & 0xff),
  )
  return [...shards, ...parityOf(shards, parity)]
}

const sizes = fc
  .tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: 40 }))
  .chain(([data, parity, size]) =>
    fc.record({
      data: fc.constant(data),
      parity: fc.constant(parity),
      size: fc.constant(size),
      lost: fc.subarray(
        Array.from({ length: data + parity }, (_, index) => index),
        { maxLength: parity },
      ),
    }),
  )

t.test('any shards that are as many as the data restore it', async (t) => {
  holds(
    t,
    fc.property(sizes, ({ data, parity, size, lost }) => {
      const whole = shardsOf(data, parity, size)
      const left = whole.map((shard, index) => (lost.includes(index) ? undefined : shard))
      t.same(restoredData(left, data), whole.slice(0, data))
    }),
  )
})

t.test('the most shards there can be are restored from the last of them', async (t) => {
  const data = 128
  const whole = shardsOf(data, maxShards - data, 4)
  const left = whole.map((shard, index) => (index < data ? undefined : shard))
  t.same(restoredData(left, data), whole.slice(0, data))
})

t.test('a shard that was changed changes what is restored', async (t) => {
  const whole = shardsOf(4, 2, 8)
  const left = whole.map((shard, index) => (index === 0 ? undefined : shard.slice()))
  t.same(restoredData(left, 4)[0], whole[0], 'the control')
  left[4]![3]! ^= 1
  t.notSame(restoredData(left, 4)[0], whole[0])
})
