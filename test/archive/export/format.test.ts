/** The format of exports: what is written is read again, and what is not whole is found where it stops being so. */
import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { firstLink, Kind, sealChunk } from '../../../src/archive/export/chunk.ts'
import { ExportDecoder } from '../../../src/archive/export/decoder.ts'
import { ExportEncoder } from '../../../src/archive/export/encoder.ts'
import {
  type ExportRecord,
  encodeFooter,
  encodeHeader,
  encodeRecords,
  magic,
  maxChunkBytes,
  maxChunkRecords,
  noTotals,
} from '../../../src/archive/export/format.ts'
import { isWaypostError } from '../../../src/core/errors.ts'
import { holds } from '../../kit/property.ts'
import { envelopes } from '../kit.ts'
import { chunksOf, exportOf, header, pieces, read, recordOf, recordsIn } from './kit.ts'

const records = envelopes(2000).map(recordOf)
const whole = exportOf(records)

const anyRecord: fc.Arbitrary<ExportRecord> = fc.record(
  {
    timestamp: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    hash: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex')),
    pubsubTopic: fc.string({ unit: 'grapheme', maxLength: 40 }),
    bytes: fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
  },
  { noNullPrototype: true },
)

t.test('what is written is read again, in whatever pieces it comes', async (t) => {
  holds(
    t,
    fc.property(
      fc.array(anyRecord, { maxLength: 30 }),
      fc.boolean(),
      fc.integer({ min: 1, max: 3000 }),
      (records, compress, piece) => {
        const found = read(exportOf(records, { compress }), piece)
        return found.error === undefined && isDeepStrictEqual(found.records, records)
      },
    ),
  )
  t.same(read(whole, whole.length).records, records)
  t.same(
    await recordsIn(
      (async function* () {
        yield* pieces(whole, 777)
      })(),
    ),
    records,
  )
})

t.test('header and footer say what the export is and holds', async (t) => {
  const selection = {
    start: -5n,
    end: 2n ** 62n,
    pubsubTopic: '/waku/2/rs/1/0',
    contentTopics: ['/a/1/b/c', '/a/1/d/c'],
  }
  const chunks = chunksOf(records, { head: { ...header, selection } })
  const { parts } = read(Buffer.concat(chunks))
  t.same(parts[0], { is: 'header', header: { ...header, selection }, end: chunks[0]?.length })
  const bytes = records.reduce((sum, record) => sum + record.bytes.length, 0)
  t.match(parts.at(-1), { is: 'footer', totals: { messages: 2000, bytes, oldest: 0n, newest: 1999n } })
  t.equal(parts.at(-1)?.end, Buffer.concat(chunks).length)
  t.match(read(exportOf([])).parts.at(-1), { is: 'footer', totals: noTotals })
})

t.test('the bytes are those that docs/export-format.md promises', async (t) => {
  const [head = Buffer.alloc(0)] = chunksOf([])
  t.equal(head.subarray(0, 8).toString('hex'), '895750580d0a1a0a')
  t.equal(head[8], 0x48)
  t.equal(head.readUInt32BE(10), head.length - 8 - 42)
  const link = createHash('sha256').update(createHash('sha256').update(head.subarray(0, 8)).digest())
  t.equal(
    link.update(head.subarray(8, 18)).update(head.subarray(50)).digest('hex'),
    head.subarray(18, 50).toString('hex'),
  )
  const record = { timestamp: 1n, hash: 'ab'.repeat(32), pubsubTopic: '/p', bytes: Buffer.from('xyz') }
  t.equal(
    Buffer.from(encodeRecords([record])).toString('hex'),
    `0000000000000001${'ab'.repeat(32)}00022f70${'00000003'}78797a`,
  )
})

t.test(
  'an export that is cut off is told from a whole one at every length, and what came before is used',
  async (t) => {
    const small = exportOf(records.slice(0, 20), { compress: false })
    for (let length = 0; length < small.length; length += 1) {
      const { error, records: found } = read(small.subarray(0, length))
      if (!isWaypostError(error, 'export/damaged')) t.fail(`cut at ${length}`)
      if (found.length !== 0 && found.length !== 20) t.fail(`cut at ${length}`)
    }
    t.equal(read(small).error, undefined, 'the whole one is read')
    const cut = read(whole.subarray(0, whole.length - 100))
    t.ok(cut.records.length > 0)
    t.same(cut.records, records.slice(0, cut.records.length))
  },
)

t.test('a bit that flips anywhere is found, at the chunk where it is', async (t) => {
  const chunks = chunksOf(records)
  const ends = chunks.map((_, index) => Buffer.concat(chunks.slice(0, index + 1)).length)
  holds(
    t,
    fc.property(fc.integer({ min: 0, max: whole.length * 8 - 1 }), (bit) => {
      const bytes = Buffer.from(whole)
      bytes[bit >> 3]! ^= 1 << (bit & 7)
      const { error, records: found } = read(bytes)
      if (!isWaypostError(error, 'export/damaged')) throw new Error(`bit ${bit} is not found`)
      const isThere = error.data.chunk === ends.findIndex((end) => bit >> 3 < end)
      return isThere && isDeepStrictEqual(found, records.slice(0, found.length))
    }),
    { numRuns: 300 },
  )
})

