import fc from 'fast-check'
import t from 'tap'
import {
  controlFrames,
  Flag,
  FrameType,
  type Header,
  readHeader,
  writeHeader,
} from '../../../../src/net/stack/yamux/frame.ts'
import { FrameReader } from '../../../../src/net/stack/yamux/frame-reader.ts'
import { dataFrame, WriteQueue } from '../../../../src/net/stack/yamux/write-queue.ts'
import { holds } from '../../../kit/property.ts'
import { yamuxFrame } from '../../../kit/yamux.ts'

/** Each frame of the specification, by hand: version, type, flags, stream id, length. */
const golden = [
  { id: 'data', bytes: '00 00 0000 00000001 00000003 616263', frame: dataFrame(1, Buffer.from('abc')).subarray() },
  { id: 'window update', bytes: '00 01 0000 00000002 00020000', frame: controlFrames.update(2, 131_072) },
  { id: 'open', bytes: '00 01 0001 00000003 00000000', frame: controlFrames.open(3) },
  { id: 'accept', bytes: '00 01 0002 00000004 00000000', frame: controlFrames.accept(4) },
  { id: 'end', bytes: '00 01 0004 fffffffe 00000000', frame: controlFrames.end(0xfffffffe) },
  { id: 'reset', bytes: '00 01 0008 00000005 00000000', frame: controlFrames.reset(5) },
  { id: 'ping', bytes: '00 02 0001 00000000 deadbeef', frame: controlFrames.ping(0xdeadbeef) },
  { id: 'answer to a ping', bytes: '00 02 0002 00000000 deadbeef', frame: controlFrames.pong(0xdeadbeef) },
  { id: 'normal end', bytes: '00 03 0000 00000000 00000000', frame: controlFrames.goAway(0) },
  { id: 'protocol error', bytes: '00 03 0000 00000000 00000001', frame: controlFrames.goAway(1) },
  { id: 'internal error', bytes: '00 03 0000 00000000 00000002', frame: controlFrames.goAway(2) },
] as const

for (const { id, bytes, frame } of golden)
  t.test(`a frame is the bytes of the specification: ${id}`, async (t) => {
    t.equal(Buffer.from(frame).toString('hex'), bytes.replaceAll(' ', ''))
  })

const uint32 = fc.nat(0xffffffff)

t.test('a header is read as it was written, wherever it lies', async (t) => {
  const property = fc.property(
    fc.nat(255),
    fc.nat(0xffff),
    uint32,
    uint32,
    fc.nat(20),
    (type, flags, id, length, at) => {
      const bytes = Buffer.concat([Buffer.alloc(at, 0xff), writeHeader(type, flags, id, length)])
      const header: Header = { version: 9, type: 9, flags: 9, id: 9, length: 9 }
      readHeader(bytes, at, header)
      return (
        header.version === 0 &&
        header.type === type &&
        header.flags === flags &&
        header.id === id &&
        header.length === length
      )
    },
  )
  holds(t, property, { numRuns: 1000 })
})

interface Taken {
  readonly headers: string[]
  body: Buffer
  ends: number
}

function read(chunks: readonly Uint8Array[]): Taken {
  const taken: Taken = { headers: [], body: Buffer.alloc(0), ends: 0 }
  const reader = new FrameReader({
    header: ({ type, flags, id, length }) => taken.headers.push([type, flags, id, length].join()) > 0,
    body: (bytes, last) => {
      taken.body = Buffer.concat([taken.body, bytes])
      if (last) taken.ends += 1
    },
  })
  for (const chunk of chunks) reader.push(chunk)
  return taken
}

function cutUp(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const chunks: Buffer[] = []
  let rest = bytes
  for (const cut of cuts) {
    chunks.push(rest.subarray(0, cut))
    rest = rest.subarray(cut)
  }
  return [...chunks, rest]
}

t.test('frames are read the same, however they are cut into chunks', async (t) => {
  const frames = fc.array(fc.record({ type: fc.nat(3), flags: fc.nat(15), id: uint32, length: fc.nat(300) }))
  const property = fc.property(frames, fc.array(fc.nat(40)), (some, cuts) => {
    const bytes = Buffer.concat(
      some.map(({ type, flags, id, length }) =>
        yamuxFrame(type, flags, id, length, Buffer.alloc(type === 0 ? length : 0, id)),
      ),
    )
    const whole = read([bytes])
    const bodies = some.filter(({ type, length }) => type === 0 && length > 0)
    t.same(
      whole.headers,
      some.map(({ type, flags, id, length }) => [type, flags, id, length].join()),
    )
    t.equal(whole.ends, bodies.length)
    t.same(read(cutUp(bytes, cuts)), whole)
  })
  holds(t, property, { numRuns: 200 })
})

t.test('a body is handed on in the pieces in which it comes, without a copy', async (t) => {
  const bytes = yamuxFrame(0, 0, 1, 100, Buffer.alloc(100, 7))
  const pieces: Uint8Array[] = []
  const reader = new FrameReader({ header: () => true, body: (piece) => pieces.push(piece) })
  reader.push(bytes.subarray(0, 50))
  t.equal(pieces.length, 1, 'before the frame is complete')
  reader.push(bytes.subarray(50))
  t.same(
    pieces.map((piece) => [piece.buffer === bytes.buffer, piece.length]),
    [
      [true, 38],
      [true, 62],
    ],
  )
})

t.test('nothing is read behind a header that was refused', async (t) => {
  let headers = 0
  const reader = new FrameReader({
    header: () => {
      headers += 1
      return false
    },
    body: () => t.fail('a body is read'),
  })
  reader.push(Buffer.concat([yamuxFrame(0, 0, 1, 3, Buffer.from('abc')), yamuxFrame(2, 1, 0, 1)]))
  reader.push(yamuxFrame(2, 1, 0, 1))
  t.equal(headers, 1)
})

t.test('what waits is cut into frames, in order and without a copy', async (t) => {
  const property = fc.property(fc.array(fc.nat(50)), fc.array(fc.integer({ min: 1, max: 70 })), (lengths, takes) => {
    const queue = new WriteQueue()
    const parts = lengths.map((length, index) => Buffer.alloc(length, index))
    for (const part of parts) queue.append(part)
    const sent: Uint8Array[] = []
    for (const take of takes) {
      const length = Math.min(take, queue.byteLength)
      if (length > 0) sent.push(queue.frame(7, length).subarray(12))
    }
    const all = Buffer.concat(parts)
    const taken = Buffer.concat(sent)
    return taken.equals(all.subarray(0, taken.length)) && queue.byteLength === all.length - taken.length
  })
  holds(t, property, { numRuns: 300 })
  const body = Buffer.from('a message')
  const [header, view] = [...dataFrame(3, body)]
  t.equal(header?.length, 12)
  t.equal(view, body)
})

t.test('types and flags have their numbers', async (t) => {
  t.same(FrameType, { data: 0, windowUpdate: 1, ping: 2, goAway: 3 })
  t.same(Flag, { syn: 1, ack: 2, fin: 4, rst: 8 })
})
