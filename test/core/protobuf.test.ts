import fc from 'fast-check'
import t from 'tap'
import { isWaypostError } from '../../src/core/errors.ts'
import { lengthOfBytes, ProtobufReader, ProtobufWriter } from '../../src/core/protobuf.ts'
import { holds } from '../kit/property.ts'

/** A field as it is written, and how to write and read it. */
const kinds = {
  bytes: {
    values: fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
    write: (writer: ProtobufWriter, field: number, value: Buffer) => writer.bytes(field, value),
    read: (reader: ProtobufReader) => Buffer.from(reader.bytes()),
  },
  string: {
    values: fc.string({ unit: 'grapheme' }),
    write: (writer: ProtobufWriter, field: number, value: string) => writer.string(field, value),
    read: (reader: ProtobufReader) => reader.string(),
  },
  uint32: {
    values: fc.integer({ min: 0, max: 0xffffffff }),
    write: (writer: ProtobufWriter, field: number, value: number) => writer.uint32(field, value),
    read: (reader: ProtobufReader) => reader.uint32(),
  },
  uint64: {
    values: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    write: (writer: ProtobufWriter, field: number, value: bigint) => writer.uint64(field, value),
    read: (reader: ProtobufReader) => reader.uint64(),
  },
  sint64: {
    values: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    write: (writer: ProtobufWriter, field: number, value: bigint) => writer.sint64(field, value),
    read: (reader: ProtobufReader) => reader.sint64(),
  },
  bool: {
    values: fc.boolean(),
    write: (writer: ProtobufWriter, field: number, value: boolean) => writer.bool(field, value),
    read: (reader: ProtobufReader) => reader.bool(),
  },
}

const fieldNumbers = fc.integer({ min: 1, max: 2 ** 29 - 1 })

for (const [name, { values, write, read }] of Object.entries(kinds)) {
  t.test(`${name} fields come back as they were written`, async (t) => {
    // Each row's functions agree on its type; over the union of rows the compiler cannot see it.
    const writeField = write as (writer: ProtobufWriter, field: number, value: unknown) => ProtobufWriter
    holds(
      t,
      fc.property(fc.array(fc.tuple(fieldNumbers, values as fc.Arbitrary<unknown>)), (fields) => {
        const writer = new ProtobufWriter(1)
        for (const [field, value] of fields) writeField(writer, field, value)
        const reader = new ProtobufReader(writer.finish(), 'test')
        for (const [field, value] of fields) {
          if (reader.next() !== field) return false
          const got = read(reader)
          if (!(Buffer.isBuffer(got) ? got.equals(value as Buffer) : got === value)) return false
        }
        return reader.next() === 0
      }),
    )
  })
}

function uint32s(body: Uint8Array): number[] {
  const reader = new ProtobufReader(body, 'test')
  const values: number[] = []
  while (reader.next() !== 0) values.push(...reader.uint32s())
  return values
}

t.test('a repeated uint32 is read packed, unpacked and mixed', async (t) => {
  const values = [0, 127, 128, 1023, 2 ** 32 - 1]
  const unpacked = new ProtobufWriter()
  for (const value of values) unpacked.uint32(3, value)
  const packed = new ProtobufWriter().packed(3, values)
  t.same(uint32s(unpacked.finish()), values)
  t.same(uint32s(packed.finish()), values)
  t.same(uint32s(new ProtobufWriter().uint32(3, 7).packed(3, [8, 9]).uint32(3, 10).finish()), [7, 8, 9, 10])
  t.same(uint32s(new ProtobufWriter().packed(3, []).finish()), [])
})

t.test('packed values cut short are malformed', async (t) => {
  t.throws(() => uint32s(Buffer.from('1a0180', 'hex')), { code: 'wire/malformed' })
  t.throws(() => uint32s(Buffer.from('1a0501', 'hex')), { code: 'wire/malformed' })
})

t.test('half a character, which has no UTF-8 form, is written as U+FFFD', async (t) => {
  const reader = new ProtobufReader(new ProtobufWriter(1).string(1, 'a\ud800b').finish(), 'test')
  reader.next()
  t.equal(reader.string(), 'a\ufffdb')
})

t.test('a message within is written in place, as long as it was said to be', async (t) => {
  for (const bytes of [0, 1, 127, 128, 20_000, 3_000_000]) {
    const value = Buffer.alloc(bytes, 7)
    const length = lengthOfBytes(3, bytes) + lengthOfBytes(5000, 2)
    const inPlace = new ProtobufWriter(0).begin(9, length).bytes(3, value).bytes(5000, Buffer.of(1, 2)).finish()
    const inner = new ProtobufWriter().bytes(3, value).bytes(5000, Buffer.of(1, 2)).finish()
    t.equal(inner.length, length)
    t.ok(Buffer.from(inPlace).equals(new ProtobufWriter().bytes(9, inner).finish()))
  }
})

t.test('what the reader does not know it passes over', async (t) => {
  holds(
    t,
    fc.property(fieldNumbers, fc.uint8Array(), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (field, bytes, number) => {
      const written = new ProtobufWriter().bytes(field, bytes).uint64(field, number).bool(5, true).finish()
      const reader = new ProtobufReader(written, 'test')
      for (const _ of [1, 2]) {
        reader.next()
        reader.skip()
      }
      return reader.next() === 5 && reader.bool() && reader.next() === 0
    }),
  )
})

/** The ways to read a value, in any order that a codec may call them. */
const reads = ['bytes', 'string', 'uint32', 'uint64', 'sint64', 'uint32s', 'bool', 'skip'] as const
const orders = fc.array(fc.constantFrom(...reads), { minLength: 1 })

t.test('random bytes end or are refused as malformed, whatever is read from them', async (t) => {
  holds(
    t,
    fc.property(fc.uint8Array({ maxLength: 200 }), orders, (bytes, order) => {
      const reader = new ProtobufReader(bytes, 'test')
      // Each field takes a byte at least, so this many rounds reach the end.
      for (let round = 0; round <= bytes.length; round += 1) {
        try {
          if (reader.next() === 0) return true
          reader[order[round % order.length] ?? 'skip']()
        } catch (error) {
          return isWaypostError(error, 'wire/malformed')
        }
      }
      return false
    }),
    { numRuns: 2000 },
  )
})

t.test('a value is a view: nothing is copied', async (t) => {
  const written = new ProtobufWriter().bytes(1, Buffer.from('payload')).finish()
  const reader = new ProtobufReader(written, 'test')
  reader.next()
  t.equal(reader.bytes().buffer, written.buffer)
})
