import t from 'tap'
import { FrameQueue } from '../../src/net/frame-queue.ts'

const frame = (length: number, fill = 0): Uint8Array => Buffer.alloc(length, fill)

t.test('frames leave in the order in which they came, a batch at a time', async (t) => {
  const queue = new FrameQueue({ messages: 10, bytes: 100 })
  const [a, b, c] = [frame(4), frame(4), frame(4)]
  for (const one of [a, b, c]) t.equal(queue.put(one), 0)
  const batch = queue.take(8)
  t.equal(batch.length, 2)
  t.equal(batch[0], a, 'by reference')
  t.equal(batch[1], b)
  t.same([queue.length, queue.bytes], [1, 4])
  t.equal(queue.take(8)[0], c)
  t.same(queue.take(8), [])
})

t.test('a frame above the batch goes alone', async (t) => {
  const queue = new FrameQueue({ messages: 10, bytes: 100 })
  queue.put(frame(20))
  queue.put(frame(1))
  t.same(
    queue.take(8).map(({ length }) => length),
    [20],
  )
})

t.test('the oldest make room: one message above the bound, one byte above the bound', async (t) => {
  const few = new FrameQueue({ messages: 2, bytes: 100 })
  t.same([few.put(frame(1, 1)), few.put(frame(1, 2)), few.put(frame(1, 3))], [0, 0, 1])
  t.same(
    few.take(100).map(([first]) => first),
    [2, 3],
  )
  const small = new FrameQueue({ messages: 10, bytes: 9 })
  t.same([small.put(frame(3)), small.put(frame(3)), small.put(frame(3))], [0, 0, 0], 'at the bound all stay')
  t.equal(small.put(frame(4)), 2)
  t.equal(small.bytes, 7)
})

t.test('one frame has its place even when it is larger than the bound', async (t) => {
  const queue = new FrameQueue({ messages: 10, bytes: 9 })
  queue.put(frame(5))
  t.equal(queue.put(frame(10)), 1)
  t.same([queue.length, queue.bytes], [1, 10])
  t.equal(queue.clear(), 1)
  t.same([queue.length, queue.bytes], [0, 0])
})
