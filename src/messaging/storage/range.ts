/** Ranges of keys as LevelDB has them: bytes, from one that is in the range to one that is not. */
import type { Range } from './rows.ts'

export interface Bounds {
  readonly gte: Buffer
  readonly lt: Buffer
}

/** No key has this byte: it is in no text. */
const behindText = Buffer.of(0xff)
const zero = Buffer.of(0)

export function boundsOf({ prefix, before, after }: Range): Bounds {
  const begin = Buffer.from(prefix)
  const end = Buffer.concat([begin, behindText])
  return {
    gte: after === undefined ? begin : later(begin, successor(Buffer.from(after))),
    lt: before === undefined ? end : earlier(end, Buffer.from(before)),
  }
}

/** What of `bounds` is left when all up to `key` was read. */
export function remaining(bounds: Bounds, key: Buffer, backwards: boolean): Bounds {
  return backwards ? { gte: bounds.gte, lt: key } : { gte: successor(key), lt: bounds.lt }
}

export function isEmpty({ gte, lt }: Bounds): boolean {
  return Buffer.compare(gte, lt) >= 0
}

function successor(key: Buffer): Buffer {
  return Buffer.concat([key, zero])
}

function later(one: Buffer, other: Buffer): Buffer {
  return Buffer.compare(one, other) > 0 ? one : other
}

function earlier(one: Buffer, other: Buffer): Buffer {
  return Buffer.compare(one, other) < 0 ? one : other
}
