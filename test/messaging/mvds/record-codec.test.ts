import fc from 'fast-check'
import t from 'tap'
import { decodeRecord, encodeRecord } from '../../../src/messaging/mvds/record-codec.ts'
import { holds } from '../../kit/property.ts'
import { bytesOf, hexOf } from '../../kit/vectors.ts'

const bytes = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((value) => Buffer.from(value))
const common = { peer: bytes(65).map(hexOf), id: bytes(32).map(hexOf) }
const time = fc.integer({ min: 0, max: 2 ** 45 })
const sends = fc.integer({ min: 0, max: 15 })
const records = fc.oneof(
  fc.record({
    kind: fc.constant('pending' as const),
    ...common,
    groupId: bytes(32),
    timestamp: fc.bigInt({ min: 0n, max: 2n ** 40n }),
    body: fc.uint8Array({ maxLength: 100 }).map((value) => Buffer.from(value)),
    sends,
    dueAt: time,
  }),
  fc.record({ kind: fc.constant('wanted' as const), ...common, sends, dueAt: time }),
  fc.record({ kind: fc.constant('seen' as const), ...common, at: time }),
)

t.test('a row comes back as it was written', async (t) => {
  holds(
    t,
    fc.property(records, (record) => {
      t.same(decodeRecord(encodeRecord(record)), record)
    }),
  )
})

t.test('a row that is damaged, or of a later release, is none', async (t) => {
  const row = encodeRecord({ kind: 'seen', peer: 'aa', id: '00'.repeat(32), at: 1 })
  t.match(decodeRecord(row), { kind: 'seen' })
  for (const other of [
    row.subarray(0, -1),
    Buffer.concat([row, bytesOf('0802')]),
    Buffer.concat([row, bytesOf('1003')]),
  ])
    t.equal(decodeRecord(other), undefined)
})
