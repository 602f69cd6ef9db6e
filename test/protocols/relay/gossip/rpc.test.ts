import assert from 'node:assert/strict'
import { RPC } from '@libp2p/gossipsub/message'
import fc from 'fast-check'
import t from 'tap'
import { isWaypostError } from '../../../../src/core/errors.ts'
import { FrameReader, frame } from '../../../../src/net/frames.ts'
import { frameOf, type Said } from '../../../../src/protocols/relay/gossip/frames-out.ts'
import { MessageParts, newFrame } from '../../../../src/protocols/relay/gossip/message-frame.ts'
import { readRpc } from '../../../../src/protocols/relay/gossip/rpc.ts'
import { holds } from '../../../kit/property.ts'

const id = fc.uint8Array({ minLength: 32, maxLength: 32 })
const topic = fc.string({ maxLength: 40 })
const ids = fc.array(id, { maxLength: 5 })

const said: fc.Arbitrary<Required<Said>> = fc.record({
  subscriptions: fc.array(fc.record({ topic, subscribe: fc.boolean() }), { maxLength: 4 }),
  ihave: fc.array(fc.record({ topic, ids }), { maxLength: 3 }),
  iwant: ids,
  graft: fc.array(topic, { maxLength: 3 }),
  prune: fc.array(fc.record({ topic, backoff: fc.option(fc.integer({ min: 0, max: 2 ** 40 }), { nil: undefined }) }), {
    maxLength: 3,
  }),
  idontwant: ids,
})

/** The same with bytes as digits, whatever class they are of. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]))
}

/** The body of one frame. */
function bodyOf(framed: Uint8Array): Uint8Array {
  const [body] = [...new FrameReader(1 << 24).push(framed)]
  if (body === undefined) throw new Error('no frame')
  return body
}

t.test('what is written is read again, here and by the stock library', async (t) => {
  holds(
    t,
    fc.property(said, (said) => {
      const body = bodyOf(frameOf(said))
      const { subscriptions = [], control } = readRpc(body, 0, body.length)
      const none = { ihave: [], iwant: [], graft: [], prune: [], idontwant: [] }
      assert.deepEqual(plain({ subscriptions, ...none, ...control }), plain(said))
      const theirs = RPC.decode(body)
      assert.deepEqual(
        theirs.subscriptions.map(({ topic, subscribe }) => ({ topic, subscribe })),
        plain(said.subscriptions),
      )
      assert.deepEqual(
        plain(theirs.control?.ihave.map(({ topicID, messageIDs }) => ({ topic: topicID, ids: messageIDs })) ?? []),
        plain(said.ihave),
      )
      assert.deepEqual(plain(theirs.control?.iwant.flatMap(({ messageIDs }) => messageIDs) ?? []), plain(said.iwant))
      assert.deepEqual(theirs.control?.graft.map(({ topicID }) => topicID) ?? [], said.graft)
      assert.deepEqual(
        theirs.control?.prune.map(({ topicID, backoff }) => ({ topic: topicID, backoff })) ?? [],
        said.prune.map(({ topic, backoff }) => ({ topic, backoff })),
      )
      assert.deepEqual(
        plain(theirs.control?.idontwant.flatMap(({ messageIDs }) => messageIDs) ?? []),
        plain(said.idontwant),
      )
    }),
  )
})

t.test('what the stock library writes is read', async (t) => {
  // An empty topic it leaves out.
  const message = fc.record({
    topic: fc.string({ minLength: 1, maxLength: 40 }),
    data: fc.uint8Array({ maxLength: 3000, size: 'max' }),
  })
  holds(
    t,
    fc.property(fc.array(message, { maxLength: 5 }), fc.array(topic, { maxLength: 2 }), (messages, grafts) => {
      const control = {
        ihave: [],
        iwant: [],
        graft: grafts.map((topicID) => ({ topicID })),
        prune: [],
        idontwant: [],
      }
      const body = RPC.encode({ subscriptions: [], messages, control })
      const rpc = readRpc(body, 0, body.length)
      assert.deepEqual(rpc.control?.graft ?? [], grafts)
      assert.equal(rpc.publish.length, 2 * messages.length)
      for (const [index, { data, topic }] of messages.entries()) {
        const parts = new MessageParts()
        parts.read(body, rpc.publish[2 * index] ?? 0, rpc.publish[2 * index + 1] ?? 0)
        assert.deepEqual(plain(body.subarray(parts.dataFrom, parts.dataTo)), plain(data))
        assert.equal(Buffer.from(body.subarray(parts.topicFrom, parts.topicTo)).toString(), topic)
        assert.equal(parts.isSigned, false)
        assert.equal(parts.isPlain, true, 'and is passed on as it is')
      }
    }),
  )
})

