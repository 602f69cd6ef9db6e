import fc from 'fast-check'
import t from 'tap'
import { isWaypostError } from '../../../src/core/errors.ts'
import {
  decodePayload,
  decodeTransfer,
  donePayload,
  encodePayload,
  encodeTransfer,
  type SyncPayload,
  type SyncRange,
  zeroHash,
} from '../../../src/protocols/store-sync/codec.ts'

const lower = 1_700_000_000_000_000_000n
const repeated = (byte: number) => new Uint8Array(32).fill(byte)

/** Made by hand from nwaku's wire form: waku_store_sync/codec.nim. */
const golden: readonly { readonly id: string; readonly payload: SyncPayload; readonly hex: string }[] = [
  {
    id: 'a first turn: a fingerprint of an hour of one shard',
    payload: {
      pubsubTopics: ['/waku/2/rs/1/0'],
      contentTopics: [],
      lower,
      ranges: [
        {
          type: 'fingerprint',
          upper: { time: lower + 3_600_000_000_000n, hash: zeroHash },
          fingerprint: repeated(0xaa),
        },
      ],
    },
    hex: `010e2f77616b752f322f72732f312f30008080a8b1e39fe7cb1780c0e285e36801${'aa'.repeat(32)}`,
  },
  {
    id: 'an answer: two messages of the hour',
    payload: {
      pubsubTopics: [],
      contentTopics: [],
      lower,
      ranges: [
        {
          type: 'items',
          upper: { time: lower + 3_600_000_000_000n, hash: zeroHash },
          items: [
            { time: lower + 5n, hash: repeated(0x11) },
            { time: lower + 12n, hash: repeated(0x22) },
          ],
          reconciled: false,
        },
      ],
    },
    hex: `00008080a8b1e39fe7cb1780c0e285e36802028580a8b1e39fe7cb17${'11'.repeat(32)}07${'22'.repeat(32)}00`,
  },
  {
    id: 'a bound at the time of the one before, with the head of its hash',
    payload: {
      pubsubTopics: [],
      contentTopics: ['/a/1/b/c'],
      lower: 1000n,
      ranges: [
        { type: 'skip', upper: { time: 1002n, hash: zeroHash } },
        { type: 'skip', upper: { time: 1002n, hash: Uint8Array.of(0x35, ...zeroHash.subarray(1)) } },
        { type: 'items', upper: { time: 1003n, hash: zeroHash }, items: [], reconciled: true },
      ],
    },
    hex: '0001082f612f312f622f63e80702000001350001020001',
  },
]

for (const { id, payload, hex } of golden)
  t.test(`the golden bytes hold both ways: ${id}`, async (t) => {
    t.equal(Buffer.from(encodePayload(payload)).toString('hex'), hex)
    t.same(plain(decodePayload(Buffer.from(hex, 'hex'))), plain(payload))
  })

t.test('a payload without ranges is one zero byte, and none and one byte read as no ranges', async (t) => {
  t.same(encodePayload({ pubsubTopics: ['/x'], contentTopics: [], lower, ranges: [] }), donePayload)
  for (const frame of [new Uint8Array(0), Uint8Array.of(0), Uint8Array.of(7)])
    t.same(decodePayload(frame).ranges, [], `frame of ${frame.length} bytes`)
})

const time = fc.bigInt(0n, 2n ** 60n)
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })

/** Ranges of growing bounds; items in order. */
const ranges: fc.Arbitrary<readonly SyncRange[]> = fc
  .array(
    fc.tuple(fc.bigInt(1n, 2n ** 40n), fc.constantFrom('skip', 'fingerprint', 'items'), fc.array(hash), fc.boolean()),
    {
      minLength: 1,
      maxLength: 20,
    },
  )
  .map((rows) => {
    let at = 0n
    return rows.map(([step, type, hashes, reconciled]): SyncRange => {
      at += step
      const upper = { time: at, hash: zeroHash }
      if (type === 'skip') return { type, upper }
      if (type === 'fingerprint') return { type, upper, fingerprint: hashes[0] ?? zeroHash }
      return { type: 'items', upper, items: hashes.map((hash, index) => ({ time: BigInt(index), hash })), reconciled }
    })
  })

