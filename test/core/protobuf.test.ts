import t from 'tap'
import { ProtobufReader, ProtobufWriter } from '../../src/core/protobuf.ts'

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
