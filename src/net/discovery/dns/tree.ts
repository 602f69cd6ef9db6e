/**
 * Trees of node records in DNS: their entries, their hashes and the signature of their root (EIP-1459).
 * https://github.com/ethereum/EIPs/blob/master/EIPS/eip-1459.md
 *
 * A tree is a set of TXT records. The one at its domain is the root, signed by the key in the tree's URL; each other is
 * named by the hash of its text, so that the root vouches for all of them.
 */
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { WaypostError } from '../../../core/errors.ts'
import { type Enr, enrToText } from '../enr.ts'
import { fromBase32, toBase32 } from './base32.ts'

/** Where a tree is, and the key that signs it. */
export interface TreeUrl {
  /** Compressed secp256k1. */
  readonly publicKey: Uint8Array
  readonly domain: string
}

/** What the root says. */
export interface TreeRoot {
  /** Hash of the entry below which the records are. */
  readonly records: string
  /** Hash of the entry below which the links to other trees are. */
  readonly links: string
  /** Grows with each change of the tree. */
  readonly sequence: bigint
}

/** An entry below the root. The text of a record is not read yet. */
export type TreeEntry =
  | { readonly is: 'branch'; readonly hashes: readonly string[] }
  | { readonly is: 'link'; readonly to: TreeUrl }
  | { readonly is: 'record'; readonly text: string }

/** What a tree is made of. */
export interface TreeContent {
  readonly records: readonly Enr[]
  readonly links?: readonly TreeUrl[]
}

/** A tree without its root: the same for the same content, whatever the sequence number. */
export interface Subtrees {
  readonly records: string
  readonly links: string
  /** Texts by their hashes. */
  readonly entries: ReadonlyMap<string, string>
}

/** How the entries begin. */
export const rootPrefix = 'enrtree-root:v1'
const branchPrefix = 'enrtree-branch:'
const linkPrefix = 'enrtree://'
const recordPrefix = 'enr:'

/** Bytes of a hash as we write it, and of those that are taken: EIP-1459 lets them be abbreviated; go-ethereum's bounds. */
const hashBytes = 16
const minHashBytes = 12
const maxHashBytes = 32

/** Bytes of a compressed key, and of a signature: r, s, and which of the two points it is. */
const publicKeyBytes = 33
const compactBytes = 64
const signatureBytes = compactBytes + 1

/** The largest sequence number, which go-ethereum reads as a uint64. */
const maxSequence = 2n ** 64n - 1n

/** Entries of one branch: with these its TXT record fits into a packet of 512 bytes, go-ethereum. */
const maxChildren = 13

/** `enrtree://<key>@<domain>`. Throws `dns-tree/malformed`. */
export function parseTreeUrl(text: string): TreeUrl {
  const [, key = '', domain = ''] = /^enrtree:\/\/([A-Z2-7]{53})@([\w-]+(?:\.[\w-]+)*)\.?$/.exec(text.trim()) ?? []
  const publicKey = fromBase32(key)
  if (publicKey === undefined || publicKey.length !== publicKeyBytes)
    throw malformed('link', 'not enrtree://<key>@<domain>')
  if (!isOfCurve(publicKey)) throw malformed('link', 'its key is not of the curve')
  return { publicKey, domain: domain.toLowerCase() }
}

export function treeUrlText({ publicKey, domain }: TreeUrl): string {
  return `${linkPrefix}${toBase32(publicKey)}@${domain}`
}

/** Reads a root and checks its signature. Throws `dns-tree/malformed` and `dns-tree/forged`. */
export function readRoot(text: string, { publicKey, domain }: TreeUrl): TreeRoot {
  const [, signed = '', records = '', links = '', number = '', encoded = ''] =
    /^(enrtree-root:v1 e=([A-Z2-7]+) l=([A-Z2-7]+) seq=(\d{1,20})) sig=([\w-]+={0,2})$/.exec(text) ?? []
  if (!isHash(records) || !isHash(links)) throw malformed('root', 'not of the form of EIP-1459')
  const sequence = BigInt(number)
  if (sequence > maxSequence) throw malformed('root', 'its sequence number is above 64 bits')
  if (!isSignedBy(publicKey, signed, Buffer.from(encoded, 'base64url')))
    throw new WaypostError('dns-tree/forged', { domain })
  return { records, links, sequence }
}

