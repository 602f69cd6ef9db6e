import { keccak_256 } from '@noble/hashes/sha3.js'
import fc from 'fast-check'
import t from 'tap'
import { isWaypostError } from '../../../src/core/errors.ts'
import { Reassembler, type SegmentVerdict } from '../../../src/messaging/segmentation/reassembler.ts'
import { segmentMessage } from '../../../src/messaging/segmentation/segment.ts'
import { maxWholeBytes, segmentBytesFor, split } from '../../../src/messaging/segmentation/split.ts'
import { holds } from '../../kit/property.ts'
import { bytesOf, hexOf, readVectors } from '../../kit/vectors.ts'

interface Vectors {
  readonly segments: readonly { length: number; data: number; parity: number; bodies: string[] }[]
}

const { segments: vectors } = readVectors<Vectors>('status-segments')

/** The payload that the vectors were made of. */
function payloadOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => ((index % 1000) * 7) & 0xff)
}

/** Accepts `bodies` in turn and returns the verdicts' kinds, a refusal by its reason. */
function outcomes(reassembler: Reassembler, bodies: readonly Uint8Array[], sender = 'alice'): string[] {
  return bodies.map((body) => {
    const verdict = reassembler.accept(sender, body)
    return verdict.kind === 'refused' ? verdict.reason : verdict.kind
  })
}

function wholeOf(verdicts: readonly SegmentVerdict[]): Uint8Array | undefined {
  return verdicts.find((verdict) => verdict.kind === 'whole')?.payload
}

function feed(bodies: readonly Uint8Array[]): Uint8Array | undefined {
  const reassembler = new Reassembler()
  return wholeOf(bodies.map((body) => reassembler.accept('alice', body)))
}

for (const { length, data, parity, bodies } of vectors) {
  t.test(`${length} bytes are split as status-go splits them`, async (t) => {
    t.same(split(payloadOf(length), 100).map(hexOf), bodies)
    t.equal(bodies.length, data + parity)
  })

  t.test(`what status-go makes of ${length} bytes is whole again, whichever segments are lost`, async (t) => {
    for (let lost = 0; lost < bodies.length; lost += 1) {
      const left = bodies.filter((_, index) => index !== lost && (parity < 2 || index !== (lost + 3) % bodies.length))
      t.equal(hexOf(feed(left.map(bytesOf)) ?? new Uint8Array(0)), hexOf(payloadOf(length)), `without ${lost}`)
    }
  })
}

t.test('a message that fits is sent as it is', async (t) => {
  const whole = payloadOf(100)
  t.same(split(whole, 100), [whole])
  t.equal(split(payloadOf(101), 100).length, 2)
  t.equal(segmentBytesFor(1024 * 1024), 786_432, 'as on the network of Status')
})

t.test('a message above the limit is not split', async (t) => {
  t.equal(split(new Uint8Array(maxWholeBytes)).length, 11 + 1)
  try {
    split(new Uint8Array(maxWholeBytes + 1))
    t.fail('it is split')
  } catch (error) {
    t.ok(isWaypostError(error, 'messaging/too-large'))
  }
  t.throws(() => split(new Uint8Array(257), 1), { code: 'messaging/too-large' }, 'nor into more than 256')
})

const scenes = fc
  .tuple(fc.uint8Array({ minLength: 2, maxLength: 600 }), fc.integer({ min: 3, max: 60 }))
  .map(([whole, size]) => ({ whole, size, bodies: split(whole, size) }))
  .filter(({ bodies }) => bodies.length > 1)
  .chain(({ whole, size, bodies }) => {
    const count = Math.ceil(whole.length / size)
    return fc.record({
      whole: fc.constant(whole),
      bodies: fc.constant(bodies),
      count: fc.constant(count),
      order: fc.shuffledSubarray([...bodies.keys()], { minLength: count }),
    })
  })