t.test('a message in a frame is what the stock library reads, and one buffer', async (t) => {
  for (const bytes of [0, 1, 127, 128, 1024, 20_000]) {
    const sent = Buffer.alloc(bytes, 7)
    const { frame: framed, data } = newFrame(Buffer.from('/waku/2/rs/0/0'), sent)
    t.same(Buffer.from(data), sent)
    t.equal(data.buffer, framed.buffer)
    const theirs = RPC.decode(bodyOf(framed))
    t.equal(theirs.messages[0]?.topic, '/waku/2/rs/0/0')
    t.same(Buffer.from(theirs.messages[0]?.data ?? []), sent)
  }
})

/** The only message of a frame, taken out of a buffer in which it has `before` bytes before it and as many after. */
function takenFrom(framed: Uint8Array, around: number): { parts: MessageParts; frame: Uint8Array; data: Uint8Array } {
  const buffer = Buffer.concat([Buffer.alloc(around, 0xff), framed, Buffer.alloc(around, 0xff)])
  const start = around + framed.findIndex((byte) => byte < 0x80) + 1
  const end = around + framed.length
  const { publish } = readRpc(buffer, start, end)
  const [from = 0, to = 0] = publish
  const parts = new MessageParts()
  parts.read(buffer, from, to)
  return { parts, ...parts.frame(buffer, around, end, from, to) }
}

t.test('a message is passed on in the bytes it came in, without what stood around it', async (t) => {
  const { frame: framed } = newFrame(Buffer.from('topic'), Buffer.alloc(1000, 1))
  const { frame: passed, data } = takenFrom(framed, 60_000)
  t.same(Buffer.from(passed), Buffer.from(framed))
  t.same(Buffer.from(data), Buffer.alloc(1000, 1))
  const places = Array.from({ length: 50 }, () => takenFrom(framed, 60_000).frame.buffer)
  t.ok(
    new Set([passed.buffer, ...places]).size <= 2,
    'small messages stand side by side, and keep no chunk they came in',
  )
})

t.test('a large message is passed on without a copy', async (t) => {
  const { frame: framed } = newFrame(Buffer.from('topic'), Buffer.alloc(100_000, 1))
  const body = bodyOf(framed)
  const { publish } = readRpc(framed, framed.length - body.length, framed.length)
  const [from = 0, to = 0] = publish
  const parts = new MessageParts()
  parts.read(framed, from, to)
  const { frame: passed, data } = parts.frame(framed, 0, framed.length, from, to)
  t.equal(passed.buffer, framed.buffer)
  t.equal(data.length, 100_000)
  t.same(Buffer.from(passed), Buffer.from(framed))
})

t.test('bytes that nobody needs are not passed on', async (t) => {
  const data = Buffer.from('data')
  const wanted = newFrame(Buffer.from('t'), data).frame
  const field = (tag: number, bytes: Uint8Array) => Buffer.concat([Buffer.from([tag, bytes.length]), bytes])
  const [inner, name] = [field(0x12, data), field(0x22, Buffer.from('t'))]
  const rows = {
    'a field that nobody knows': [inner, name, field(0x3a, Buffer.alloc(50))],
    'data twice, the last counts': [field(0x12, Buffer.from('other')), inner, name],
    'a length in a longer form': [Buffer.from([0x12, 0x84, 0x00]), data, name],
  }
  for (const [id, parts] of Object.entries(rows)) {
    const entry = field(0x12, Buffer.concat(parts))
    const { frame: passed } = takenFrom(frame(entry), 10)
    t.same(Buffer.from(passed), Buffer.from(wanted), id)
  }
  const others = Buffer.concat([field(0x12, Buffer.concat([inner, name])), field(0x0a, Buffer.from([8, 1]))])
  t.same(Buffer.from(takenFrom(frame(others), 10).frame), Buffer.from(wanted), 'a frame that says other things too')
  const turned = field(0x12, Buffer.concat([name, inner]))
  t.same(Buffer.from(takenFrom(frame(turned), 10).frame), Buffer.from(frame(turned)), 'either order is as good')
})

