/**
 * The shapes of bodies and answers. Each is a reader, which the server asks, and a schema, which docs/openapi.yaml
 * shows; both come from one row, so they cannot differ.
 *
 * Reading is as strict as the field wants it: a field that is not known is refused (decision 0005, 4), and `null` is not
 * how one leaves a field out.
 */
import { WaypostError } from '../core/errors.ts'
import type { Json, JsonObject } from './json/parse.ts'
import type { Writable } from './json/write.ts'

/** JSON Schema, as far as it is used here. */
export type Schema = { readonly [keyword: string]: Writable | undefined }

/** A form that a value may have. `read` throws `rest/bad-body`; `at` names the place in errors. */
export interface Shape<T> {
  readonly schema: Schema
  /** What is said of a field that is not there; that it is missing, unless nwaku says more. */
  readonly missing?: string
  read(value: Json, at: string): T
}

/** A field that may be left out. */
export interface Optional<T> {
  readonly optional: Shape<T>
}

type Fields = Readonly<Record<string, Shape<unknown> | Optional<unknown>>>
type ValueOf<Field> = Field extends Optional<infer T> ? T | undefined : Field extends Shape<infer T> ? T : never

/** What an object with these fields reads as. */
export type ObjectOf<F extends Fields> = { readonly [Name in keyof F]: ValueOf<F[Name]> }

export type ShapeValue<S> = S extends Shape<infer T> ? T : never

/** Text, whole: half of a surrogate pair would be another text once it is encoded. */
export const string: Shape<string> = {
  schema: { type: 'string' },
  read: (value, at) => (typeof value === 'string' && value.isWellFormed() ? value : wrong(at, 'a string')),
}

export const boolean: Shape<boolean> = {
  schema: { type: 'boolean' },
  read: (value, at) => (typeof value === 'boolean' ? value : wrong(at, 'true or false')),
}

/** A signed integer of 64 bits: a time in nanoseconds. */
export const int64: Shape<bigint> = {
  schema: { type: 'integer', format: 'int64' },
  read(value, at) {
    if (typeof value !== 'bigint') return wrong(at, 'an integer')
    return BigInt.asIntN(64, value) === value ? value : wrong(at, 'an integer of 64 bits')
  },
}

/** An integer from 0 on. nwaku cuts what is wider than 32 bits. */
export const uint32: Shape<number> = {
  schema: { type: 'integer', minimum: 0 },
  read(value, at) {
    if (typeof value !== 'bigint' || value < 0n) return wrong(at, 'an integer, 0 or above')
    return Number(BigInt.asUintN(32, value))
  },
}

/** Any number: a score. */
export const number: Shape<number> = {
  schema: { type: 'number' },
  read: (value, at) => (typeof value === 'number' || typeof value === 'bigint' ? Number(value) : wrong(at, 'a number')),
}

/** `shape`, with words about it. */
export function described<T>(shape: Shape<T>, description: string, more: Schema = {}): Shape<T> {
  return { ...shape, schema: { ...shape.schema, ...more, description } }
}

/** One of a few texts. */
export function oneOf<const T extends string>(...values: readonly T[]): Shape<T> {
  return {
    schema: { type: 'string', enum: values },
    read: (value, at) => values.find((one) => one === value) ?? wrong(at, `one of ${values.join(', ')}`),
  }
}

export function array<T>(items: Shape<T>): Shape<readonly T[]> {
  return {
    schema: { type: 'array', items: items.schema },
    read: (value, at) =>
      isArray(value) ? value.map((item, index) => items.read(item, `${at}[${index}]`)) : wrong(at, 'an array'),
  }
}

/** An array of one item at least. */
export function filled<T>(items: Shape<T>): Shape<readonly T[]> {
  const all = array(items)
  return {
    schema: { ...all.schema, minItems: 1 },
    read(value, at) {
      const read = all.read(value, at)
      return read.length > 0 ? read : wrong(at, 'an array of one item at least')
    },
  }
}

export function optional<T>(shape: Shape<T>): Optional<T> {
  return { optional: shape }
}

/** An object with these fields and no others. */
export function object<F extends Fields>(fields: F): Shape<ObjectOf<F>> {
  const entries = Object.entries(fields)
  const required = entries.filter(([, field]) => !isOptional(field)).map(([name]) => name)
  const properties = Object.fromEntries(entries.map(([name, field]) => [name, shapeOf(field).schema]))
  return {
    schema: {
      type: 'object',
      properties,
      required: required.length > 0 ? required : undefined,
      additionalProperties: false,
    },
    read(value, at) {
      if (!isObject(value)) return wrong(at, 'an object')
      for (const name of value.keys()) if (!Object.hasOwn(fields, name)) unknownField(name)
      // The entries are those of `fields`, one by one.
      return Object.fromEntries(entries.map(([name, field]) => [name, fieldOf(value, name, field)])) as ObjectOf<F>
    },
  }
}

/** An object whose keys are free, all values of one shape. */
export function dictionary<T>(values: Shape<T>): Shape<ReadonlyMap<string, T>> {
  return {
    schema: { type: 'object', additionalProperties: values.schema },
    read(value, at) {
      if (!isObject(value)) return wrong(at, 'an object')
      return new Map([...value].map(([key, inner]) => [key, values.read(inner, key)]))
    },
  }
}

function fieldOf(value: JsonObject, name: string, field: Shape<unknown> | Optional<unknown>): unknown {
  const inner = value.get(name)
  if (inner !== undefined) return shapeOf(field).read(inner, name)
  return isOptional(field) ? undefined : missing(name, field)
}

function shapeOf(field: Shape<unknown> | Optional<unknown>): Shape<unknown> {
  return isOptional(field) ? field.optional : field
}

function isOptional(field: Shape<unknown> | Optional<unknown>): field is Optional<unknown> {
  return 'optional' in field
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}

function isObject(value: Json): value is JsonObject {
  return value instanceof Map
}

function wrong(at: string, wanted: string): never {
  throw new WaypostError('rest/bad-body', { why: `${at} is not ${wanted}` })
}

function missing(name: string, shape: Shape<unknown>): never {
  throw new WaypostError('rest/bad-body', { why: `Field \`${name}\` is ${shape.missing ?? 'missing'}` })
}

/** Characters of a name that a client made up, in an error. */
const maxShownCharacters = 64

function unknownField(name: string): never {
  throw new WaypostError('rest/bad-body', { why: `unknown field ${JSON.stringify(name.slice(0, maxShownCharacters))}` })
}
