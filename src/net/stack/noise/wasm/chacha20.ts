/**
 * ChaCha20 (RFC 8439, 2.4), four blocks at a time: a vector holds the same word of each.
 *
 * `chacha20(from, to, strides)` adds the key stream from block 0 on to `strides` times four blocks. The key and the nonce
 * are in their places.
 */
import { type Code, type Definition, get, i32, load, op, repeat, set, shuffle, store, v128 } from './assembly.ts'
import { blockBytes, places } from './memory.ts'

/** Four blocks. */
export const strideBytes = 4 * blockBytes

const four = [0, 1, 2, 3] as const
const words = Array.from({ length: 16 }, (_, index) => index)

/** The locals: parameters, counters, the words of the state, and two for what is between. */
const local = { from: 0, to: 1, strides: 2, rounds: 3, blocks: 4, word: 5, one: 21, other: 22 } as const

/** "expand 32-byte k" */
const constants = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574]

function word(index: number): Code {
  return get(local.word + index)
}

/** RFC 8439, 2.3: constants, key, number of the block, nonce. */
function initial(index: number): Code {
  if (index < 4) return op('i32x4.splat', i32(constants[index] ?? 0))
  if (index < 12) return load('v128.load32_splat', i32(0), places.key + 4 * (index - 4))
  if (index === 12) return get(local.blocks)
  return load('v128.load32_splat', i32(0), places.nonce + 4 * (index - 13))
}

/** Whole bytes are moved: processors have an instruction for that, and for other rotations none. */
const bytesRotated: Readonly<Record<number, readonly number[]>> = { 16: [2, 3, 0, 1], 8: [3, 0, 1, 2] }

function rotated(value: Code, bits: number): Code {
  const kept = set(local.one, value)
  const order = bytesRotated[bits]
  const [low, high] = [op('i32x4.shl', get(local.one), i32(bits)), op('i32x4.shr_u', get(local.one), i32(32 - bits))]
  if (order === undefined) return [...kept, ...op('v128.or', low, high)]
  const places = four.flatMap((lane) => order.map((byte) => 4 * lane + byte))
  return [...kept, ...shuffle(get(local.one), get(local.one), places)]
}

type Quarter = readonly [number, number, number, number]

/** RFC 8439, 2.1: a += b; d ^= a; d <<<= bits. */
function step(a: number, b: number, d: number, bits: number): Code {
  return [
    ...set(local.word + a, op('i32x4.add', word(a), word(b))),
    ...set(local.word + d, rotated(op('v128.xor', word(d), word(a)), bits)),
  ]
}

/** Step by step for all four: a processor does what does not depend on each other at once. */
function quarterRounds(quarters: readonly Quarter[]): Code {
  return [
    ...quarters.flatMap(([a, b, , d]) => step(a, b, d, 16)),
    ...quarters.flatMap(([, b, c, d]) => step(c, d, b, 12)),
    ...quarters.flatMap(([a, b, , d]) => step(a, b, d, 8)),
    ...quarters.flatMap(([, b, c, d]) => step(c, d, b, 7)),
  ]
}

const doubleRound: Code = [
  ...quarterRounds(four.map((at) => [at, at + 4, at + 8, at + 12])),
  ...quarterRounds(four.map((at) => [at, 4 + ((at + 1) & 3), 8 + ((at + 2) & 3), 12 + ((at + 3) & 3)])),
]

/** Places of bytes in two vectors: their lower or upper halves in turns, by words and by pairs of words. */
const halves = {
  lowWords: [0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23],
  highWords: [8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31],
  lowPairs: [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23],
  highPairs: [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31],
} as const

/** Words `first` to `first + 3` of the four blocks, added to the data: turned, so that a vector holds those of one block. */
function added(first: number): Code {
  const turned = (places: readonly number[]): Code => [
    ...set(local.one, shuffle(word(first), word(first + 1), places)),
    ...set(local.other, shuffle(word(first + 2), word(first + 3), places)),
  ]
  const put = (block: number, places: readonly number[]): Code => {
    const offset = blockBytes * block + 4 * first
    const stream = shuffle(get(local.one), get(local.other), places)
    const data = load('v128.load', get(local.from), offset)
    return store('v128.store', get(local.to), offset, op('v128.xor', data, stream))
  }
  return [
    ...turned(halves.lowWords),
    ...put(0, halves.lowPairs),
    ...put(1, halves.highPairs),
    ...turned(halves.highWords),
    ...put(2, halves.lowPairs),
    ...put(3, halves.highPairs),
  ]
}

function lanes(numbers: readonly number[]): Code {
  return v128(numbers.flatMap((number) => [number, 0, 0, 0]))
}

function lessOne(count: number): Code {
  return set(count, op('i32.sub', get(count), i32(1)))
}

const stride: Code = [
  ...words.flatMap((index) => set(local.word + index, initial(index))),
  ...set(local.rounds, i32(10)),
  ...repeat([...doubleRound, ...lessOne(local.rounds)], get(local.rounds)),
  ...words.flatMap((index) => set(local.word + index, op('i32x4.add', word(index), initial(index)))),
  ...four.flatMap((group) => added(4 * group)),
  ...set(local.blocks, op('i32x4.add', get(local.blocks), lanes([4, 4, 4, 4]))),
  ...set(local.from, op('i32.add', get(local.from), i32(strideBytes))),
  ...set(local.to, op('i32.add', get(local.to), i32(strideBytes))),
  ...lessOne(local.strides),
]

export const chacha20: Definition = {
  name: 'chacha20',
  parameters: ['i32', 'i32', 'i32'],
  locals: ['i32', 'v128', ...words.map(() => 'v128' as const), 'v128', 'v128'],
  body: [...set(local.blocks, lanes(four)), ...repeat(stride, get(local.strides))],
}
