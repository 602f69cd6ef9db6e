/** Trees of node records for tests, of keys that are made for them. */

import { privateKeyFromRaw } from '@libp2p/crypto/keys'
import { multiaddr } from '@multiformats/multiaddr'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import {
  growTree,
  type Subtrees,
  signRoot,
  type TreeContent,
  type TreeUrl,
  treeUrlText,
} from '../../src/net/discovery/dns/tree.ts'
import type { Enr } from '../../src/net/discovery/enr.ts'
import { signRecord } from '../../src/net/discovery/node-record.ts'

export interface TestTree extends Subtrees {
  readonly url: string
  readonly to: TreeUrl
  /** TXT records by full name. */
  readonly zone: Map<string, string>
}

export interface TreeOptions extends TreeContent {
  readonly domain?: string
  readonly sequence?: bigint
  readonly key?: Uint8Array
}

/** A key that is the same for the same number. */
export function keyOf(number: number): Uint8Array {
  const key = Buffer.alloc(32, 7)
  key.writeUInt32BE(number, 0)
  return key
}

/** A record of a node on cluster 66, the same for the same number. */
export function recordOf(number: number, sequence = 1n): Enr {
  const addresses = [multiaddr(`/ip4/192.0.2.${number % 256}/tcp/${1024 + number}`)]
  const shards = { cluster: 66, shards: [0, 1] }
  return signRecord({ addresses, capabilities: ['relay', 'store'], shards }, privateKeyFromRaw(keyOf(number)), sequence)
}

export function records(count: number): Enr[] {
  return Array.from({ length: count }, (_, index) => recordOf(index + 1))
}

/** A signed tree; at `nodes.test` unless said otherwise. */
export function treeOf({ domain = 'nodes.test', sequence = 1n, key = keyOf(0), ...content }: TreeOptions): TestTree {
  const to = { publicKey: secp256k1.getPublicKey(key), domain }
  const subtrees = growTree(content)
  const root = signRoot({ ...subtrees, sequence }, key)
  const below = [...subtrees.entries].map(([hash, text]) => [`${hash}.${domain}`, text] as const)
  return { ...subtrees, to, url: treeUrlText(to), zone: new Map([[domain, root], ...below]) }
}
