import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { WaypostError } from '../../src/core/errors.ts'
import { FrameReader, frame } from '../../src/net/frames.ts'

const limit = 1024

/** What a reader hands out for `chunks`, as hexadecimal digits. */
function read(chunks: readonly Uint8Array[], reader = new FrameReader(limit)): string[] {
  return chunks.flatMap((chunk) => [...reader.push(chunk)].map(hex))
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/** `bytes` in pieces of at most `size`. */
function pieces(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  )
}

t.test('a frame is the unsigned varint of its length, then the body', async (t) => {
  const rows = [
    { length: 0, prefix: '00' },
    { length: 127, prefix: '7f' },
    { length: 128, prefix: '8001' },
    { length: 16_383, prefix: 'ff7f' },
    { length: 16_384, prefix: '808001' },
    { length: 3 * 1024 * 1024, prefix: '8080c001' },
  ]
  for (const { length, prefix } of rows) {
    const framed = frame(Buffer.alloc(length, 1))
    t.equal(framed.length, prefix.length / 2 + length)
    t.equal(hex(framed.subarray(0, prefix.length / 2)), prefix, `${length} bytes`)
  }
})

t.test('frames come out whole however the stream is cut', async () => {
  const bodies = fc.array(fc.uint8Array({ maxLength: limit }), { maxLength: 8 })
  fc.assert(
    fc.property(bodies, fc.integer({ min: 1, max: 3000 }), (bodies, size) => {
      const stream = Buffer.concat(bodies.map(frame))
      assert.deepEqual(read(pieces(stream, size)), bodies.map(hex))
    }),
    { numRuns: 200 },
  )
})

t.test('bodies handed out stay as they are while more comes', async (t) => {
  const reader = new FrameReader(limit)
  const stream = Buffer.concat([frame(Buffer.alloc(300, 1)), frame(Buffer.alloc(300, 2)), frame(Buffer.alloc(300, 3))])
  const bodies = pieces(stream, 70).flatMap((chunk) => [...reader.push(chunk)])
  t.same(
    bodies.map((body) => [body.length, new Set(body).size, body[0]]),
    [
      [300, 1, 1],
      [300, 1, 2],
      [300, 1, 3],
    ],
  )
})

t.test('a frame in one piece is handed out without a copy', async (t) => {
  const framed = frame(Buffer.from('abc'))
  const [body] = new FrameReader(limit).push(framed)
  t.equal(body?.buffer, framed.buffer)
})

t.test('what is held of a frame keeps nothing else of its chunk', async (t) => {
  const reader = new FrameReader(limit)
  const chunk = Buffer.concat([frame(Buffer.alloc(100, 1)), frame(Buffer.alloc(100, 2)).subarray(0, 50)])
  t.equal([...reader.push(chunk)].length, 1)
  t.equal(reader.heldBytes, 50)
  chunk.fill(0)
  const [body] = reader.push(frame(Buffer.alloc(100, 2)).subarray(50))
  t.ok(body?.every((byte) => byte === 2))
})

t.test('frames before a prefix that is none come out', async (t) => {
  const reader = new FrameReader(limit)
  const bodies = reader.push(Buffer.concat([frame(Buffer.from('abc')), Buffer.from('ffffffff', 'hex')]))
  t.same(bodies.next().value, Buffer.from('abc'))
  t.throws(() => bodies.next(), { code: 'wire/malformed' })
})

t.test('a frame of the limit passes, and one byte more is refused before its body has come', async (t) => {
  t.equal(read([frame(Buffer.alloc(limit - 1))]).length, 1)
  t.equal(read([frame(Buffer.alloc(limit))]).length, 1)
  const announced = frame(Buffer.alloc(limit + 1)).subarray(0, 2)
  t.throws(() => read([announced]), { code: 'wire/too-large', data: { length: limit + 1, limit } })
})

t.test('a length above 256 MiB is refused at its fourth byte', async (t) => {
  const reader = new FrameReader(2 ** 30)
  t.same(read([Buffer.from('ffffff', 'hex')], reader), [], 'three bytes may become a length')
  t.throws(() => read([Buffer.from('ff', 'hex')], reader), { code: 'wire/malformed' })
  t.throws(() => read([Buffer.from('ffffff7f', 'hex')]), { code: 'wire/too-large', data: { length: 2 ** 28 - 1 } })
})

t.test('a large frame comes out whole in pieces of one byte', async (t) => {
  const large = 1024 * 1024
  const reader = new FrameReader(large)
  const stream = frame(Buffer.alloc(large, 7))
  t.same(read(pieces(stream.subarray(0, -1), 1), reader), [])
  t.equal(reader.heldBytes, stream.length - 1)
  const [body] = reader.push(stream.subarray(-1))
  t.ok(body && Buffer.alloc(large, 7).equals(body))
})

t.test('a reader says that it stands in the middle of a frame', async (t) => {
  const reader = new FrameReader(limit)
  t.equal(reader.incomplete, false)
  read([Buffer.from('05aabb', 'hex')], reader)
  t.equal(reader.incomplete, true)
  t.equal(reader.heldBytes, 3)
  t.same(read([Buffer.from('ccddee', 'hex')], reader), ['aabbccddee'])
  t.equal(reader.incomplete, false)
})

t.test('any bytes give frames within the limit or an error of ours', async () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 20 }), (chunks) => {
      const reader = new FrameReader(100)
      try {
        for (const chunk of chunks) for (const body of reader.push(chunk)) assert.ok(body.length <= 100)
      } catch (error) {
        assert.ok(error instanceof WaypostError)
      }
    }),
    { numRuns: 2000 },
  )
})
