/**
 * As much of the binary format of WebAssembly as one module of ours needs: instructions as bytes, functions, a module
 * (https://webassembly.github.io/spec/core/binary/index.html). So the module is read where it is written, and no other
 * tool has a part in it.
 */

/** Instructions in a row. */
export type Code = readonly number[]

const types = { i32: 0x7f, i64: 0x7e, v128: 0x7b } as const
export type Type = keyof typeof types

const sections = { type: 1, function: 3, memory: 5, export: 7, code: 10 } as const
const exportKinds = { function: 0, memory: 2 } as const
const functionType = 0x60
const emptyBlock = 0x40

/** The instructions that take no more than what lies on the stack, by their opcodes. */
const plain = {
  'i32.add': [0x6a],
  'i32.sub': [0x6b],
  'i32.and': [0x71],
  'i64.lt_u': [0x54],
  'i64.add': [0x7c],
  'i64.sub': [0x7d],
  'i64.mul': [0x7e],
  'i64.and': [0x83],
  'i64.or': [0x84],
  'i64.xor': [0x85],
  'i64.shl': [0x86],
  'i64.shr_s': [0x87],
  'i64.shr_u': [0x88],
  'i64.extend_i32_u': [0xad],
  'v128.or': [0xfd, 0x50],
  'v128.xor': [0xfd, 0x51],
  'i32x4.splat': [0xfd, 0x11],
  'i32x4.shl': [0xfd, 0xab, 0x01],
  'i32x4.shr_u': [0xfd, 0xad, 0x01],
  'i32x4.add': [0xfd, 0xae, 0x01],
} as const

/** Those that read or write memory: opcode and alignment, of which we claim none. */
const memory = {
  'i64.load': [0x29, 0],
  'i64.store': [0x37, 0],
  'v128.load': [0xfd, 0x00, 0],
  'v128.load32_splat': [0xfd, 0x09, 0],
  'v128.store': [0xfd, 0x0b, 0],
} as const

/** An instruction after what it takes. */
export function op(name: keyof typeof plain, ...operands: readonly Code[]): Code {
  return [...operands.flat(), ...plain[name]]
}

/** Reads at `address` and `offset`. */
export function load(name: 'i64.load' | 'v128.load' | 'v128.load32_splat', address: Code, offset: number): Code {
  return [...address, ...memory[name], ...unsigned(offset)]
}

/** Writes `value` at `address` and `offset`. */
export function store(name: 'i64.store' | 'v128.store', address: Code, offset: number, value: Code): Code {
  return [...address, ...value, ...memory[name], ...unsigned(offset)]
}

export function i32(value: number): Code {
  return [0x41, ...signed(BigInt(value))]
}

export function i64(value: bigint): Code {
  return [0x42, ...signed(value)]
}

/** A constant of 16 bytes. */
export function v128(bytes: readonly number[]): Code {
  return [0xfd, 0x0c, ...bytes]
}

/** Bytes of two vectors, chosen by their places in both together. */
export function shuffle(one: Code, other: Code, places: readonly number[]): Code {
  return [...one, ...other, 0xfd, 0x0d, ...places]
}

/** Locals, by their numbers: parameters are the first. */
export function get(local: number): Code {
  return [0x20, ...unsigned(local)]
}

export function set(local: number, value: Code): Code {
  return [...value, 0x21, ...unsigned(local)]
}

/** Does `body` until `condition`, an i32, is zero. */
export function repeat(body: Code, condition: Code): Code {
  return [0x03, emptyBlock, ...body, ...condition, 0x0d, 0, 0x0b]
}

/** A function without a result. */
export interface Definition {
  readonly name: string
  readonly parameters: readonly Type[]
  readonly locals: readonly Type[]
  readonly body: Code
}

/** A module with `pages` of memory; it exports them and all functions. */
export function moduleOf(pages: number, functions: readonly Definition[]): Uint8Array<ArrayBuffer> {
  const exported = [
    [...text('memory'), exportKinds.memory, 0],
    ...functions.map(({ name }, index) => [...text(name), exportKinds.function, ...unsigned(index)]),
  ]
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(
      sections.type,
      functions.map(({ parameters }) => [functionType, ...vector(codesOf(parameters)), 0]),
    ),
    ...section(
      sections.function,
      functions.map((_, index) => unsigned(index)),
    ),
    ...section(sections.memory, [[0, ...unsigned(pages)]]),
    ...section(sections.export, exported),
    ...section(sections.code, functions.map(bodyOf)),
  ])
}

function bodyOf({ locals, body }: Definition): Code {
  const code = [...vector(locals.map((type) => [1, types[type]])), ...body, 0x0b]
  return [...unsigned(code.length), ...code]
}

function codesOf(some: readonly Type[]): Code[] {
  return some.map((type) => [types[type]])
}

function section(id: number, entries: readonly Code[]): Code {
  const content = vector(entries)
  return [id, ...unsigned(content.length), ...content]
}

function vector(entries: readonly Code[]): Code {
  return [...unsigned(entries.length), ...entries.flat()]
}

function text(name: string): Code {
  return vector([...Buffer.from(name)].map((byte) => [byte]))
}

function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)]
}

function signed(value: bigint): Code {
  const low = Number(value & 0x7fn)
  const rest = value >> 7n
  const isLast = (rest === 0n && low < 0x40) || (rest === -1n && low >= 0x40)
  return isLast ? [low] : [low | 0x80, ...signed(rest)]
}