t.test('any payload reads as it was written', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.string()),
      fc.array(fc.string()),
      time,
      ranges,
      (pubsubTopics, contentTopics, lower, given) => {
        const moved = given.map((range) => ({ ...range, upper: { ...range.upper, time: range.upper.time + lower } }))
        const payload = {
          pubsubTopics: wellFormed(pubsubTopics),
          contentTopics: wellFormed(contentTopics),
          lower,
          ranges: moved,
        }
        const read = decodePayload(encodePayload(payload as SyncPayload))
        return JSON.stringify(plain(read)) === JSON.stringify(plain(payload as SyncPayload))
      },
    ),
  )
})

t.test('bytes that are no payload are refused as malformed, and nothing else happens', async (t) => {
  const seeds = golden.map(({ hex }) => Buffer.from(hex, 'hex'))
  let refused = 0
  fc.assert(
    fc.property(
      fc.constantFrom(...seeds),
      fc.nat(),
      fc.integer({ min: 0, max: 255 }),
      fc.nat(),
      (seed, place, byte, cut) => {
        const bytes = Buffer.from(seed)
        bytes[place % bytes.length] = byte
        try {
          decodePayload(bytes.subarray(0, cut % 2 === 0 ? bytes.length : cut % bytes.length))
        } catch (error) {
          refused += 1
          return isWaypostError(error, 'wire/malformed')
        }
        return true
      },
    ),
    { numRuns: 20_000 },
  )
  t.ok(refused > 100, 'some of them were refused')
})

t.test('counts and lengths beyond the end, times beyond 63 bits and items out of order are malformed', async (t) => {
  const head = '0000' + '01'
  const rows: readonly [string, string][] = [
    ['a topic count of 2^62', 'ffffffffffffffff3f00'],
    ['a topic longer than the payload', '017f2f00'],
    ['a range of type 3', `${head}0503`],
    ['a fingerprint cut short', `${head}0501aabb`],
    ['a number of ten bytes', `${head}ffffffffffffffffffff01`],
    ['a bound above 63 bits', `0000ffffffffffffffff7fffffffffffffffff7f00`],
    ['items more than there are bytes', `${head}0502ffff03`],
    ['the same item twice', `${head}05020201${'11'.repeat(32)}00${'11'.repeat(32)}00`],
    ['a flag of 2', `${head}05020002`],
    ['a bound with a hash of 33 bytes', `${head}0021${'11'.repeat(33)}00`],
  ]
  for (const [name, hex] of rows)
    t.throws(() => decodePayload(Buffer.from(hex, 'hex')), { code: 'wire/malformed' }, name)
})

t.test('a message in transfer has its topic in field 1 and its bytes in field 2', async (t) => {
  const body = encodeTransfer('/waku/2/rs/1/0', Uint8Array.of(1, 2, 3))
  t.equal(Buffer.from(body).toString('hex'), '0a0e2f77616b752f322f72732f312f301203010203')
  t.match(decodeTransfer(body), { pubsubTopic: '/waku/2/rs/1/0' })
  t.same([...decodeTransfer(body).bytes], [1, 2, 3])
  t.throws(() => decodeTransfer(Uint8Array.of(0x12, 1, 1)), { code: 'wire/malformed' })
})

function wellFormed(texts: readonly string[]): string[] {
  return texts.map((text) => text.toWellFormed())
}

/** As values that compare. */
function plain({ pubsubTopics, contentTopics, lower, ranges }: SyncPayload): unknown {
  const id = ({ time, hash }: { time: bigint; hash: Uint8Array }) => [`${time}`, Buffer.from(hash).toString('hex')]
  const told = ranges.map((range) => ({
    type: range.type,
    upper: id(range.upper),
    fingerprint: range.type === 'fingerprint' && Buffer.from(range.fingerprint).toString('hex'),
    items: range.type === 'items' && range.items.map(id),
    reconciled: range.type === 'items' && range.reconciled,
  }))
  return { pubsubTopics, contentTopics, lower: `${lower}`, ranges: told }
}