t.test('any sufficient set of segments in any order gives the message, once', async (t) => {
  holds(
    t,
    fc.property(scenes, ({ whole, bodies, order }) => {
      const reassembler = new Reassembler()
      const verdicts = [...order, ...order].map((index) => reassembler.accept('alice', bodies[index]!))
      t.same(Buffer.from(wholeOf(verdicts) ?? []), Buffer.from(whole))
      t.equal(verdicts.filter(({ kind }) => kind === 'whole').length, 1)
      t.equal(reassembler.bytes, 0, 'nothing is held afterwards')
    }),
    { numRuns: 300 },
  )
})

t.test('fewer segments than that give nothing', async (t) => {
  holds(
    t,
    fc.property(scenes, ({ bodies, count, order }) => {
      t.equal(feed(order.slice(0, count - 1).map((index) => bodies[index]!)), undefined)
    }),
  )
})

t.test('zeros at the end of a message survive the loss of its last segment', async (t) => {
  for (const zeros of [0, 1, 37]) {
    const whole = Buffer.concat([payloadOf(761), new Uint8Array(zeros)])
    const bodies = split(whole, 100).filter((_, index) => index !== 7)
    t.same(feed(bodies), whole, `${zeros} zeros`)
  }
  const full = Buffer.concat([payloadOf(60_000), new Uint8Array(20_000)])
  t.same(feed(split(full, 10_000).filter((_, index) => index !== 7)), full, 'also when they fill it')
})

t.test('more zeros than are looked for wait for the last segment itself', async (t) => {
  const whole = Buffer.concat([payloadOf(70_001), new Uint8Array(5000)])
  const bodies = split(whole, 10_000)
  const last = bodies[7]!
  const others = bodies.filter((body) => body !== last)
  const reassembler = new Reassembler()
  t.notOk(outcomes(reassembler, others).includes('whole'))
  t.same(outcomes(reassembler, [last]), ['whole'])
})

/** A segment of a message of ten, changed. */
function segment(change: Parameters<typeof segmentMessage.encode>[0]): Uint8Array {
  return segmentMessage.encode({ ...segmentMessage.decode(bytesOf(vectors[0]!.bodies[0]!)), ...change })
}

const bodies = vectors[0]!.bodies.map(bytesOf)

t.test('what is not a segment is told apart', async (t) => {
  const others = [
    new Uint8Array(0),
    bytesOf('ffff'),
    segment({ segmentsCount: 0 }),
    segment({ segmentsCount: 1 }),
    // A message of the encryption layer: installation id in field 2, a bundle in field 3.
    bytesOf('12026964' + '1a00' + 'b206020a00'),
  ]
  t.same(new Set(outcomes(new Reassembler(), others)), new Set(['not a segment']))
  t.same(outcomes(new Reassembler(), [segment({})]), ['kept'], 'the control')
})

const lies: readonly { what: string; before?: Uint8Array[]; body: Uint8Array; reason: string }[] = [
  { what: 'a hash of 31 bytes', body: segment({ wholeHash: new Uint8Array(31) }), reason: 'bad hash' },
  { what: 'no payload', body: segment({ payload: new Uint8Array(0) }), reason: 'no payload' },
  { what: 'an index outside', body: segment({ index: 10 }), reason: 'bad index' },
  {
    what: 'a parity index outside',
    body: segment({ segmentsCount: 0, parityIndex: 1, parityCount: 1 }),
    reason: 'bad index',
  },
  { what: 'more segments than there can be', body: segment({ segmentsCount: 257 }), reason: 'too many segments' },
  { what: 'four thousand million segments', body: segment({ segmentsCount: 0xffffffff }), reason: 'too many segments' },
  {
    what: 'another content',
    before: [bodies[0]!],
    body: segment({ payload: payloadOf(100).reverse() }),
    reason: 'other content',
  },
  {
    what: 'another count',
    before: [bodies[0]!],
    body: segment({ index: 1, segmentsCount: 11 }),
    reason: 'other count',
  },
  {
    what: 'more shards than the code has, data and parity together',
    before: [segment({ wholeHash: Buffer.alloc(32), segmentsCount: 250 })],
    body: segment({ wholeHash: Buffer.alloc(32), segmentsCount: 0, parityCount: 7 }),
    reason: 'other count',
  },
  {
    what: 'parity above the rate at which it is sent',
    before: [bodies[0]!],
    body: segment({ segmentsCount: 0, parityCount: 2 }),
    reason: 'other count',
  },
  {
    what: 'more parity than data',
    before: [bodies[0]!],
    body: segment({ segmentsCount: 0, parityCount: 11 }),
    reason: 'other count',
  },
  {
    what: 'another size',
    before: [bodies[0]!],
    body: segment({ index: 1, payload: payloadOf(99) }),
    reason: 'other size',
  },
  {
    what: 'parity of another size',
    before: [bodies[0]!],
    body: segment({ segmentsCount: 0, parityCount: 1, payload: payloadOf(101) }),
    reason: 'other size',
  },
  {
    what: 'a last segment above the others',
    before: [bodies[0]!],
    body: segment({ index: 9, payload: payloadOf(101) }),
    reason: 'other size',
  },
  {
    what: 'others below the last segment',
    before: [bodies[9]!],
    body: segment({ payload: payloadOf(99) }),
    reason: 'other size',
  },
  {
    what: 'a whole above the limit',
    body: segment({ segmentsCount: 18, payload: new Uint8Array(1024 * 1024) }),
    reason: 'too large',
  },
]