t.test('chunks that are swapped, left out, doubled or of another export are found', async (t) => {
  const [first, second, third, ...rest] = chunksOf(records, { compress: false })
  t.ok(rest.length > 0, 'there are chunks enough')
  const head = { ...header, createdAt: 1 }
  const [other, ...others] = chunksOf(envelopes(2000).map(recordOf), { compress: false, head })
  for (const mixed of [
    [first, third, second, ...rest],
    [first, third, ...rest],
    [first, second, second, third, ...rest],
    [first, others[0], third, ...rest],
    [other, second, third, ...rest],
    [second, third, ...rest],
    [first, first, second, third, ...rest],
    [first, second, third, ...rest, rest.at(-1)],
    [first, rest.at(-1)],
  ])
    t.ok(isWaypostError(read(Buffer.concat(mixed.map((one) => one!))).error, 'export/damaged'))
  t.equal(read(Buffer.concat([first!, second!, third!, ...rest])).error, undefined, 'as they belong they are read')
})

/** An export whose chunks have the right digests, whatever they hold. */
function forged(chunks: readonly (readonly [Kind, Uint8Array])[]): Buffer {
  const out: Buffer[] = [magic]
  let before: Buffer = firstLink
  for (const [kind, content] of [[Kind.header, encodeHeader(header)] as const, ...chunks]) {
    const { bytes, link } = sealChunk(kind, content, before, true)
    out.push(bytes)
    before = link
  }
  return Buffer.concat(out)
}

t.test('whoever can make the digests right cannot lie about lengths and counts either', async (t) => {
  const [record] = records
  const good = encodeRecords(records.slice(0, 3))
  const footer = encodeFooter({ ...noTotals, messages: 3 })
  const many = encodeRecords(
    Array.from({ length: maxChunkRecords + 1 }, () => ({ ...record!, bytes: Buffer.alloc(0) })),
  )
  const longTopic = encodeRecords([{ ...record!, pubsubTopic: 'x'.repeat(2000) }])
  for (const [says, chunks] of [
    [
      'counts other messages',
      [
        [Kind.records, good],
        [Kind.footer, footer],
      ],
    ],
    ['beyond the end', [[Kind.records, good.subarray(0, good.length - 1)]]],
    ['more than 4096 records', [[Kind.records, many]]],
    ['a topic of 2000 bytes', [[Kind.records, longTopic]]],
  ] as const) {
    const { error } = read(forged(chunks))
    t.match(isWaypostError(error, 'export/damaged') && error.message, says)
  }
  const entry = { messages: 3, bytes: records[0]!.bytes.length * 3, oldest: 0n, newest: 2n }
  t.equal(
    read(
      forged([
        [Kind.records, good],
        [Kind.footer, encodeFooter(entry)],
      ]),
    ).error,
    undefined,
    'the truth is read',
  )
})

t.test('a few bytes that claim or pack gigabytes cost no memory', async (t) => {
  const start = chunksOf([])[0]!
  const claim = Buffer.alloc(1024)
  claim[0] = Kind.records
  claim.writeUInt32BE(2 ** 30, 2)
  claim.writeUInt32BE(2 ** 30, 6)
  const bomb = zstdCompressSync(Buffer.alloc(256 * 1024 * 1024))
  const packed = Buffer.alloc(42 + bomb.length)
  packed.set([Kind.records, 1])
  packed.writeUInt32BE(bomb.length, 2)
  packed.writeUInt32BE(maxChunkBytes, 6)
  bomb.copy(packed, 42)
  const link = createHash('sha256').update(start.subarray(18, 50)).update(packed.subarray(0, 10)).update(bomb).digest()
  link.copy(packed, 10)
  const before = process.memoryUsage.rss()
  for (let count = 0; count < 50; count += 1) {
    t.match(read(Buffer.concat([start, claim])).error, { message: /above the limit/ })
    t.match(read(Buffer.concat([start, packed])).error, { message: /does not unpack to its length/ })
  }
  t.ok(process.memoryUsage.rss() - before < 256 * 1024 * 1024)
})

t.test('no bytes throw anything but the two errors of an export', async (t) => {
  const small = exportOf(records.slice(0, 5), { compress: false })
  const mutated = fc
    .array(fc.tuple(fc.nat(small.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 })
    .map((edits) => {
      const bytes = Buffer.from(small)
      for (const [at, value] of edits) bytes[at] = value
      return bytes
    })
  const contents = fc.array(fc.tuple(fc.constantFrom(...Object.values(Kind)), fc.uint8Array({ maxLength: 200 })), {
    maxLength: 4,
  })
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    mutated,
    contents.map((chunks) => forged(chunks)),
  )
  holds(
    t,
    fc.property(anything, (bytes) => {
      const { error } = read(bytes, 64)
      if (error !== undefined && !isWaypostError(error, 'export/damaged') && !isWaypostError(error, 'export/newer'))
        throw error
    }),
    { numRuns: 5000 },
  )
})

t.test('an export of a later release is refused with its number', async (t) => {
  const newer = encodeHeader(header)
  newer[1] = 9
  const { bytes } = sealChunk(Kind.header, newer, firstLink, false)
  t.match(read(Buffer.concat([magic, bytes])).error, { code: 'export/newer', data: { found: 9, known: 1 } })
})

t.test('an export goes on where another was cut off, and is the same as one that was not', async (t) => {
  const encoder = new ExportEncoder({ compress: true })
  const begun = [encoder.header(header), ...encoder.add(records.slice(0, 1500))]
  const cut = Buffer.concat(begun)
  const { parts, records: found } = read(cut)
  const decoder = new ExportDecoder()
  t.equal([...decoder.push(cut)].length, parts.length)
  const more = new ExportEncoder({ compress: true, from: decoder.state })
  const rest = [...more.add(records.slice(found.length)), ...more.end()]
  t.same(read(Buffer.concat([cut, ...rest])).records, records)
  t.equal(read(Buffer.concat([cut, ...rest])).error, undefined)
})
