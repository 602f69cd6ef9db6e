import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { FrameCutter } from '../../src/net/frame-cutter.ts'
import { frame } from '../../src/net/frames.ts'
import { holds } from '../kit/property.ts'

const limit = 5000

/** The frames that a cutter takes out of `chunks`: prefixes and bodies, in hexadecimal digits. */
function cut(chunks: readonly Uint8Array[]): string[] {
  const taken: string[] = []
  const cutter = new FrameCutter(limit, (buffer, begin, start, end) => {
    taken.push(hex(buffer.subarray(begin, start)), hex(buffer.subarray(start, end)))
  })
  for (const chunk of chunks) cutter.push(chunk)
  return taken
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function pieces(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const cuts: Uint8Array[] = []
  let at = 0
  for (let piece = 0; at < bytes.length; piece += 1) {
    const size = sizes[piece % sizes.length] ?? 1
    cuts.push(bytes.subarray(at, at + size))
    at += size
  }
  return cuts
}

t.test('it finds the frames that were sent, however the stream is cut', async (t) => {
  const bodies = fc.array(fc.uint8Array({ maxLength: limit, size: 'max' }), { maxLength: 8 })
  const sizes = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 6 })
  holds(
    t,
    fc.property(bodies, sizes, (bodies, sizes) => {
      const stream = Buffer.concat(bodies.map(frame))
      const taken = cut(pieces(stream, sizes))
      assert.deepEqual(
        taken.filter((_, index) => index % 2 === 1),
        bodies.map(hex),
      )
      assert.equal(taken.join(''), hex(stream), 'prefixes stand right before their bodies')
    }),
    { numRuns: 300 },
  )
})

t.test('a frame that a chunk holds whole is taken where it lies', async (t) => {
  const chunk = Buffer.concat([frame(Buffer.alloc(10, 1)), frame(Buffer.alloc(300, 2))])
  const places: unknown[] = []
  const cutter = new FrameCutter(limit, (buffer, begin, start, end) => {
    places.push([buffer === chunk, begin, start, end])
  })
  cutter.push(chunk)
  t.same(places, [
    [true, 0, 1, 11],
    [true, 11, 13, 313],
  ])
})

t.test('a frame that came in pieces has a buffer of its own that is not written to again', async (t) => {
  const stream = Buffer.concat([1, 2, 3].map((value) => frame(Buffer.alloc(2500, value))))
  const bodies: Uint8Array[] = []
  const cutter = new FrameCutter(limit, (buffer, _begin, start, end) => {
    bodies.push(buffer.subarray(start, end))
  })
  for (const chunk of pieces(stream, [700])) cutter.push(chunk)
  t.same(
    bodies.map((body) => [body.length, ...new Set(body)]),
    [
      [2500, 1],
      [2500, 2],
      [2500, 3],
    ],
  )
})

t.test('what is held grows with what comes, not with what is announced', async (t) => {
  const large = 200 * 1024 * 1024
  const cutter = new FrameCutter(large, () => {})
  cutter.push(Buffer.from([0x80, 0x80, 0x80, 0x60]))
  cutter.push(Buffer.alloc(10))
  t.equal(cutter.heldBytes, 14)
  t.ok(process.memoryUsage().arrayBuffers < large, 'the announced frame has no buffer')
})

t.test('a length above the limit is refused before its body, and at the limit it is not', async (t) => {
  t.equal(cut([frame(Buffer.alloc(limit))]).length, 2)
  t.throws(() => cut([frame(Buffer.alloc(limit + 1)).subarray(0, 2)]), { code: 'wire/too-large' })
  t.throws(() => cut([Buffer.from([0xff, 0xff]), Buffer.from([0xff, 0xff])]), { code: 'wire/malformed' })
})

t.test('what the taker throws leaves no frame behind', async (t) => {
  let throws = true
  const taken: number[] = []
  const cutter = new FrameCutter(limit, (_buffer, _begin, start, end) => {
    if (throws) throw new Error('not today')
    taken.push(end - start)
  })
  const [head, tail] = pieces(frame(Buffer.alloc(100)), [51])
  cutter.push(head ?? Buffer.alloc(0))
  t.throws(() => cutter.push(tail ?? Buffer.alloc(0)), { message: 'not today' })
  throws = false
  cutter.push(frame(Buffer.alloc(7)))
  t.same(taken, [7])
})
