/**
 * Protobuf messages as tables: a schema says each field's number and kind once, and the types of what is read and what
 * is written follow from it.
 *
 *     const editMessage = message('EditMessage', { clock: field(1, uint64), text: field(2, text()) })
 *     type EditMessage = ValueOf<typeof editMessage>
 *
 * proto3: a field that is absent reads as 0, false or empty, and is not written when it is; unknown fields are passed
 * over; of a repeated single field the last counts, and messages merge. What Go's protobuf refuses (text that is not
 * UTF-8) is refused. Every count and depth has a bound, so that a small message cannot become a large tree.
 */
import { isUtf8 } from 'node:buffer'
import { isWaypostError, WaypostError } from '../core/errors.ts'
import { ProtobufReader, ProtobufWriter, utf8 } from '../core/protobuf.ts'

/** Messages within messages at the most. The deepest of Status, a backup, goes 6 deep. */
const maxDepth = 16

/** Repeated values and map entries of one message at the most, those of inner messages included. */
export const maxElements = 131_072

/** Items of one repeated field or map, unless its schema says otherwise. */
const maxItems = 4096

/** Bytes of one text, unless its schema says otherwise. */
const maxTextBytes = 65_536

/** What one reading may still take. */
class Budget {
  #elements = 0
  #depth = 0

