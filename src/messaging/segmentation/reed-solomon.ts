/**
 * Reed-Solomon erasure coding over GF(2^8), polynomial 0x11d, as github.com/klauspost/reedsolomon does by default:
 * a Vandermonde matrix whose upper square is made the identity, so that data shards stand as they are and parity
 * shards are sums of them. Any `data` of the shards restore the others.
 */

/** Shards in all: the field has 256 points. */
export const maxShards = 256

const polynomial = 0x11d

/** Powers of the generator 2, twice over so that a sum of logarithms needs no modulo; and their logarithms. */
const powers = new Uint8Array(512)
const logarithms = new Uint8Array(256)
for (let exponent = 0, value = 1; exponent < 255; exponent += 1) {
  powers[exponent] = value
  powers[exponent + 255] = value
  logarithms[value] = exponent
  value <<= 1
  if (value > 255) value ^= polynomial
}

// Indices below are bounded by the table or the matrix that they go into.
function times(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : powers[logarithms[a]! + logarithms[b]!]!
}

function inverse(a: number): number {
  return powers[255 - logarithms[a]!]!
}

function power(a: number, exponent: number): number {
  if (exponent === 0) return 1
  return a === 0 ? 0 : powers[(logarithms[a]! * exponent) % 255]!
}

type Row = Uint8Array
type Matrix = readonly Row[]

/** What a factor makes of each byte: 64 KiB, made once. */
const products = Array.from({ length: 256 }, (_, factor) =>
  Uint8Array.from({ length: 256 }, (_, value) => times(value, factor)),
)

/** target += source * factor, byte by byte. */
function addTimes(target: Uint8Array, source: Uint8Array, factor: number): void {
  if (factor === 0) return
  const product = products[factor]!
  for (let index = 0; index < source.length; index += 1) target[index]! ^= product[source[index]!]!
}

function identity(size: number): Row[] {
  return Array.from({ length: size }, (_, row) => {
    const values = new Uint8Array(size)
    values[row] = 1
    return values
  })
}

/** The inverse of a square matrix by Gauss and Jordan. Rows of a Vandermonde matrix are always independent. */
function inverted(matrix: Matrix): Matrix {
  const left = matrix.map((row) => row.slice())
  const right = identity(matrix.length)
  for (let column = 0; column < left.length; column += 1) {
    const pivot = left.findIndex((row, index) => index >= column && row[column] !== 0)
    for (const rows of [left, right]) [rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!]
    const factor = inverse(left[column]![column]!)
    left[column] = left[column]!.map((value) => times(value, factor))
    right[column] = right[column]!.map((value) => times(value, factor))
    clearColumn(left, right, column)
  }
  return right
}

function clearColumn(left: readonly Row[], right: readonly Row[], column: number): void {
  for (let row = 0; row < left.length; row += 1) {
    const factor = left[row]![column]!
    if (row === column || factor === 0) continue
    addTimes(left[row]!, left[column]!, factor)
    addTimes(right[row]!, right[column]!, factor)
  }
}

/** row * matrix. */
function rowTimes(row: Row, matrix: Matrix): Row {
  const product = new Uint8Array(matrix[0]!.length)
  for (const [index, factor] of row.entries()) addTimes(product, matrix[index]!, factor)
  return product
}

/** Row `shard` says how that shard is made of the data shards. */
function codingRows(data: number, parity: number): Matrix {
  const vandermonde = Array.from({ length: data + parity }, (_, row) =>
    Uint8Array.from({ length: data }, (_, column) => power(row, column)),
  )
  const top = inverted(vandermonde.slice(0, data))
  return [...identity(data), ...vandermonde.slice(data).map((row) => rowTimes(row, top))]
}

/** The parity shards of `data`, all of the same size. */
export function parityOf(data: readonly Uint8Array[], parity: number): Uint8Array[] {
  const rows = codingRows(data.length, parity).slice(data.length)
  return rows.map((row) => combined(row, data))
}

function combined(row: Row, shards: readonly Uint8Array[]): Uint8Array {
  const sum = new Uint8Array(shards[0]!.length)
  for (const [index, factor] of row.entries()) addTimes(sum, shards[index]!, factor)
  return sum
}

/**
 * The data shards, the missing ones restored. `shards` holds data, then parity, undefined where one is missing; all are
 * of the same size, and at least `data` of them are there.
 */
export function restoredData(shards: readonly (Uint8Array | undefined)[], data: number): Uint8Array[] {
  const rows = codingRows(data, shards.length - data)
  const present = [...shards.keys()].filter((index) => shards[index] !== undefined).slice(0, data)
  const known = present.map((index) => shards[index]!)
  const back = inverted(present.map((index) => rows[index]!))
  return Array.from({ length: data }, (_, index) => shards[index] ?? combined(back[index]!, known))
}
