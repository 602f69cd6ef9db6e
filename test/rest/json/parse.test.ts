import fc from 'fast-check'
import t from 'tap'
import { type Json, parseJson } from '../../../src/rest/json/parse.ts'
import { type Writable, writeJson } from '../../../src/rest/json/write.ts'
import { holds } from '../../kit/property.ts'

function parse(text: string): Json {
  return parseJson(Buffer.from(text))
}

/** What JSON.parse makes of a value of ours: Maps as objects, bigints as numbers. */
function plain(value: Json): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([key, inner]: [string, Json]) => [key, plain(inner)]))
  return Array.isArray(value) ? value.map(plain) : value
}

t.test('integers keep their digits, in and out', async (t) => {
  t.equal(parse('1735689600123456789'), 1735689600123456789n)
  t.equal(parse('-9223372036854775808'), -(2n ** 63n))
  t.equal(writeJson({ timestamp: 1735689600123456789n, absent: undefined }), '{"timestamp":1735689600123456789}')
})

t.test('what JSON.parse reads is read alike, and what it refuses is refused', async (t) => {
  const same = (text: string): boolean => {
    let expected: unknown
    try {
      expected = JSON.parse(text)
    } catch {
      t.throws(() => parse(text), { code: 'rest/bad-body' }, text)
      return true
    }
    t.same(plain(parse(text)), expected, text)
    return true
  }
  const texts = [
    '',
    ' ',
    '{',
    '{}',
    ' [ ] ',
    '[1,]',
    '[,1]',
    '{"a"}',
    '{"a":1,}',
    '{a:1}',
    "{'a':1}",
    '[1 2]',
    '01',
    '+1',
    '1.',
    '.5',
  ]
  const more = [
    '-',
    '-0',
    '1e5',
    '1E-2',
    '1.5',
    'tru',
    'nul',
    'true',
    'NaN',
    '"\\u00e4"',
    '"\\x"',
    '"a',
    '"\\"',
    '"\\\\"',
    '"\\\\\\""',
    '"\t"',
    '""',
    '1 1',
    '\u00a01',
  ]
  for (const text of [...texts, ...more]) same(text)
})

t.test('whatever JSON.stringify writes is read', async (t) => {
  holds(
    t,
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      t.same(plain(parse(JSON.stringify(value))), JSON.parse(JSON.stringify(value)))
    }),
  )
})

t.test('any bytes are a value or a bad body, never anything else', async (t) => {
  const character = fc.constantFrom(...'{}[]",:\\ 0123456789.eE+-truefalsnul\u00e4\n')
  const noise = fc.oneof(
    fc.uint8Array(),
    fc.string({ unit: character, maxLength: 60 }).map((text) => Buffer.from(text)),
  )
  holds(
    t,
    fc.property(noise, (bytes) => {
      try {
        parseJson(bytes)
      } catch (error) {
        t.match(error, { code: 'rest/bad-body' })
      }
    }),
    { numRuns: 3000 },
  )
})

t.test('a key may not come twice, and none is special', async (t) => {
  t.throws(() => parse('{"a":1,"b":2,"a":1}'), { code: 'rest/bad-body', message: /"a" comes twice/ })
  t.throws(() => parse('{"a":1,"\\u0061":1}'), { code: 'rest/bad-body' })
  t.same(
    parse('{"__proto__":{"a":true},"constructor":1}'),
    new Map<string, Json>([
      ['__proto__', new Map([['a', true]])],
      ['constructor', 1n],
    ]),
  )
  t.equal(({} as Record<string, unknown>).a, undefined)
})

t.test('depth and digits have an end', async (t) => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  t.ok(parse(nested(30)))
  t.throws(() => parse(nested(100_000)), { code: 'rest/bad-body', message: /levels/ })
  t.throws(() => parse('9'.repeat(1_000_000)), { code: 'rest/bad-body', message: /64 bits/ })
})

t.test('bytes that are not UTF-8 are refused', async (t) => {
  t.throws(() => parseJson(Buffer.from([0x22, 0xff, 0x22])), { code: 'rest/bad-body', message: /UTF-8/ })
})

t.test('what is written is JSON', async (t) => {
  const value = {
    texts: ['a', '"', '\u2028'],
    none: null,
    yes: true,
    half: 0.5,
    nested: { zero: 0n },
  } as const satisfies Writable
  t.same(JSON.parse(writeJson(value)), { ...value, nested: { zero: 0 } })
})
