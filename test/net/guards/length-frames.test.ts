import fc from 'fast-check'
import t from 'tap'
import { frame } from '../../../src/net/frames.ts'
import { LengthFrames } from '../../../src/net/guards/length-frames.ts'

/** `bytes` in pieces that end at `cuts`. */
function pieces(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((one, other) => one - other)
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end))
}

t.test('messages up to the limit pass, wherever they are cut', async (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      (bodies, cuts) => {
        const frames = new LengthFrames(300)
        return pieces(Buffer.concat(bodies.map(frame)), cuts).every((piece) => frames.accept(piece))
      },
    ),
  )
  t.pass()
})

t.test('a message above the limit is found at its length, wherever it stands', async (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }),
      fc.array(fc.nat(), { maxLength: 5 }),
      fc.integer({ min: 301, max: 2 ** 31 - 1 }),
      (bodies, cuts, length) => {
        const frames = new LengthFrames(300)
        const bytes = Buffer.concat([...bodies.map(frame), varint(length)])
        return !pieces(bytes, cuts).every((piece) => frames.accept(piece))
      },
    ),
  )
  t.pass()
})

t.test('a length without end is none', async (t) => {
  t.notOk(new LengthFrames(300).accept(Buffer.alloc(5, 0x80)))
  t.ok(new LengthFrames(300).accept(Buffer.of(0x80, 0x80)), 'and one that is not complete may become one')
})

function varint(value: number): Buffer {
  return value < 0x80 ? Buffer.of(value) : Buffer.concat([Buffer.of(0x80 | (value & 0x7f)), varint(value >>> 7)])
}
