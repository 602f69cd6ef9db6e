/** What bounds discovery by DNS. Whoever signs a tree, or answers for a name on the way, can make it any size. */
import type { Milliseconds } from '../../../core/time.ts'

const second: Milliseconds = 1000
const minute = 60 * second

/** What bounds the reading of one tree. */
export interface TreeLimits {
  /** Entries looked up, branches and leaves together: the largest known tree of Waku has about thirty. */
  readonly entries: number
  /** Branches between the root and a leaf: with 13 entries each, 4 reach 28,561 records. */
  readonly depth: number
  /** Bytes of one entry: a branch of 13 hashes has 366, a record 404; go-ethereum writes none above 512. */
  readonly entryBytes: number
  /** TXT records at one name; a domain has some that are no trees, for mail or certificates. */
  readonly answers: number
  /** Bytes of all entries. */
  readonly bytes: number
  /** Look-ups at once. */
  readonly lookUps: number
  /** For the whole tree. */
  readonly timeout: Milliseconds
}

export const treeLimits: TreeLimits = {
  entries: 2000,
  depth: 8,
  entryBytes: 2048,
  answers: 32,
  bytes: 1024 * 1024,
  lookUps: 8,
  timeout: 2 * minute,
}

/** What bounds all trees together, and how often they are read. */
export interface DiscoveryLimits {
  /** Trees read in one round, those that the settings name and those to which they link. */
  readonly trees: number
  /** Links followed one after the other. */
  readonly linkDepth: number
  /** Between two rounds: as often as go-ethereum reads a tree. */
  readonly refresh: Milliseconds
  /** After a round in which a tree could not be read; doubled with each, up to `refresh`. */
  readonly retry: Milliseconds
  /** By how much, as a part of itself, each wait is longer or shorter, so that nodes do not ask all at once. */
  readonly jitter: number
}

export const discoveryLimits: DiscoveryLimits = {
  trees: 16,
  linkDepth: 4,
  refresh: 30 * minute,
  retry: 15 * second,
  jitter: 0.2,
}

/** One question to the name servers, of which each is asked as often as `tries` says. */
export const questionLimits: { readonly timeout: Milliseconds; readonly tries: number } = {
  timeout: 3 * second,
  tries: 2,
}

/** Bytes of the file with the last good lists: 16 trees of 2000 records of 404 digits, and as much again. */
export const lastGoodBytes = 32 * 1024 * 1024
