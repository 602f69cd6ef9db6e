/**
 * One part of a message that is too large for an envelope, as status-go writes it (its `SegmentMessage`).
 * A parity segment is told by a `segmentsCount` of 0.
 */
import { bytes, field, message, uint32, type ValueOf } from '../schema.ts'
import { maxShards } from './reed-solomon.ts'

export const segmentMessage = message('SegmentMessage', {
  /** keccak256 of the whole. */
  wholeHash: field(1, bytes()),
  index: field(2, uint32),
  segmentsCount: field(3, uint32),
  payload: field(4, bytes()),
  parityIndex: field(5, uint32),
  parityCount: field(6, uint32),
})

export type SegmentMessage = ValueOf<typeof segmentMessage>

/** Bytes of a keccak256 hash. */
const wholeHashBytes = 32

/** Where a segment stands among its kind. */
export interface SegmentPlace {
  readonly parity: boolean
  readonly index: number
  /** How many of its kind there are. */
  readonly count: number
}

/** Whether a message is a segment at all: status-go's rule, by which it tells them from what is not segmented. */
export function isSegment({ segmentsCount, parityCount }: SegmentMessage): boolean {
  return segmentsCount >= 2 || parityCount > 0
}

export type SegmentFault = 'bad hash' | 'no payload' | 'bad index' | 'too many segments'

/** Where a segment stands, or what is wrong with it by itself. */
export function placeOf(segment: SegmentMessage): SegmentPlace | SegmentFault {
  const { wholeHash, payload, segmentsCount, parityCount } = segment
  const parity = segmentsCount === 0
  const place = parity
    ? { parity, index: segment.parityIndex, count: parityCount }
    : { parity, index: segment.index, count: segmentsCount }
  if (wholeHash.length !== wholeHashBytes) return 'bad hash'
  if (payload.length === 0) return 'no payload'
  if (place.count < (parity ? 1 : 2) || place.count > maxShards) return 'too many segments'
  return place.index < place.count ? place : 'bad index'
}