for (const { what, before = [], body, reason } of lies)
  t.test(`a segment with ${what} is refused, and costs the message nothing`, async (t) => {
    const reassembler = new Reassembler()
    outcomes(reassembler, before)
    const held = reassembler.bytes
    t.same(outcomes(reassembler, [body]), [reason])
    t.equal(reassembler.bytes, held)
    t.ok(outcomes(reassembler, bodies).includes('whole'), 'the control')
  })

t.test('segments that do not make up what their hash says are refused, and so is what comes later of it', async (t) => {
  const wholeHash = keccak_256(payloadOf(999))
  const mixed = bodies.map((body) => segmentMessage.encode({ ...segmentMessage.decode(body), wholeHash }))
  const reassembler = new Reassembler()
  t.same(outcomes(reassembler, mixed).slice(-3), ['kept', 'hash differs', 'duplicate'])
  t.equal(reassembler.bytes, 0)
})

t.test('segments of two senders are never mixed', async (t) => {
  const reassembler = new Reassembler()
  outcomes(reassembler, bodies.slice(0, 5), 'alice')
  outcomes(reassembler, [segment({ index: 5, payload: payloadOf(100) })], 'mallory')
  t.notOk(outcomes(reassembler, bodies.slice(5, 9), 'bob').includes('whole'))
  t.equal(outcomes(reassembler, bodies.slice(5), 'alice').filter((kind) => kind === 'whole').length, 1)
})

/** The first segment of message `number`: 1000 bytes in ten. */
function firstOf(number: number): Uint8Array {
  return split(Buffer.concat([payloadOf(999), Buffer.of(number)]), 100)[0]!
}

t.test('a sender who begins more than allowed loses his oldest, nobody else', async (t) => {
  const reassembler = new Reassembler({ limits: { senderMessages: 3 } })
  outcomes(reassembler, [firstOf(200)], 'bob')
  outcomes(reassembler, [0, 1, 2, 3, 4].map(firstOf), 'mallory')
  t.equal(reassembler.unfinished, 4)
  t.same(
    [...reassembler.kept()].map(({ sender, body }) => [sender, hexOf(body)]),
    [['bob', hexOf(firstOf(200))], ...[2, 3, 4].map((number) => ['mallory', hexOf(firstOf(number))])],
  )
})

t.test('bytes are bounded of each sender and in all, and whoever holds the most makes room', async (t) => {
  const one = firstOf(0).length
  const reassembler = new Reassembler({ limits: { senderBytes: one * 3, bytes: one * 4 } })
  outcomes(reassembler, [0, 1, 2, 3, 4].map(firstOf), 'mallory')
  t.equal(reassembler.bytes, one * 3)
  outcomes(reassembler, [firstOf(0)], 'alice')
  outcomes(reassembler, [firstOf(0)], 'bob')
  t.equal(reassembler.bytes, one * 4)
  const senders = [...reassembler.kept()].map(({ sender }) => sender)
  t.same(senders, ['mallory', 'mallory', 'alice', 'bob'])
})

