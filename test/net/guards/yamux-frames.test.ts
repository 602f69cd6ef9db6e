import fc from 'fast-check'
import t from 'tap'
import { YamuxFrames } from '../../../src/net/guards/yamux-frames.ts'

const limit = 1000

t.test('frames within the limit pass, however they are cut into chunks', async (t) => {
  const frames = fc.array(fc.record({ type: fc.constantFrom(0, 1, 2, 3), length: fc.nat(limit) }), { maxLength: 6 })
  const pass = fc.property(frames, fc.array(fc.nat(40), { maxLength: 200 }), (some, cuts) =>
    accepted(Buffer.concat(some.map(({ type, length }) => frame(type, length, length))), cuts),
  )
  t.doesNotThrow(() => fc.assert(pass, { numRuns: 300 }))
})

t.test('a data frame above the limit does not pass, however its header is cut', async (t) => {
  for (let cut = 0; cut < 14; cut += 1)
    t.notOk(accepted(Buffer.concat([frame(0, 2, 2), frame(0, limit + 1, 0)]), [cut, 1]), `cut after ${cut}`)
})

t.test('the length of other frames is no length', async (t) => {
  for (const type of [1, 2, 3]) t.ok(accepted(frame(type, 0xffffffff, 0), []))
})

/** True when all chunks pass. */
function accepted(bytes: Buffer, cuts: readonly number[]): boolean {
  const frames = new YamuxFrames(limit)
  let rest = bytes
  for (const cut of cuts) {
    if (!frames.accept(rest.subarray(0, cut))) return false
    rest = rest.subarray(cut)
  }
  return frames.accept(rest)
}

/** A frame that announces `length` and, if it is a data frame, has `body` bytes of it. */
function frame(type: number, length: number, body: number): Buffer {
  const bytes = Buffer.alloc(12 + (type === 0 ? body : 0))
  bytes.writeUInt8(type, 1)
  bytes.writeUInt32BE(length, 8)
  return bytes
}
