/** The group of two people in MVDS. Private groups use it too: there each message goes to each member on its own. */
import { compress, keccak256, type PublicKey, uncompress } from '../keys.ts'
import type { PeerName } from './records.ts'

/** keccak256 of both compressed keys, the one with the smaller X first. The same for both. */
export function oneToOneGroupId(one: PublicKey, other: PublicKey): Uint8Array {
  const keys = [compress(one), compress(other)].sort((a, b) => Buffer.compare(a.subarray(1), b.subarray(1)))
  return keccak256(...keys)
}

/** A peer's name: its key of 65 bytes. */
export function peerName(key: PublicKey): PeerName {
  return Buffer.from(uncompress(key)).toString('hex')
}