t.test('a segment above the room of a sender is refused', async (t) => {
  const reassembler = new Reassembler({ limits: { senderBytes: 50 } })
  t.same(outcomes(reassembler, [firstOf(0)]), ['no room'])
  t.equal(reassembler.bytes, 0)
})

t.test('messages are bounded in all', async (t) => {
  const reassembler = new Reassembler({ limits: { messages: 2 } })
  for (const [number, sender] of ['a', 'b', 'c'].entries()) outcomes(reassembler, [firstOf(number)], sender)
  t.same(
    [...reassembler.kept()].map(({ sender }) => sender),
    ['b', 'c'],
  )
})

t.test('strangers make room before senders whom we know', async (t) => {
  const one = firstOf(0).length
  for (const limits of [{ bytes: one * 3 }, { messages: 3 }]) {
    const reassembler = new Reassembler({ limits, isKnown: (sender) => sender === 'alice' || sender === 'carol' })
    outcomes(reassembler, [firstOf(0), firstOf(1)], 'alice')
    for (const stranger of ['m1', 'm2', 'm3']) outcomes(reassembler, [firstOf(0)], stranger)
    const senders = () => [...reassembler.kept()].map(({ sender }) => sender)
    t.same(senders(), ['alice', 'alice', 'm3'])
    outcomes(reassembler, [firstOf(0)], 'carol')
    t.same(senders(), ['alice', 'alice', 'carol'])
    t.same(outcomes(reassembler, [firstOf(0)], 'm4'), ['no room'])
    outcomes(reassembler, [firstOf(1)], 'carol')
    t.same(senders(), ['alice', 'carol', 'carol'], 'among them who holds the most does')
  }
})

t.test('what stays unfinished is dropped in time', async (t) => {
  let now = 0
  const reassembler = new Reassembler({ limits: { lifetime: 1000 }, clock: () => now })
  outcomes(reassembler, bodies.slice(0, 5))
  now = 1000
  t.same(outcomes(reassembler, bodies.slice(5, 6)), ['kept'])
  now = 1001
  t.notOk(outcomes(reassembler, bodies.slice(6)).includes('whole'))
})

t.test('what is kept goes on after a restart', async (t) => {
  const before = new Reassembler()
  outcomes(before, bodies.slice(0, 5))
  const after = new Reassembler()
  for (const { sender, body, receivedAt } of before.kept()) after.accept(sender, body, receivedAt)
  t.ok(outcomes(after, bodies.slice(5)).includes('whole'))
})

t.test('no bytes crash it, and no lie gives another message', async (t) => {
  const bent = fc.tuple(fc.nat(), fc.nat(), fc.integer({ min: 0, max: 255 })).map(([which, at, byte]) => {
    const body = Buffer.from(bodies[which % bodies.length]!)
    body[at % body.length] = byte
    return body
  })
  const noise = fc.uint8Array({ maxLength: 200 })
  const honest = fc.shuffledSubarray(bodies, { minLength: 8 })
  const arrivals = fc
    .tuple(honest, fc.array(fc.oneof(bent, noise), { maxLength: 3 }))
    .chain(([some, lies]) => fc.shuffledSubarray([...some, ...lies], { minLength: some.length + lies.length }))
  let whole = 0
  holds(
    t,
    fc.property(arrivals, (arrived) => {
      const reassembler = new Reassembler()
      const payload = wholeOf(arrived.map((body) => reassembler.accept('alice', body)))
      if (payload === undefined) return
      whole += 1
      t.same(Buffer.from(payload), Buffer.from(payloadOf(1000)))
    }),
    { numRuns: 300 },
  )
  t.ok(whole > 0, 'some become whole')
})
