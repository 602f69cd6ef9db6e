/**
 * Poly1305 (RFC 8439, 2.5) over a ciphertext as an AEAD has it (2.8) without associated data: padded with zeros, its length
 * behind it.
 *
 * `poly1305(at, length)` puts the tag of the bytes from `at` on behind them. Its key is the block in front of `output`.
 * Numbers are five limbs of 26 bits, so that the products and their sums fit 64.
 */
import { type Code, type Definition, get, i32, i64, load, op, repeat, set, store, v128 } from './assembly.ts'
import { blockBytes, places } from './memory.ts'

const five = [0, 1, 2, 3, 4] as const
const limbBits = 26n
const limbMask = (1n << limbBits) - 1n
const partBytes = 16

/**
 * The locals: parameters, where the ciphertext ends and what is left; 128 bits; r, r times 5, the sum h so far, and what h
 * becomes.
 */
const local = { at: 0, length: 1, end: 2, left: 3, low: 4, high: 5, above: 6, r: 7, r5: 12, h: 17, next: 22 } as const

const keyAt = places.output - blockBytes

function and(value: Code, bits: bigint): Code {
  return op('i64.and', value, i64(bits))
}

function or(...values: readonly Code[]): Code {
  return values.reduce((all, value) => op('i64.or', all, value))
}

function left(value: Code, bits: bigint): Code {
  return op('i64.shl', value, i64(bits))
}

function right(value: Code, bits: bigint): Code {
  return op('i64.shr_u', value, i64(bits))
}

function added(...values: readonly Code[]): Code {
  return values.reduce((all, value) => op('i64.add', all, value))
}

/** The 128 bits in `low` and `high`, the limbs as they are. */
function limbs(): Code[] {
  const [low, high] = [get(local.low), get(local.high)]
  return [
    and(low, limbMask),
    and(right(low, 26n), limbMask),
    and(or(right(low, 52n), left(high, 12n)), limbMask),
    and(right(high, 14n), limbMask),
    right(high, 40n),
  ]
}

/** A limb of h times r: what is above 2^130 counts five times, 2^130 being 5 modulo the prime. */
function product(index: number): Code {
  const factor = (at: number): number => (at <= index ? local.r + index - at : local.r5 + 5 + index - at)
  return added(...five.map((at) => op('i64.mul', get(local.h + at), get(factor(at)))))
}

/** Moves what is above 26 bits of one limb to another. */
function carried(from: number, to: number, times: Code = i64(1n)): Code {
  return [
    ...set(local.above, right(get(from), limbBits)),
    ...set(from, and(get(from), limbMask)),
    ...set(to, added(get(to), op('i64.mul', get(local.above), times))),
  ]
}

function carriedUp(number: number): Code {
  return five.slice(1).flatMap((at) => carried(number + at - 1, number + at))
}

const carriedRound: Code = [...carriedUp(local.h), ...carried(local.h + 4, local.h, i64(5n))]

/** Zeros up to 16 bytes, then two lengths, of which that of the associated data is zero. */
const padded: Code = [
  ...set(local.end, op('i32.add', get(local.at), get(local.length))),
  ...store('v128.store', get(local.end), 0, v128(new Array(partBytes).fill(0))),
  ...set(local.left, op('i32.and', op('i32.add', get(local.length), i32(partBytes - 1)), i32(-partBytes))),
  ...store('i64.store', op('i32.add', get(local.at), get(local.left)), 0, i64(0n)),
  ...store('i64.store', op('i32.add', get(local.at), get(local.left)), 8, op('i64.extend_i32_u', get(local.length))),
  ...set(local.left, op('i32.add', get(local.left), i32(partBytes))),
]

/** RFC 8439, 2.5: some bits of r are zero. */
const readKey: Code = [
  ...set(local.low, and(load('i64.load', i32(0), keyAt), 0x0ffffffc_0fffffffn)),
  ...set(local.high, and(load('i64.load', i32(0), keyAt + 8), 0x0ffffffc_0ffffffcn)),
  ...limbs().flatMap((limb, index) => set(local.r + index, limb)),
  ...five.flatMap((index) => set(local.r5 + index, op('i64.mul', get(local.r + index), i64(5n)))),
]

/** h = (h + part + 2^128) * r */
const part: Code = [
  ...set(local.low, load('i64.load', get(local.at), 0)),
  ...set(local.high, load('i64.load', get(local.at), 8)),
  ...limbs().flatMap((limb, index) => set(local.h + index, added(get(local.h + index), limb))),
  ...set(local.h + 4, added(get(local.h + 4), i64(1n << 24n))),
  ...five.flatMap((index) => set(local.next + index, product(index))),
  ...five.flatMap((index) => set(local.h + index, get(local.next + index))),
  ...carriedRound,
  ...carried(local.h, local.h + 1),
  ...set(local.at, op('i32.add', get(local.at), i32(partBytes))),
  ...set(local.left, op('i32.sub', get(local.left), i32(partBytes))),
]

/** h modulo 2^130 - 5: h + 5 - 2^130 unless that is below zero, chosen without a branch. */
const reduced: Code = [
  ...carriedRound,
  ...carriedUp(local.h),
  ...five.flatMap((index) => set(local.next + index, get(local.h + index))),
  ...set(local.next, added(get(local.next), i64(5n))),
  ...carriedUp(local.next),
  ...set(local.next + 4, op('i64.sub', get(local.next + 4), i64(1n << limbBits))),
  ...set(local.above, op('i64.shr_s', get(local.next + 4), i64(63n))),
  ...five.flatMap((index) => set(local.h + index, chosen(local.h + index, local.next + index, get(local.above)))),
]

/** `one` where the bits of `mask` are set, `other` where they are not. */
function chosen(one: number, other: number, mask: Code): Code {
  const difference = op('i64.xor', get(other), get(one))
  return op('i64.xor', get(other), op('i64.and', difference, mask))
}

/** h + s modulo 2^128. */
const written: Code = [
  ...set(local.low, or(get(local.h), left(get(local.h + 1), 26n), left(get(local.h + 2), 52n))),
  ...set(local.high, or(right(get(local.h + 2), 12n), left(get(local.h + 3), 14n), left(get(local.h + 4), 40n))),
  ...set(local.next, added(get(local.low), load('i64.load', i32(0), keyAt + 16))),
  ...set(local.above, op('i64.extend_i32_u', op('i64.lt_u', get(local.next), get(local.low)))),
  ...store('i64.store', get(local.end), 0, get(local.next)),
  ...store(
    'i64.store',
    get(local.end),
    8,
    added(get(local.high), load('i64.load', i32(0), keyAt + 24), get(local.above)),
  ),
]

export const poly1305: Definition = {
  name: 'poly1305',
  parameters: ['i32', 'i32'],
  locals: ['i32', 'i32', ...new Array<'i64'>(23).fill('i64')],
  body: [...padded, ...readKey, ...repeat(part, get(local.left)), ...reduced, ...written],
}
