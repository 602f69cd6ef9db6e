/** A place in history as bytes: the timestamp, then the hash. The order of the bytes is the order of history. Pure. */
import { hashBytes, hashFromBytes, type MessageHash } from '../../core/hash.ts'
import type { Nanoseconds } from '../../core/time.ts'
import type { Place, Selection } from '../backend.ts'

export const timeBytes = 8
export const placeBytes = timeBytes + hashBytes

/** Half of the range of an int64: added to a timestamp it makes the order of the bytes that of the numbers. */
const timestampOffset = 2n ** 63n
export const minTimestamp: Nanoseconds = -timestampOffset
export const maxTimestamp: Nanoseconds = timestampOffset - 1n

export function encodePlace({ timestamp, hash }: Place): Buffer {
  const bytes = Buffer.allocUnsafe(placeBytes)
  encodePlaceInto(bytes, 0, timestamp, hash)
  return bytes
}

/** Writes a place to `bytes` at `at`. */
export function encodePlaceInto(bytes: Buffer, at: number, timestamp: Nanoseconds, hash: MessageHash): void {
  writeTime(bytes, timestamp, at)
  bytes.write(hash, at + timeBytes, 'hex')
}

export function decodePlace(bytes: Buffer): Place {
  return { timestamp: timeOf(bytes), hash: hashFromBytes(bytes.subarray(timeBytes, placeBytes)) }
}

/** The timestamp at the head of a place. */
export function timeOf(place: Buffer): Nanoseconds {
  return readTime(place, 0)
}

export function writeTime(bytes: Buffer, timestamp: Nanoseconds, at: number): void {
  bytes.writeBigUInt64BE(timestamp + timestampOffset, at)
}

export function readTime(bytes: Buffer, at: number): Nanoseconds {
  return bytes.readBigUInt64BE(at) - timestampOffset
}

/** A range of keys, as LevelDB takes it. */
export interface KeyRange {
  readonly gte?: Buffer
  readonly gt?: Buffer
  readonly lte?: Buffer
  readonly lt?: Buffer
}

/** A range of places: the same bounds, in front of which a lane writes its prefix. */
export type PlaceRange = KeyRange

type Walk = Pick<Selection, 'start' | 'end' | 'after' | 'direction'>

/** The timestamps that a walk can meet, both ends included; undefined when there are none. */
export function timeRange({ start = minTimestamp, end = maxTimestamp, after, direction }: Walk): TimeRange | undefined {
  const forward = direction === 'forward'
  const from = after !== undefined && forward ? later(start, after.timestamp) : later(start, minTimestamp)
  const to = after !== undefined && !forward ? earlier(end, after.timestamp) : earlier(end, maxTimestamp)
  return from > to ? undefined : { from, to }
}

export interface TimeRange {
  readonly from: Nanoseconds
  readonly to: Nanoseconds
}

export function later(a: Nanoseconds, b: Nanoseconds): Nanoseconds {
  return a > b ? a : b
}

export function earlier(a: Nanoseconds, b: Nanoseconds): Nanoseconds {
  return a < b ? a : b
}

/** The places that a walk can meet; undefined when there are none. */
export function placeRange(walk: Walk): PlaceRange | undefined {
  const times = timeRange(walk)
  if (times === undefined) return undefined
  const first = edge(times.from, 0x00)
  const last = edge(times.to, 0xff)
  if (walk.after === undefined) return { gte: first, lte: last }
  const place = encodePlace(walk.after)
  if (walk.direction === 'forward')
    return Buffer.compare(place, first) < 0 ? { gte: first, lte: last } : { gt: place, lte: last }
  return Buffer.compare(place, last) > 0 ? { gte: first, lte: last } : { gte: first, lt: place }
}

function edge(timestamp: Nanoseconds, fill: number): Buffer {
  const place = Buffer.alloc(placeBytes, fill)
  writeTime(place, timestamp, 0)
  return place
}

/** True if `place` lies in `range`. */
export function contains({ gte, gt, lte, lt }: PlaceRange, place: Buffer): boolean {
  return (
    (gte === undefined || Buffer.compare(place, gte) >= 0) &&
    (gt === undefined || Buffer.compare(place, gt) > 0) &&
    (lte === undefined || Buffer.compare(place, lte) <= 0) &&
    (lt === undefined || Buffer.compare(place, lt) < 0)
  )
}