/** Writes a root signed by a raw key. */
export function signRoot({ records, links, sequence }: TreeRoot, privateKey: Uint8Array): string {
  const text = `${rootPrefix} e=${records} l=${links} seq=${sequence}`
  const options = { prehash: false, format: 'recovered' } as const
  const recovered = secp256k1.sign(keccak_256(Buffer.from(text)), privateKey, options)
  // The library has the number of the point in front, EIP-1459 behind.
  const signature = Buffer.concat([recovered.subarray(1), recovered.subarray(0, 1)])
  return `${text} sig=${signature.toString('base64url')}`
}

/** Reads an entry below the root. Throws `dns-tree/malformed`. */
export function parseEntry(text: string): TreeEntry {
  if (text.startsWith(branchPrefix)) return { is: 'branch', hashes: hashesIn(text.slice(branchPrefix.length)) }
  if (text.startsWith(linkPrefix)) return { is: 'link', to: parseTreeUrl(text) }
  if (text.startsWith(recordPrefix)) return { is: 'record', text }
  throw malformed('entry', 'neither branch, link nor record')
}

/** The name of an entry below its domain. */
export function hashOf(text: string): string {
  return toBase32(keccak_256(Buffer.from(text)).subarray(0, hashBytes))
}

/** True when `hash`, which may be abbreviated, is that of `text`. */
export function isHashOf(hash: string, text: string): boolean {
  const wanted = fromBase32(hash)
  if (wanted === undefined || wanted.length < minHashBytes) return false
  return Buffer.compare(wanted, keccak_256(Buffer.from(text)).subarray(0, wanted.length)) === 0
}

/**
 * The entries for `content`. They stand in the order of their keys, so that a node that comes or goes changes few of
 * them, and each node is there once, with the newest of its records.
 */
export function growTree({ records, links = [] }: TreeContent): Subtrees {
  const entries = new Map<string, string>()
  const texts = newest(records).map(enrToText)
  const urls = [...new Set(links.map(treeUrlText))].sort()
  return { records: put(grow(texts, entries), entries), links: put(grow(urls, entries), entries), entries }
}

function newest(records: readonly Enr[]): Enr[] {
  const byKey = new Map<string, Enr>()
  for (const record of records) {
    const key = Buffer.from(record.publicKey).toString('hex')
    const known = byKey.get(key)
    if (known === undefined || known.sequence < record.sequence) byKey.set(key, record)
  }
  return [...byKey].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, record]) => record)
}

/** Adds what is below it to `entries`, and gives the text of the one entry that leads to all of `texts`. */
function grow(texts: readonly string[], entries: Map<string, string>): string {
  const [only] = texts
  if (texts.length === 1 && only !== undefined) return only
  if (texts.length <= maxChildren) return branchPrefix + texts.map((text) => put(text, entries)).join(',')
  const groups = Array.from({ length: Math.ceil(texts.length / maxChildren) }, (_, index) =>
    texts.slice(index * maxChildren, (index + 1) * maxChildren),
  )
  return grow(
    groups.map((group) => grow(group, entries)),
    entries,
  )
}

function put(text: string, entries: Map<string, string>): string {
  const hash = hashOf(text)
  entries.set(hash, text)
  return hash
}

function hashesIn(list: string): string[] {
  const hashes = list === '' ? [] : list.split(',')
  if (!hashes.every(isHash)) throw malformed('branch', 'not a list of hashes')
  return hashes
}

function isHash(text: string): boolean {
  const length = fromBase32(text)?.length ?? 0
  return length >= minHashBytes && length <= maxHashBytes
}

function isOfCurve(publicKey: Uint8Array): boolean {
  try {
    secp256k1.Point.fromBytes(publicKey)
    return true
  } catch {
    return false
  }
}

/** The byte that says which point it is goes unread, as with go-ethereum: the key is known. */
function isSignedBy(publicKey: Uint8Array, text: string, signature: Uint8Array): boolean {
  if (signature.length !== signatureBytes) return false
  const compact = signature.subarray(0, compactBytes)
  try {
    return secp256k1.verify(compact, keccak_256(Buffer.from(text)), publicKey, { prehash: false, lowS: false })
  } catch {
    // Numbers out of range.
    return false
  }
}

function malformed(what: 'root' | 'branch' | 'link' | 'entry', why: string): WaypostError {
  return new WaypostError('dns-tree/malformed', { what, why })
}
