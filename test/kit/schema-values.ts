/** Requests made from a schema: values that fit it, and values that do not by one change. */
import fc from 'fast-check'
import { type Writable, writeJson } from '../../src/rest/json/write.ts'
import type { JsonSchema } from './openapi-document.ts'

/** A value that fits `schema`. `texts` are what its strings are, beside any text. */
export function valuesOf(schema: JsonSchema, texts: readonly string[]): fc.Arbitrary<Writable> {
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  switch (schema.type) {
    case 'string':
      return schema.contentEncoding === 'base64' ? base64Texts : stringsOf(texts)
    case 'integer':
      return integersOf(schema)
    case 'number':
      return fc.integer()
    case 'boolean':
      return fc.boolean()
    case 'array':
      return fc.array(valuesOf(schema.items ?? {}, texts), { minLength: schema.minItems ?? 0, maxLength: 5 })
    case 'object':
      return objectsOf(schema, texts)
    default:
      return fc.constant('x')
  }
}

const base64Texts = fc
  .uint8Array({ minLength: 1, maxLength: 100 })
  .map((bytes) => Buffer.from(bytes).toString('base64'))

/** Any text, NUL and what is not in the first plane included; some of them long. */
export function stringsOf(texts: readonly string[]): fc.Arbitrary<string> {
  const long = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 5 }).map((unit) => unit.repeat(1000))
  const any = fc.string({ unit: 'binary', maxLength: 40 }).map((text) => text.toWellFormed())
  return fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...texts) },
    { weight: 3, arbitrary: any },
    { weight: 1, arbitrary: long },
  )
}

function integersOf({ format, minimum = 0 }: JsonSchema): fc.Arbitrary<bigint> {
  const ends = format === 'int64' ? [-(2n ** 63n), 2n ** 63n - 1n] : [BigInt(minimum), 2n ** 40n]
  return fc.bigInt({ min: ends[0] ?? 0n, max: ends[1] ?? 0n })
}

function objectsOf({ properties = {}, required = [] }: JsonSchema, texts: readonly string[]): fc.Arbitrary<Writable> {
  const fields = Object.entries(properties).map(([name, inner]) => [name, valuesOf(inner, texts)] as const)
  return fc.record<Record<string, Writable>, string>(Object.fromEntries(fields), {
    requiredKeys: [...required],
    noNullPrototype: true,
  })
}

/** JSON that may stand where it does not belong. */
const strays: fc.Arbitrary<Writable> = fc.constantFrom<Writable[]>(
  null,
  true,
  0,
  1.5,
  -1n,
  2n ** 63n,
  10n ** 40n,
  '',
  'x',
  '\u0000',
  [],
  [[[[]]]],
  {},
  { constructor: { prototype: {} } },
)
const names = fc.constantFrom('more', '__proto__', 'constructor', 'toString', 'payload', 'hasOwnProperty', '')

/** One change to a value: a part of it replaced, left out or added. */
function changed(value: Writable): fc.Arbitrary<Writable> {
  if (typeof value !== 'object' || value === null) return strays
  if (Array.isArray(value)) {
    const within = value.map((item: Writable, index) => changed(item).map((other) => value.with(index, other)))
    return fc.oneof(
      strays,
      strays.map((stray) => [...value, stray]),
      ...within,
    )
  }
  const entries = Object.entries(value)
  const within = entries.flatMap(([name, inner]) => [
    changed(inner ?? null).map((other) =>
      Object.fromEntries([...entries.filter(([key]) => key !== name), [name, other]]),
    ),
    fc.constant(Object.fromEntries(entries.filter(([key]) => key !== name))),
  ])
  const more = fc.tuple(names, strays).map(([name, stray]) => Object.fromEntries([...entries, [name, stray]]))
  return fc.oneof(strays, more, ...within)
}

/** One change to JSON itself: cut off, doubled, with a byte of another kind, in too many brackets. */
function broken(json: string): fc.Arbitrary<string> {
  return fc.oneof(
    fc.nat(json.length).map((length) => json.slice(0, length)),
    fc.constant(json + json),
    fc
      .tuple(fc.nat(Math.max(0, json.length - 1)), fc.string({ minLength: 1, maxLength: 1 }))
      .map(([at, other]) => json.slice(0, at) + other + json.slice(at + 1)),
    fc.constantFrom(1, 31, 33, 10_000).map((depth) => '['.repeat(depth) + json + ']'.repeat(depth)),
    fc.constant(json.replace('{', '{"payload":"","payload":"",')),
  )
}

/** Bodies for `schema` as they are sent: half of them fit, the others do not by one change. */
export function bodiesOf(schema: JsonSchema, texts: readonly string[]): fc.Arbitrary<string> {
  const values = valuesOf(schema, texts)
  return fc.oneof(
    { weight: 2, arbitrary: values.map(writeJson) },
    { weight: 1, arbitrary: values.chain(changed).map(writeJson) },
    { weight: 1, arbitrary: values.map(writeJson).chain(broken) },
  )
}
