/**
 * PostgreSQL's binary form, in which batches go over and rows come back: as text, each byte of a message would be two.
 *
 * (array_recv: dimensions, null flag, element type, then length and lower bound, then each element with its length.)
 */
import type { Column } from './rows.ts'

/** Types by their numbers, which are the same in every PostgreSQL. */
const elementType = { bytea: 17, int8: 20 } as const

const int32Bytes = 4
const headerBytes = 5 * int32Bytes

/** A parameter of type `bytea[]`. */
export function byteaArray(items: readonly Uint8Array[]): Buffer {
  const size = items.reduce((sum, { length }) => sum + int32Bytes + length, headerBytes)
  const array = arrayOf(elementType.bytea, items.length, size)
  let at = headerBytes
  for (const item of items) {
    array.writeInt32BE(item.length, at)
    array.set(item, at + int32Bytes)
    at += int32Bytes + item.length
  }
  return array
}

/** A parameter of type `bigint[]`. */
export function int8Array(items: readonly bigint[]): Buffer {
  const itemBytes = int32Bytes + 8
  const array = arrayOf(elementType.int8, items.length, headerBytes + items.length * itemBytes)
  for (const [index, item] of items.entries()) {
    array.writeInt32BE(8, headerBytes + index * itemBytes)
    array.writeBigInt64BE(item, headerBytes + index * itemBytes + int32Bytes)
  }
  return array
}

/** A `bytea`, which shares its memory with what came from the server. Throws where there is none. */
export function bytesFrom(column: Column | undefined): Buffer {
  if (!column) throw new TypeError('a column has no value')
  return column
}

/** A `bytea` as hexadecimal digits. */
export function hexFrom(column: Column | undefined): string {
  return bytesFrom(column).toString('hex')
}

/** A `text` or a `name`. */
export function textFrom(column: Column | undefined): string {
  return bytesFrom(column).toString()
}

/** A `bigint` in full. */
export function bigintFrom(column: Column | undefined): bigint {
  return bytesFrom(column).readBigInt64BE()
}

/** An `integer` or a `bigint`. */
export function numberFrom(column: Column | undefined): number {
  const bytes = bytesFrom(column)
  return bytes.length === int32Bytes ? bytes.readInt32BE() : Number(bytes.readBigInt64BE())
}

export function booleanFrom(column: Column | undefined): boolean {
  return bytesFrom(column)[0] === 1
}

function arrayOf(type: number, count: number, size: number): Buffer {
  const array = Buffer.allocUnsafe(size)
  for (const [index, value] of [1, 0, type, count, 1].entries()) array.writeInt32BE(value, index * int32Bytes)
  return array
}
