import { proto_sds_message as reference } from '@waku/proto'
import fc from 'fast-check'
import t from 'tap'
import { isWaypostError } from '../../src/core/errors.ts'
import { ProtobufWriter } from '../../src/core/protobuf.ts'
import {
  bool,
  bytes,
  type DraftOf,
  field,
  int32,
  int64,
  map,
  maxElements,
  message,
  oneof,
  optional,
  repeated,
  text,
  uint32,
  uint64,
} from '../../src/messaging/schema.ts'
import { holds } from '../kit/property.ts'
import { bytesOf, hexOf } from '../kit/vectors.ts'

const leaf = message('Leaf', { name: field(1, text()), clock: field(2, uint64) })
const tree = message('Tree', {
  u32: field(1, uint32),
  u64: field(2, uint64),
  i64: field(3, int64),
  i32: field(4, int32),
  flag: field(5, bool),
  name: field(6, text()),
  raw: field(7, bytes()),
  leaf: optional(8, leaf),
  leaves: repeated(9, leaf),
  numbers: repeated(10, uint64),
  small: repeated(11, int32),
  texts: repeated(12, text()),
  byName: map(13, text(), leaf),
  byNumber: map(14, uint32, bytes()),
  choice: oneof({ blob: [15, bytes()], inner: [16, leaf], code: [100, uint32] }),
  flags: repeated(5001, bool),
})

const u32 = fc.integer({ min: 0, max: 0xffffffff })
const i32 = fc.integer({ min: -0x80000000, max: 0x7fffffff })
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const i64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const name = fc.string({ unit: 'grapheme', maxLength: 20 })
const raw = fc.uint8Array({ maxLength: 40 }).map((value) => Buffer.from(value))
const leafValues = fc.record({ name, clock: u64 })
const treeValues = fc.record({
  u32,
  u64,
  i64,
  i32,
  flag: fc.boolean(),
  name,
  raw,
  leaf: fc.option(leafValues, { nil: undefined }),
  leaves: fc.array(leafValues),
  numbers: fc.array(u64),
  small: fc.array(i32),
  texts: fc.array(name),
  byName: fc.array(fc.tuple(name, leafValues)).map((entries) => new Map(entries)),
  byNumber: fc.array(fc.tuple(u32, raw)).map((entries) => new Map(entries)),
  choice: fc.oneof(
    fc.constant(undefined),
    raw.map((value) => ({ case: 'blob', value }) as const),
    leafValues.map((value) => ({ case: 'inner', value }) as const),
    u32.map((value) => ({ case: 'code', value }) as const),
  ),
  flags: fc.array(fc.boolean()),
})

t.test('a message comes back as it was written', async (t) => {
  holds(
    t,
    fc.property(treeValues, (value) => {
      t.same(tree.decode(tree.encode(value)), value)
    }),
  )
})

t.test('what is absent is blank, and what is blank is not written', async (t) => {
  const blank = tree.decode(new Uint8Array(0))
  t.match(blank, { u32: 0, u64: 0n, i64: 0n, flag: false, name: '', leaf: undefined, leaves: [], choice: undefined })
  t.equal(blank.raw.length, 0)
  t.equal(blank.byName.size, 0)
  t.equal(tree.encode(blank).length, 0)
  t.equal(tree.encode({}).length, 0)
  t.equal(hexOf(tree.encode({ leaf: {} })), '4200', 'but an inner message without fields is')
  t.equal(hexOf(tree.encode({ choice: { case: 'code', value: 0 } })), 'a00600', 'and the case that was chosen')
})

/** By hand, from the encoding page of protobuf; a golden of each kind. */
const golden: readonly { what: string; draft: DraftOf<typeof tree>; hex: string }[] = [
  { what: 'a varint', draft: { u32: 150 }, hex: '089601' },
  { what: 'the largest uint64', draft: { u64: 2n ** 64n - 1n }, hex: '10ffffffffffffffffff01' },
  { what: 'a negative int64, sign and all', draft: { i64: -2n }, hex: '18feffffffffffffffff01' },
  { what: 'a negative int32, ten bytes too', draft: { i32: -2 }, hex: '20feffffffffffffffff01' },
  { what: 'a text', draft: { name: 'testing' }, hex: '320774657374696e67' },
  { what: 'packed numbers', draft: { numbers: [3n, 270n, 86942n] }, hex: '5206038e029ea705' },
  { what: 'a map entry', draft: { byNumber: new Map([[1, bytesOf('aa')]]) }, hex: '7205080112' + '01aa' },
  { what: 'a field above 5000', draft: { flags: [true] }, hex: 'cab80201' + '01' },
]

for (const { what, draft, hex } of golden)
  t.test(`${what} has its golden bytes`, async (t) => {
    t.equal(hexOf(tree.encode(draft)), hex)
    t.match(tree.decode(bytesOf(hex)), draft)
  })

t.test('numbers are read packed, unpacked and mixed', async (t) => {
  t.same(tree.decode(bytesOf('5003' + '52038e0204' + '5005')).numbers, [3n, 270n, 4n, 5n])
})

t.test('of a single value the last counts, inner messages merge, and unknown fields are passed over', async (t) => {
  const twice = Buffer.concat([
    tree.encode({ u32: 1, leaf: { name: 'a' }, choice: { case: 'blob', value: bytesOf('01') } }),
    new ProtobufWriter().string(4000, 'unknown').uint32(4001, 7).finish(),
    tree.encode({ u32: 2, leaf: { clock: 3n }, choice: { case: 'inner', value: { name: 'b' } } }),
  ])
  const value = tree.decode(twice)
  t.equal(value.u32, 2)
  t.same(value.leaf, { name: 'a', clock: 3n })
  t.same(value.choice, { case: 'inner', value: { name: 'b', clock: 0n } })
})

