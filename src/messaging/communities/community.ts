/** A community as a device keeps it: the description that was signed last, and what the two have to do with each other. */
import type { CommunityDescription } from '../application/community.ts'
import { type CompressedKey, compressedKeyBytes } from '../keys.ts'
import { bytes, field, map, message, repeated, text, uint32, uint64 } from '../schema.ts'
import { readStored } from '../stored.ts'
import { openDescription } from './description.ts'

/** Requests to join that wait for an answer of ours. */
export const maxRequests = 1024

/** People whose last word is remembered: of those before the earliest of them nothing is taken any more. */
export const maxHeard = 1024

/** Somebody who asks to be let in. */
export interface JoinRequest {
  readonly id: string
  readonly name: string
}

export interface Community {
  readonly key: CompressedKey
  /** As it was signed; empty before one was found. */
  readonly signed: Uint8Array
  /** Of one that is encrypted: the parts for members alone, opened; empty where we are none. */
  readonly opened: Uint8Array
  /** Of one of ours: who waits. */
  readonly requests: readonly JoinRequest[]
  /** Of one of ours, by user id: the clock of the last request to join or to leave. What is played again is older. */
  readonly heard: ReadonlyMap<string, bigint>
  /** The latest clock of those that are not remembered. */
  readonly heardBefore: bigint
  /** Seconds: when we asked to be let in; 0 when we did not. */
  readonly askedAt: bigint
}

export function unknownCommunity(key: CompressedKey): Community {
  const nothing = new Uint8Array(0)
  return { key, signed: nothing, opened: nothing, requests: [], heard: new Map(), heardBefore: 0n, askedAt: 0n }
}

/** What a community says of itself; undefined before that was found. */
export function descriptionOf({ key, signed, opened }: Community): CommunityDescription | undefined {
  const description = signed.length === 0 ? undefined : openDescription(signed, key, opened)
  return typeof description === 'string' ? undefined : description
}

/** Takes somebody's word of this clock; undefined when it was had, or is too old to know. */
export function withHeard(community: Community, id: string, clock: bigint): Community | undefined {
  if (clock <= (community.heard.get(id) ?? community.heardBefore)) return undefined
  const newestFirst = [...new Map(community.heard).set(id, clock)].sort(([, one], [, other]) => (one > other ? -1 : 1))
  const left = newestFirst.slice(maxHeard).map(([, gone]) => gone)
  const heardBefore = left.reduce((latest, one) => (one > latest ? one : latest), community.heardBefore)
  return { ...community, heard: new Map(newestFirst.slice(0, maxHeard)), heardBefore }
}

const version = 1
const table = message('a community', {
  version: field(1, uint32),
  key: field(2, bytes(compressedKeyBytes)),
  signed: field(3, bytes()),
  requests: repeated(
    4,
    message('a request to join', { id: field(1, text(256)), name: field(2, text(1024)) }),
    maxRequests,
  ),
  askedAt: field(5, uint64),
  heard: map(6, text(256), uint64, maxHeard),
  heardBefore: field(7, uint64),
  opened: field(8, bytes()),
})

export function encodeCommunity(community: Community): Uint8Array {
  return table.encode({ ...community, requests: [...community.requests], version })
}

/** Reads what `encodeCommunity` wrote. Throws `session/unreadable`. */
export function decodeCommunity(stored: Uint8Array): Community {
  const read = readStored(table, version, stored)
  // Looked at when it came; what is on our disk only has to be whole.
  return { ...read, key: read.key as CompressedKey }
}