t.test('signed is whatever has an author, a number, a signature or a key, even an empty one', async (t) => {
  const inner = [0x12, 1, 7, 0x22, 1, 0x74]
  const rows = { 'an author': 0x0a, 'a number': 0x1a, 'a signature': 0x2a, 'a key': 0x32 }
  for (const [id, tag] of Object.entries(rows)) {
    const parts = new MessageParts()
    const entry = Buffer.from([...inner, tag, 0])
    parts.read(entry, 0, entry.length)
    t.ok(parts.isSigned, id)
    t.notOk(parts.isPlain, id)
  }
  const parts = new MessageParts()
  parts.read(Buffer.from(inner), 0, inner.length)
  t.notOk(parts.isSigned, 'one without is not')
  t.ok(parts.isPlain)
})

t.test('of what comes in one frame so much is looked at', async (t) => {
  const many = Array.from({ length: 6000 }, () => Buffer.alloc(32, 1))
  const body = bodyOf(
    frameOf({
      subscriptions: many.map((_, index) => ({ topic: String(index), subscribe: true })),
      ihave: [{ topic: 't', ids: many }],
      iwant: many,
      graft: many.map(String),
      idontwant: many,
    }),
  )
  const { subscriptions, control } = readRpc(body, 0, body.length)
  t.equal(subscriptions?.length, 5000)
  t.equal(control?.ihave[0]?.ids.length, 5000)
  t.equal(control?.iwant.length, 5000)
  t.equal(control?.graft.length, 1024)
  t.equal(control?.idontwant.length, 512)
})

t.test('ids of another length are no ids of ours', async (t) => {
  const body = bodyOf(frameOf({ iwant: [Buffer.alloc(31), Buffer.alloc(32), Buffer.alloc(33), Buffer.alloc(0)] }))
  t.equal(readRpc(body, 0, body.length).control?.iwant.length, 1)
})

t.test('garbage is read, or refused as malformed; nothing else is thrown', async (t) => {
  const valid = bodyOf(
    frameOf({
      subscriptions: [{ topic: 'a', subscribe: true }],
      iwant: [Buffer.alloc(32)],
      prune: [{ topic: 'a', backoff: 60 }],
    }),
  )
  const message = bodyOf(newFrame(Buffer.from('topic'), Buffer.alloc(40, 3)).frame)
  const changed = fc
    .tuple(fc.constantFrom(valid, message), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }), fc.nat(300))
    .map(([bytes, changes, length]) => {
      const copy = Buffer.from(bytes)
      for (const [at, value] of changes) copy[at % copy.length] = value
      return copy.subarray(0, length)
    })
  let refused = 0
  holds(
    t,
    fc.property(fc.oneof(changed, fc.uint8Array({ maxLength: 200 })), (bytes) => {
      try {
        const { publish } = readRpc(bytes, 0, bytes.length)
        const parts = new MessageParts()
        for (let index = 0; index < publish.length; index += 2) {
          const [from = 0, to = 0] = [publish[index], publish[index + 1]]
          assert.ok(from <= to && to <= bytes.length)
          parts.read(bytes, from, to)
          assert.ok(parts.dataTo <= bytes.length && parts.topicTo <= bytes.length)
        }
      } catch (error) {
        assert.ok(isWaypostError(error, 'wire/malformed'), String(error))
        refused += 1
      }
    }),
    { numRuns: 5000 },
  )
  t.ok(refused > 500, `${refused} of 5,000 were refused`)
})