  take(what: string, count = 1): void {
    this.#elements += count
    if (this.#elements > maxElements) throw malformed(what, `more than ${maxElements} elements`)
  }

  enter(what: string): void {
    this.#depth += 1
    if (this.#depth > maxDepth) throw malformed(what, `more than ${maxDepth} messages deep`)
  }

  leave(): void {
    this.#depth -= 1
  }
}

/** What a value may be: a number, a text, another message. */
export interface Kind<Value, Draft = Value> {
  /** Varints of a repeated field stand packed. */
  readonly packs: boolean
  blank(): Value
  /** Reads a value; a message adds to what stood `before`. */
  read(reader: ProtobufReader, before: Value | undefined, budget: Budget): Value
  write(writer: ProtobufWriter, number: number, value: Draft): void
  /** Whether proto3 leaves it out. */
  isBlank(value: Draft): boolean
  /** A varint as `ProtobufWriter.packed` takes it. */
  varint?(value: Draft): number | bigint
}

function numeric<Value extends number | bigint | boolean>(
  zero: Value,
  read: (reader: ProtobufReader) => Value,
  varint: (value: Value) => number | bigint,
): Kind<Value> {
  return {
    packs: true,
    blank: () => zero,
    read,
    write: (writer, number, value) => writer.uint64(number, BigInt(varint(value))),
    isBlank: (value) => value === zero,
    varint,
  }
}

export const uint32 = numeric(
  0,
  (reader) => reader.uint32(),
  (value) => value >>> 0,
)
export const uint64 = numeric(
  0n,
  (reader) => reader.uint64(),
  (value) => value,
)
export const int64 = numeric(
  0n,
  (reader) => BigInt.asIntN(64, reader.uint64()),
  (value) => value,
)
/** An enumeration too: proto3 keeps values that it has no name for. */
export const int32 = numeric(
  0,
  (reader) => reader.uint32() | 0,
  (value) => BigInt(value),
)
export const bool = numeric(
  false,
  (reader) => reader.bool(),
  (value) => (value ? 1 : 0),
)

/** UTF-8 text of `most` bytes at the most. */
export function text(most = maxTextBytes): Kind<string> {
  return {
    packs: false,
    blank: () => '',
    read: (reader) => {
      const bytes = reader.bytes()
      if (bytes.length > most) throw malformed('a text', `more than ${most} bytes`)
      if (!isUtf8(bytes)) throw malformed('a text', 'it is not UTF-8')
      return utf8(bytes)
    },
    write: (writer, number, value) => writer.string(number, value),
    isBlank: (value) => value === '',
  }
}

const nothing = new Uint8Array(0)

/** Bytes, `most` at the most; read, a view of the message. */
export function bytes(most = Number.POSITIVE_INFINITY): Kind<Uint8Array> {
  return {
    packs: false,
    blank: () => nothing,
    read: (reader) => {
      const value = reader.bytes()
      if (value.length > most) throw malformed('a byte field', `more than ${most} bytes`)
      return value
    },
    write: (writer, number, value) => writer.bytes(number, value),
    isBlank: (value) => value.length === 0,
  }
}

/** A field of a message: one of the functions below makes it. */
export interface Field<Value, Draft = Value> {
  /** One, but for a oneof. */
  readonly numbers: readonly number[]
  blank(): Value
  read(reader: ProtobufReader, number: number, before: Value, budget: Budget): Value
  write(writer: ProtobufWriter, value: Draft): void
}

type Fields = Readonly<Record<string, Field<unknown, unknown>>>

type Values<Shape> = {
  readonly [Key in keyof Shape]: Shape[Key] extends Field<infer Value, infer _Draft> ? Value : never
}

type Drafts<Shape> = {
  readonly [Key in keyof Shape]?: Shape[Key] extends Field<infer _Value, infer Draft> ? Draft : never
}

/** What a message reads as. */
export type ValueOf<Schema> = Schema extends Message<infer Value, infer _Draft> ? Value : never

/** What a message is written from: fields that are left out are absent. */
export type DraftOf<Schema> = Schema extends Message<infer _Value, infer Draft> ? Draft : never

/** A message's table at work: reads and writes it, and is a kind of value of other messages. */
export class Message<Value, Draft> implements Kind<Value, Draft> {
  readonly name: string
  readonly packs = false
  readonly #fields: readonly (readonly [key: string, field: Field<unknown, unknown>])[]
  readonly #byNumber = new Map<number, readonly [key: string, field: Field<unknown, unknown>]>()

  constructor(name: string, fields: Fields) {
    this.name = name
    this.#fields = Object.entries(fields)
    for (const entry of this.#fields) for (const number of entry[1].numbers) this.#byNumber.set(number, entry)
  }

  /** Reads a message. Byte fields are views of `body`. Throws `wire/malformed`. */
  decode(body: Uint8Array): Value {
    return this.#merge(undefined, body, new Budget())
  }

  /** The same, undefined where `decode` throws: bytes that may be another message. */
  parse(body: Uint8Array): Value | undefined {
    try {
      return this.decode(body)
    } catch (error) {
      if (isWaypostError(error, 'wire/malformed')) return undefined
      throw error
    }
  }

  encode(draft: Draft): Uint8Array {
    const writer = new ProtobufWriter()
    // The keys of a draft are those of the schema: its type is made from them.
    const values = draft as Readonly<Record<string, unknown>>
    for (const [key, field] of this.#fields) {
      const value = values[key]
      if (value !== undefined) field.write(writer, value)
    }
    return writer.finish()
  }

  blank(): Value {
    return Object.fromEntries(this.#fields.map(([key, field]) => [key, field.blank()])) as Value
  }

  read(reader: ProtobufReader, before: Value | undefined, budget: Budget): Value {
    return this.#merge(before, reader.bytes(), budget)
  }

  write(writer: ProtobufWriter, number: number, draft: Draft): void {
    writer.bytes(number, this.encode(draft))
  }

  /** An inner message is written also when it is empty: its presence may say something. */
  isBlank(): boolean {
    return false
  }

  #merge(before: Value | undefined, body: Uint8Array, budget: Budget): Value {
    budget.enter(this.name)
    const value = (before ?? this.blank()) as Record<string, unknown>
    const reader = new ProtobufReader(body, this.name)
    for (let number = reader.next(); number !== 0; number = reader.next()) {
      const known = this.#byNumber.get(number)
      if (known === undefined) reader.skip()
      else value[known[0]] = known[1].read(reader, number, value[known[0]], budget)
    }
    budget.leave()
    return value as Value
  }
}

/** A message of these fields. `name` stands in errors. */
export function message<const Shape extends Fields>(name: string, shape: Shape): Message<Values<Shape>, Drafts<Shape>> {
  return new Message(name, shape)
}

/** One value; its blank when it is absent. */
export function field<Value, Draft>(number: number, kind: Kind<Value, Draft>): Field<Value, Draft> {
  return {
    numbers: [number],
    blank: () => kind.blank(),
    read: (reader, _number, before, budget) => kind.read(reader, before, budget),
    write: (writer, value) => {
      if (!kind.isBlank(value)) kind.write(writer, number, value)
    },
  }
}

/** One value; undefined when it is absent. */
export function optional<Value, Draft>(
  number: number,
  kind: Kind<Value, Draft>,
): Field<Value | undefined, Draft | undefined> {
  return {
    numbers: [number],
    blank: () => undefined,
    read: (reader, _number, before, budget) => kind.read(reader, before, budget),
    write: (writer, value) => {
      if (value !== undefined) kind.write(writer, number, value)
    },
  }
}

/** Several values, `most` of them at the most. */
export function repeated<Value, Draft>(
  number: number,
  kind: Kind<Value, Draft>,
  most = maxItems,
): Field<readonly Value[], readonly Draft[]> {
  return {
    numbers: [number],
    blank: () => [],
    read: (reader, _number, before, budget) => append(reader, before as Value[], kind, budget, most),
    write: (writer, values) => {
      if (values.length === 0) return
      if (kind.varint !== undefined) writer.packed(number, values.map(kind.varint))
      else for (const value of values) kind.write(writer, number, value)
    },
  }
}

function append<Value, Draft>(
  reader: ProtobufReader,
  items: Value[],
  kind: Kind<Value, Draft>,
  budget: Budget,
  most: number,
): Value[] {
  const room = most - items.length
  if (room <= 0) throw malformed('a repeated field', `more than ${most} items`)
  const more = kind.packs
    ? reader.varints((one) => kind.read(one, undefined, budget), room)
    : [kind.read(reader, undefined, budget)]
  budget.take('a repeated field', more.length)
  for (const item of more) items.push(item)
  return items
}

/** A map of `most` entries at the most. Of entries with the same key the last counts. */
export function map<Key, Value, Draft>(
  number: number,
  keys: Kind<Key>,
  values: Kind<Value, Draft>,
  most = maxItems,
): Field<ReadonlyMap<Key, Value>, ReadonlyMap<Key, Draft>> {
  const entry = new Message<{ key: Key; value: Value }, { key: Key; value: Draft }>('map entry', {
    key: optional(1, keys),
    value: optional(2, values),
  })
  return {
    numbers: [number],
    blank: () => new Map(),
    read: (reader, _number, before, budget) => {
      budget.take('a map')
      const { key, value } = entry.read(reader, undefined, budget)
      const entries = before as Map<Key, Value>
      entries.set(key ?? keys.blank(), value ?? values.blank())
      if (entries.size > most) throw malformed('a map', `more than ${most} entries`)
      return entries
    },
    write: (writer, entries) => {
      for (const [key, value] of entries) entry.write(writer, number, { key, value })
    },
  }
}

type Cases = Readonly<Record<string, readonly [number: number, kind: Kind<unknown, unknown>]>>

type CaseValue<Of extends Cases> = {
  [Key in keyof Of]: { readonly case: Key; readonly value: Of[Key][1] extends Kind<infer V, infer _D> ? V : never }
}[keyof Of]

type CaseDraft<Of extends Cases> = {
  [Key in keyof Of]: { readonly case: Key; readonly value: Of[Key][1] extends Kind<infer _V, infer D> ? D : never }
}[keyof Of]

/** One of several: `{ case, value }`, or undefined. Of several on the wire the last counts. */
export function oneof<const Of extends Cases>(cases: Of): Field<CaseValue<Of> | undefined, CaseDraft<Of> | undefined> {
  const byNumber = new Map(Object.entries(cases).map(([name, [number, kind]]) => [number, { name, kind }]))
  return {
    numbers: [...byNumber.keys()],
    blank: () => undefined,
    read: (reader, number, before, budget) => {
      // The message calls with one of `numbers` only.
      const { name, kind } = byNumber.get(number)!
      const value = kind.read(reader, before?.case === name ? before.value : undefined, budget)
      return { case: name, value } as CaseValue<Of>
    },
    write: (writer, draft) => {
      const chosen = draft === undefined ? undefined : cases[draft.case as string]
      if (chosen !== undefined) chosen[1].write(writer, chosen[0], draft?.value)
    },
  }
}

function malformed(what: string, why: string): WaypostError {
  return new WaypostError('wire/malformed', { what, why })
}