t.test('keys of a map are data, never properties', async (t) => {
  const byName = new Map([['__proto__', { name: 'x', clock: 1n }]])
  t.same(tree.decode(tree.encode({ byName })).byName, byName)
})

function refusal(read: () => unknown): string {
  try {
    read()
    return 'none'
  } catch (error) {
    return isWaypostError(error, 'wire/malformed') ? error.message : `another: ${error}`
  }
}

const bounded = message('Bounded', {
  name: field(1, text(3)),
  raw: field(2, bytes(3)),
  items: repeated(3, uint32, 3),
  entries: map(4, uint32, uint32, 3),
  texts: repeated(5, text(), 3),
})

const four = [1, 2, 3, 4]
const overBounds: readonly { what: string; within: Uint8Array; above: Uint8Array }[] = [
  { what: 'a text', within: bounded.encode({ name: 'abc' }), above: bounded.encode({ name: 'abcd' }) },
  {
    what: 'bytes',
    within: bounded.encode({ raw: bytesOf('010203') }),
    above: bounded.encode({ raw: bytesOf('01020304') }),
  },
  { what: 'packed items', within: bounded.encode({ items: [1, 2, 3] }), above: bounded.encode({ items: four }) },
  {
    what: 'items in turn',
    within: bounded.encode({ texts: ['a', 'b', 'c'] }),
    above: bounded.encode({ texts: ['a', 'b', 'c', 'd'] }),
  },
  {
    what: 'entries',
    within: bounded.encode({ entries: new Map([1, 2, 3].map((key) => [key, key])) }),
    above: bounded.encode({ entries: new Map(four.map((key) => [key, key])) }),
  },
]

for (const { what, within, above } of overBounds)
  t.test(`${what} above the bound is refused`, async (t) => {
    t.equal(
      refusal(() => bounded.decode(within)),
      'none',
    )
    t.match(
      refusal(() => bounded.decode(above)),
      /more than 3/,
    )
    t.equal(bounded.parse(above), undefined)
  })

t.test('text that is not UTF-8 is refused, as Go refuses it', async (t) => {
  t.equal(tree.decode(bytesOf('3202c3a9')).name, 'é')
  t.match(
    refusal(() => tree.decode(bytesOf('3201c3'))),
    /not UTF-8/,
  )
})

t.test('a small message cannot become a large tree', async (t) => {
  const wide = message('Wide', { leaves: repeated(1, leaf, Number.POSITIVE_INFINITY) })
  const empties = (count: number) => Buffer.alloc(count * 2, bytesOf('0a00'))
  t.equal(wide.decode(empties(maxElements - 1_000)).leaves.length, maxElements - 1_000)
  t.match(
    refusal(() => wide.decode(empties(maxElements + 1))),
    /elements/,
  )
})

t.test('messages within messages have a limit', async (t) => {
  /** A message of `depth` messages, one in the other. */
  const nested = (depth: number) => {
    let body: Uint8Array = new Uint8Array(0)
    for (let level = 1; level < depth; level += 1) body = new ProtobufWriter().bytes(1, body).finish()
    return body
  }
  let schema = message('Innermost', { inner: optional(1, bytes()) }) as ReturnType<typeof message>
  for (let level = 0; level < 20; level += 1) schema = message('Outer', { inner: optional(1, schema) })
  t.equal(
    refusal(() => schema.decode(nested(16))),
    'none',
  )
  t.match(
    refusal(() => schema.decode(nested(17))),
    /messages deep/,
  )
})

t.test('what @waku/proto writes is read, and the other way round', async (t) => {
  const entry = message('HistoryEntry', { messageId: field(1, text()), retrievalHint: optional(2, bytes()) })
  const sds = message('SdsMessage', {
    senderId: field(1, text()),
    messageId: field(2, text()),
    channelId: field(3, text()),
    lamportTimestamp: optional(10, uint64),
    causalHistory: repeated(11, entry),
    bloomFilter: optional(12, bytes()),
    content: optional(20, bytes()),
  })
  const values = fc.record({
    senderId: name,
    messageId: name,
    channelId: name,
    lamportTimestamp: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
    causalHistory: fc.array(fc.record({ messageId: name, retrievalHint: raw })),
    bloomFilter: raw,
    content: raw,
  })
  holds(
    t,
    fc.property(values, (value) => {
      const plain = { ...value, causalHistory: value.causalHistory.map((one) => ({ ...one })) }
      t.match(sds.decode(reference.SdsMessage.encode(plain)), plain)
      t.match(reference.SdsMessage.decode(sds.encode(value)), plain)
    }),
  )
})

t.test('no bytes crash it, and what it takes it writes again', async (t) => {
  const noise = fc.uint8Array({ maxLength: 60 })
  const bent = fc.tuple(treeValues, fc.nat(), fc.integer({ min: 0, max: 255 })).map(([value, at, byte]) => {
    const body = Buffer.from(tree.encode(value))
    if (body.length > 0) body[at % body.length] = byte
    return new Uint8Array(body)
  })
  let taken = 0
  holds(
    t,
    fc.property(fc.oneof(noise, bent), (body) => {
      const value = tree.parse(body)
      if (value === undefined) return
      taken += 1
      t.same(tree.decode(tree.encode(value)), value)
    }),
    { numRuns: 500 },
  )
  t.ok(taken > 10, 'some are taken')
})
